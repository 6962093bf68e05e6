"""Plain code writes what a colleague would, and nothing that the evidence does not say."""

import json
from pathlib import Path

import pytest

from agent.answer import Failure
from agent.composition import compose
from agent.evidence import PERCENTILE
from agent.grounding import check
from specialists.schema import Evidence, EvidenceFinding

CASES = Path(__file__).parents[1] / "data" / "grounding" / "development.jsonl"


def finding(number, name, assertion, text, value=None, laterality=None) -> Evidence:
    return Evidence(
        id=f"E{number}",
        tool="report_chest_xray",
        attachment="A1",
        text=text,
        finding=EvidenceFinding(name=name, assertion=assertion, laterality=laterality),
        value=value,
        unit=None if value is None else "1",
    )


def measured(number, text, value, unit, tool="report_ct") -> Evidence:
    return Evidence(id=f"E{number}", tool=tool, attachment="A1", text=text, value=value, unit=unit)


def texts(question, evidence, **others) -> list[str]:
    return [statement.text for statement in compose(question, evidence, **others)]


def all_evidence() -> list[list[Evidence]]:
    """All evidence of each set of the checker's cases, and the form of real CT results."""
    sets: dict[str, dict[str, Evidence]] = {}
    for line in CASES.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case["id"].startswith("r-"):
            own = sets.setdefault(case["id"].rpartition("-")[0], {})
            own |= {each["id"]: Evidence(**each) for each in case["evidence"]}
    return [*(list(own.values()) for own in sets.values()), CT]


CT = [
    measured(
        1,
        "The volume of the right lung in view is 73.4 cm3; the scan cuts the lung at its top, so "
        "this is not the whole lung.",
        73.4,
        "cm3",
    ),
    measured(2, "The mean density of the right lung in view is -753 [hnsf'U].", -753.0, "[hnsf'U]"),
    measured(
        3,
        "The volume of the left lung in view is 42.7 cm3; the scan cuts the lung at its top, so "
        "this is not the whole lung.",
        42.7,
        "cm3",
    ),
    measured(4, "The mean density of the left lung in view is -742 [hnsf'U].", -742.0, "[hnsf'U]"),
    measured(5, "Fat (-190 to -30 HU) in view takes up 2266 cm3.", 2266.0, "cm3"),
    measured(6, "Bone with its marrow in view takes up 172 cm3.", 172.0, "cm3"),
]


@pytest.mark.parametrize("evidence", all_evidence(), ids=lambda each: each[0].tool)
@pytest.mark.parametrize("question", ["Is there pneumonia?", "How large are the lungs?", ""])
def test_every_statement_is_supported_by_what_it_cites(question, evidence):
    by_id = {each.id: each for each in evidence}
    statements = compose(question, evidence)
    assert any(statement.citations for statement in statements)
    for statement in statements:
        if statement.kind != "limitation":
            cited = [by_id[name] for name in statement.citations]
            assert check(statement.text, cited).supported, statement.text


def test_what_was_asked_comes_first():
    evidence = [
        finding(1, "cardiomegaly", "present", "The heart is enlarged.", 0.9),
        finding(2, "pneumonia", "absent", "The model finds no pneumonia (0.05).", 0.05),
    ]
    assert texts("Is there pneumonia?", evidence)[0].startswith("The model finds no pneumonia")
    assert texts("Is the heart enlarged?", evidence)[0].startswith("The heart")


def test_left_and_right_share_a_sentence():
    first = compose("How large are the lungs?", CT)[0]
    assert first.citations == ("E1", "E3")
    assert "73.4 cm3 (left: 42.7 cm3)" in first.text


def test_units_are_written_for_people():
    assert any("-753 HU (left: -742 HU)" in text for text in texts("Density?", CT))


def test_row_of_a_table_becomes_a_sentence():
    evidence = [finding(1, "pneumothorax", "absent", "Pneumothorax: absent (0.03).", 0.03)]
    assert texts("", evidence) == ["There is no sign of pneumothorax (probability 3 %)."]


def test_absent_findings_are_told_together():
    evidence = [
        finding(1, "pneumothorax", "absent", "No pneumothorax."),
        finding(2, "pleural effusion", "absent", "No pleural effusion."),
    ]
    (statement,) = compose("", evidence)
    assert statement.text == "There is no sign of pneumothorax or pleural effusion."
    assert statement.citations == ("E1", "E2")


def test_score_percentile_and_overlap_are_one_statement():
    subject, tool = "PGS000001 (breast cancer)", "score_polygenic_risk"
    evidence = [
        measured(1, f"The polygenic score {subject} of sample 1 is 1.23.", 1.23, "1", tool),
        measured(
            2,
            f"The polygenic score {subject} of sample 1 is at percentile 84 of EUR.",
            84.0,
            PERCENTILE,
            tool,
        ),
        measured(
            3,
            f"97 % of the variants of {subject} were matched in sample 1 (overlap 0.97).",
            0.97,
            "1",
            tool,
        ),
    ]
    (statement,) = compose("What is the risk of breast cancer?", evidence)
    assert statement.citations == ("E1", "E2", "E3")
    assert "percentile 84" in statement.text
    assert "97 %" in statement.text


def test_inconclusive_set_is_told_as_such():
    text = "At 90% coverage the lesion is compatible with: melanoma or nevus."
    (statement,) = compose("", [finding(1, "melanoma or nevus", "uncertain", text)])
    assert statement.certainty == "inconclusive"


def test_limits_come_last_and_cite_nothing():
    failure = Failure(tool="report_ct", attachment="A2", code="timed_out", message="Too slow.")
    statements = compose(
        "Is there a fracture?",
        [finding(1, "pneumonia", "absent", "No pneumonia.")],
        [failure],
    )
    limits = [each for each in statements if each.kind == "limitation"]
    assert statements[-2:] == limits
    assert [each.text for each in limits] == [
        "Nothing that was consulted speaks of fracture.",
        "report_ct gave no result: Too slow.",
    ]


def test_report_beside_findings_of_its_own_is_not_repeated():
    film = finding(1, "pneumonia", "absent", "No pneumonia.")
    report = Evidence(id="E2", tool=film.tool, attachment="A1", text="IMPRESSION\nNo pneumonia.")
    assert len(compose("", [film, report])) == 1
    assert len(compose("", [report])) == 1


def test_no_evidence_gives_no_statement():
    assert compose("Is there pneumonia?", []) == []
