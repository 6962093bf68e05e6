"""What is read out of MedGemma's answers."""

from __future__ import annotations

import numpy as np
import pytest

from agent.grounding import check
from agent.language.terminology import terminology
from specialists.medgemma import recipes
from specialists.medgemma.answers import boxes, json_in, plain, without_thoughts
from specialists.medgemma.change import compared
from specialists.medgemma.client import shares
from specialists.medgemma.report import findings, matching
from specialists.medgemma.terms import SITES, names
from specialists.schema import Evidence, EvidenceFinding, Finding
from tests.medgemma import BOXES, REPORT

WHITE = np.full((2, 2, 3), 255, np.uint8)


def read(text: str, modality: str = "xr") -> set[tuple[str, str, str | None, str | None]]:
    return {(f.assertion, f.name, f.laterality, f.site) for f in findings(plain(text), modality)}


def test_thoughts_are_taken_away_closed_or_not() -> None:
    assert without_thoughts("<unused94>thought\na\nb<unused95>Answer") == "Answer"
    assert without_thoughts("lost begin<unused95> Answer") == "Answer"
    assert without_thoughts("<unused94>thought that was cut") == ""


def test_fences_and_marks_are_taken_away_and_words_stay() -> None:
    assert plain("```text\n**Findings:** the _heart_\n```") == "Findings: the _heart_"
    assert plain("## Impression\nNo 2*3") == "Impression\nNo 2*3"


def test_boxes_are_read_through_thoughts_and_fences() -> None:
    found = boxes(BOXES)
    assert [one.label for one in found] == ["cardiomegaly", "right pleural effusion"]
    assert found[0].corners == (400, 300, 800, 750)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "There is nothing.",
        '```json\n[{"box_2d": [1, 2, 3], "label": "a"}]\n```',
        '[{"box_2d": [1, 2, 3, 4000], "label": "a"}]',
        '[{"box_2d": [1, 2, 1, 4], "label": "a"}]',
        '[{"box_2d": ["1", 2, 3, 4], "label": "a"}]',
        '[{"box_2d": [true, 2, 3, 4], "label": "a"}]',
        '[{"box_2d": [1, 2, 3, 4], "label": 7}]',
        '[{"box_2d": [1, 2, 3, 4], "lab',
        '"box_2d"',
        "[" * 5000,
    ],
)
def test_what_is_no_box_gives_none(text: str) -> None:
    assert boxes(text) == []


def test_json_is_found_bare_among_words_and_alone() -> None:
    assert json_in('Here it is: {"a": [1]} as asked.') == {"a": [1]}
    assert boxes('Final: {"box_2d": [1, 2, 3, 4], "label": "x"}')[0].label == "x"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Small left pleural effusion and right basilar atelectasis.",
            {
                ("present", "pleural effusion", "left", None),
                ("present", "atelectasis", "right", "lung base"),
            },
        ),
        (
            "There is no focal consolidation, pleural effusion, or pneumothorax.",
            {
                ("absent", "consolidation", None, None),
                ("absent", "pleural effusion", None, None),
                ("absent", "pneumothorax", None, None),
            },
        ),
        ("The heart is mildly enlarged.", {("present", "cardiomegaly", None, None)}),
        ("Heart size is normal.", {("absent", "cardiomegaly", None, None)}),
        ("Pneumonia cannot be excluded.", {("uncertain", "pneumonia", None, None)}),
        ("No definite pneumothorax.", {("uncertain", "pneumothorax", None, None)}),
        ("Pleural effusion: None.", {("absent", "pleural effusion", None, None)}),
        ("History of tuberculosis.", set()),
        ("Recommend CT to exclude pulmonary embolism.", set()),
        ("No new nodules.", set()),
        ("Pleural effusions cannot be assessed.", set()),
        ("INDICATION: pneumonia?\nFINDINGS: No fracture.", {("absent", "fracture", None, None)}),
        (
            "Cardiomegaly, but no pulmonary edema.",
            {("present", "cardiomegaly", None, None), ("absent", "pulmonary edema", None, None)},
        ),
        (
            "The previously seen right effusion has resolved.",
            {("absent", "pleural effusion", "right", None)},
        ),
        (
            "Bilateral pleural effusions, left greater than right.",
            {("present", "pleural effusion", "bilateral", None)},
        ),
        (
            "No evidence of pneumonia, though an opacity is seen at the left base.",
            {
                ("absent", "pneumonia", None, None),
                ("present", "pulmonary opacity", "left", "lung base"),
            },
        ),
        (
            "The lungs are clear except for a left basal opacity.",
            {("present", "pulmonary opacity", "left", "lung base")},
        ),
    ],
)
def test_report_is_read_with_assertion_side_and_site(
    text: str, told: set[tuple[str, str, str | None, str | None]]
) -> None:
    assert read(text) == told


def test_sentences_that_contradict_each_other_leave_it_uncertain() -> None:
    assert read("No pneumothorax. Small right apical pneumothorax.") == {
        ("uncertain", "pneumothorax", "right", "lung apex")
    }
    assert read("There is pneumonia. There is no pneumonia.") == {
        ("uncertain", "pneumonia", None, None)
    }


def test_side_that_has_it_and_side_that_has_not_are_both_told() -> None:
    assert read("Small right pleural effusion. No left pleural effusion.") == {
        ("present", "pleural effusion", "right", None),
        ("absent", "pleural effusion", "left", None),
    }


def test_what_only_sounds_like_a_finding_is_none() -> None:
    assert read("No mass effect or midline shift.", "ct") == {
        ("absent", "midline shift", None, None)
    }


CURRENT = "The heart is enlarged. Small right pleural effusion. No pneumothorax."


@pytest.mark.parametrize(
    ("comparison", "name", "assertion", "ends"),
    [
        ("The right pleural effusion is new.", "pleural effusion", "present", "film: new."),
        ("The effusion has increased.", "pleural effusion", "present", "film: worse."),
        ("No change in the right effusion.", "pleural effusion", "present", "film: unchanged."),
        ("Stable cardiomegaly.", "cardiomegaly", "present", "film: unchanged."),
        ("The pneumothorax has resolved.", "pneumothorax", "absent", "film: resolved."),
        ("Pulmonary edema has resolved.", "pulmonary edema", "absent", "film: resolved."),
        ("There is a new left rib fracture.", "rib fracture", "present", "film: new."),
        ("The right effusion has resolved.", "pleural effusion", "uncertain", "effusion (right)."),
        ("No new effusion.", "pleural effusion", "present", "effusion (right)."),
        (
            "The left effusion is new, the right unchanged.",
            "pleural effusion",
            "present",
            "(right).",
        ),
    ],
)
def test_comparison_says_what_became_of_a_finding(
    comparison: str, name: str, assertion: str, ends: str
) -> None:
    told = compared(comparison, findings(CURRENT, "xr"), "xr")
    one = next(each for each in told if each.name == name)
    assert one.assertion == assertion
    assert one.text.endswith(ends)
    assert check(one.text, [evidence(one)]).supported


def test_label_of_a_box_means_the_finding_of_its_side() -> None:
    found = findings("Right pleural effusion. Cardiomegaly.", "xr")
    assert [found[at].name for at in matching("Pleural effusion (right)", found, "xr")] == [
        "pleural effusion"
    ]
    assert matching("left pleural effusion", found, "xr") == []
    assert matching("clavicle", found, "xr") == []


@pytest.mark.parametrize("modality", ["xr", "ct"])
def test_every_name_is_one_of_the_checkers(modality: str) -> None:
    known = terminology()
    assert set(names(modality)) <= set(known)
    assert {site for site, _ in SITES} <= set(known)


def evidence(finding: Finding) -> Evidence:
    fields = EvidenceFinding(
        name=finding.name,
        assertion=finding.assertion,
        site=finding.site,
        laterality=finding.laterality,
    )
    return Evidence(id="E1", tool="report_chest_xray", attachment="A1", text=finding.text,
                    finding=fields)  # fmt: skip


def test_checker_takes_what_a_report_says_and_not_the_other_side() -> None:
    found = findings(plain(REPORT), "xr")
    effusion = next(one for one in found if one.name == "pleural effusion")
    cited = [evidence(effusion)]
    assert check("There is a right pleural effusion.", cited).supported
    assert check("There is a left pleural effusion.", cited).code == "side"
    assert check("There is no pleural effusion.", cited).code == "polarity"
    for one in found:
        assert check(one.text, [evidence(one)]).supported


def test_shares_of_options_leave_out_what_is_none() -> None:
    found, mass = shares(
        {"A": np.log(0.2), " A": np.log(0.1), "B": np.log(0.1), "x": 0.0}, ["A", "B"]
    )
    assert found == pytest.approx([0.75, 0.25])
    assert mass == pytest.approx(0.4)
    assert shares({"The": 0.0}, ["A", "B"]) == ([0.5, 0.5], 0.0)


def test_layouts_of_the_recipes() -> None:
    def shape(recipe: recipes.Recipe) -> list[str]:
        return ["picture" if not isinstance(one, str) else one for one in recipe.parts]

    assert shape(recipes.chest_report(WHITE)) == ["picture", "Describe this X-ray"]
    assert shape(recipes.chest_comparison(WHITE, WHITE))[:2] == ["picture", "picture"]
    assert recipes.chest_comparison(WHITE, WHITE).most == 600
    assert shape(recipes.localization(WHITE, ["nodule"]))[0] == "picture"
    assert recipes.localization(WHITE, ["nodule"]).most == 1000
    ct = recipes.volume([WHITE, WHITE], "CT")
    assert shape(ct)[1:5] == ["picture", "SLICE 1", "picture", "SLICE 2"]
    assert (len(ct.parts), ct.most) == (6, 2000)
    eye = shape(
        recipes.options([WHITE], "Grades:", ["none", "mild", "moderate", "severe", "worst"])
    )
    assert eye[0] == "picture"
    assert "(A) none\n(B) mild\n(C) moderate\n(D) severe\n(E) worst" in eye[1]
    assert eye[1].endswith("The most likely diagnosis is:")


def test_question_with_braces_stays_as_it_is() -> None:
    recipe = recipes.question([WHITE], "What is {options} and {0}?")
    assert str(recipe.parts[-1]).startswith("What is {options} and {0}?")
