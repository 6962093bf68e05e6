"""The checker, on cases that were written by hand from evidence of every kind of tool."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from agent.grounding import check
from agent.grounding.items import language_of
from agent.grounding.tokens import LANGUAGES
from agent.language.terminology import terminology
from specialists.schema import Evidence, EvidenceFinding

FOLDER = Path(__file__).parents[1] / "data" / "grounding"
HALVES = ("development", "test")

FILM = Evidence(
    id="E1",
    tool="report_chest_xray",
    attachment="A1",
    text="Signs of pneumonia or opacity are present in the right lower lobe (probability 0.93).",
    finding=EvidenceFinding(
        name="pneumonia or opacity", assertion="present", site="lower lobe", laterality="right"
    ),
    value=0.93,
    unit="1",
)
LEFT = Evidence(
    id="E2",
    tool="report_ct",
    attachment="A2",
    text="The volume of the left lung is 2510 cm3.",
    value=2510.3,
    unit="cm3",
)
RIGHT = Evidence(
    id="E3",
    tool="report_ct",
    attachment="A2",
    text="The volume of the right lung is 3012 cm3.",
    value=3012.4,
    unit="cm3",
)


def cases(half: str) -> list[dict]:
    text = (FOLDER / f"{half}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def verdict(case: dict):
    return check(case["statement"], [Evidence(**each) for each in case["evidence"]])


def code_of(statement: str, *cited: Evidence) -> str:
    return check(statement, cited).code


@pytest.mark.parametrize(
    ("half", "least_caught", "most_refused"), [("development", 0.97, 0.03), ("test", 0.97, 0.10)]
)
def test_cases_are_told_apart_at_the_stated_rates(half, least_caught, most_refused):
    tally = Counter((case["supported"], verdict(case).supported) for case in cases(half))
    faulty = tally[False, True] + tally[False, False]
    faithful = tally[True, True] + tally[True, False]
    caught, refused = tally[False, False] / faulty, tally[True, False] / faithful
    assert caught >= least_caught, f"{caught:.3f} of {faulty} faulty statements were caught"
    assert refused <= most_refused, f"{refused:.3f} of {faithful} faithful statements were refused"


def test_cases_are_many_in_six_languages_and_the_halves_share_no_statement():
    halves = {half: cases(half) for half in HALVES}
    assert sum(map(len, halves.values())) >= 1000
    for half in halves.values():
        assert {case["language"] for case in half} == set(LANGUAGES)
    told = [{case["statement"] for case in half} for half in halves.values()]
    voices = [{case["voice"] for case in half} - {"rule"} for half in halves.values()]
    assert not told[0] & told[1]
    assert not voices[0] & voices[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_of_a_case_is_recognised(language):
    told = [case for case in cases("development") if case["language"] == language]
    wrong = [c["statement"] for c in told if language_of(c["statement"]) != language]
    assert len(wrong) <= 0.06 * len(told), wrong


def test_statement_is_checked_in_under_5_ms():
    chosen = cases("development")[::7]
    for case in chosen:
        verdict(case)
    start = time.process_time()
    for case in chosen:
        verdict(case)
    assert (time.process_time() - start) / len(chosen) < 0.005


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("There is pneumonia or opacity in the right lower lobe.", "supported"),
        ("Pneumonia or opacity is present (93 %) [E1].", "supported"),
        ("There is no pneumonia.", "polarity"),
        ("There is consolidation.", "finding"),
        ("There is pneumonia or opacity in the left lower lobe.", "side"),
        ("There is pneumonia or opacity in the right upper lobe.", "site"),
        ("Pneumonia or opacity is present with a probability of 0.39.", "number"),
        ("Pneumonia or opacity has a probability of 0.93 mm.", "unit"),
        ("Pneumonia or opacity is definitely present.", "certainty"),
        ("There is new pneumonia or opacity.", "time"),
        ("Pneumonia or opacity should be treated.", "recommendation"),
        ("Pneumonia or opacity is present because of smoking.", "cause"),
        ("The radiologist found pneumonia or opacity.", "source"),
        ("The patient reports pneumonia or opacity.", "source"),
        ("Hay signos de neumonía u opacidad en el lóbulo inferior derecho.", "supported"),
        ("Oikeassa alalohkossa on merkkejä keuhkokuumeesta tai varjostumasta.", "language"),
        ("Pneumonia or opacity is present [E7].", "citation"),
        ("Is there pneumonia or opacity?", "question"),
        ("[E1]", "empty"),
        ("It is present.", "empty"),
        ("There are other findings.", "invented"),
        ("The model finds nothing else.", "invented"),
    ],
)
def test_fault_is_named_by_its_code(statement, code):
    assert code_of(statement, FILM) == code


@pytest.mark.parametrize(
    "statement",
    ["左下叶有肺炎或阴影。", "Keine Pneumonie.", "Pas de pneumonie.", "Det er pneumoni."],
)
def test_statement_of_another_language_is_checked_or_refused(statement):
    assert not check(statement, [FILM]).supported


@pytest.mark.parametrize(
    "statement",
    [
        "Neumonía u opacidad en el lóbulo inferior derecho, probabilidad 0,93.",
        "Pneumonie ou opacité du lobe inférieur droit, probabilité de 93 %.",
        "Pneumonie oder Verschattung im rechten Unterlappen (Wahrscheinlichkeit 93 %).",
        "Pneumonia ou opacidade no lobo inferior direito, probabilidade de 0,93.",
        "右肺下叶可见肺炎或阴影,概率为93%。",
    ],
)
def test_faithful_statement_is_supported_in_any_language(statement):
    assert code_of(statement, FILM) == "supported"


def test_statement_without_citation_is_refused():
    assert check("There is pneumonia or opacity.", []).code == "uncited"


def test_what_one_tool_saw_is_not_told_of_another():
    assert code_of("The CT shows pneumonia or opacity.", FILM, LEFT) == "source"
    assert code_of("The film shows a left lung volume of 2510 cm3.", FILM, LEFT) == "source"
    assert code_of("The film shows pneumonia or opacity.", FILM, LEFT) == "supported"


def test_disjunction_supports_neither_of_its_parts_alone():
    assert code_of("There is pneumonia.", FILM) == "finding"
    assert code_of("Pneumonia is possible.", FILM) == "supported"


@pytest.mark.parametrize(
    ("statement", "supported"),
    [
        ("The left lung measures 2.5 L and the right 3.0 L.", True),
        ("The left and right lungs measure 2.51 and 3.01 L.", True),
        ("The left lung measures 3.0 L and the right 2.5 L.", False),
        ("The left lung measures 2,510 mL.", True),
        ("The left lung measures about 2500 mL.", True),
        ("The left lung measures 2500 mL.", False),
        ("The left lung measures 2.5 mL.", False),
        ("The left lung measures more than 2 L.", True),
        ("The left lung measures more than 3 L.", False),
        ("The left lung does not measure 2510 cm3.", False),
        ("The right lung is larger than the left.", True),
        ("The left lung is larger than the right.", False),
        ("The lungs measure 5.5 L together.", True),
        ("The lungs measure 6.5 L together.", False),
        ("The left lung is 502 mL smaller than the right.", True),
        ("The left lung is 702 mL smaller than the right.", False),
        ("The left lung measures 5.5 L in total.", False),
    ],
)
def test_numbers_follow_sides_units_and_digits(statement, supported):
    assert check(statement, [LEFT, RIGHT]).supported is supported


@pytest.mark.parametrize(
    ("text", "statement", "supported"),
    [
        ("Pneumothorax cannot be excluded.", "Pneumothorax is possible.", True),
        ("Pneumothorax cannot be excluded.", "Pneumothorax is excluded.", False),
        ("No change in the effusion.", "The effusion is unchanged.", True),
        ("No change in the effusion.", "There is no effusion.", False),
        ("History of tuberculosis.", "There is tuberculosis.", False),
        ("If there is pneumonia, it is small.", "There is pneumonia.", False),
        ("The lungs are not normal.", "The lungs are normal.", False),
        ("No fracture.", "There is no rib fracture.", True),
        ("No rib fracture.", "There is no fracture.", False),
        ("The effusion was not seen.", "There is no effusion.", True),
        ("The effusion was not seen.", "There is an effusion.", False),
        ("The model did not find a nodule.", "A nodule was not found.", True),
        ("This is no measure of osteoporosis.", "There is no osteoporosis.", False),
        ("NOT ASSESSED\npneumothorax, nodules", "There is a pneumothorax.", False),
        ("The emphysema index is 4 %.", "There is emphysema.", False),
        ("Is there a fracture?", "There is a fracture.", False),
        ("Pneumonia is absent.", "Pneumonia is not absent.", False),
        ("No pneumonia.", "The film is normal.", False),
    ],
)
def test_text_alone_supports_only_what_it_says(text, statement, supported):
    evidence = Evidence(id="E1", tool="other_server", attachment=None, text=text)
    assert check(statement, [evidence]).supported is supported


def test_inconclusive_set_is_no_diagnosis():
    skin = Evidence(
        id="E1",
        tool="classify_skin_lesion",
        attachment="A1",
        text="At 90 % coverage the lesion is compatible with: melanoma or melanocytic nevus.",
        finding=EvidenceFinding(name="melanoma or melanocytic nevus", assertion="uncertain"),
    )
    assert code_of("The lesion is a melanoma.", skin) == "certainty"
    assert code_of("The result is inconclusive between melanoma and melanocytic nevus.", skin) == (
        "supported"
    )


def test_score_for_a_disease_is_not_the_disease():
    score = Evidence(
        id="E1",
        tool="score_polygenic_risk",
        attachment="A1",
        text="The polygenic score PGS000001 (breast cancer) of sample 1 is 1.23.",
        value=1.2345,
        unit="1",
    )
    assert code_of("The polygenic score for breast cancer is 1.23.", score) == "supported"
    assert code_of("The patient has breast cancer.", score) == "certainty"


def test_finding_outside_the_terminology_is_checked_too():
    focus = Evidence(
        id="E1",
        tool="report_ct",
        attachment="A1",
        text="No focus was found.",
        finding=EvidenceFinding(name="dense focus outside bone", assertion="absent"),
    )
    assert code_of("There is no dense focus outside bone.", focus) == "supported"
    assert code_of("There is a dense focus outside bone.", focus) == "polarity"


def test_repeated_evidence_is_supported():
    assert code_of(FILM.text, FILM) == "supported"


def test_terminology_is_whole():
    kinds = Counter(term.category for term in terminology().values())
    assert kinds["finding"] >= 150
    assert all(above in terminology() for term in terminology().values() for above in term.broader)
    assert all(kinds[kind] for kind in ("procedure", "drug", "anatomy", "change", "modifier"))


@pytest.mark.parametrize("code", sorted(t.snomed for t in terminology().values() if t.snomed))
def test_snomed_code_has_a_valid_check_digit(code):
    assert _verhoeff(code) == 0


def _verhoeff(digits: str) -> int:
    """Check digit of SNOMED CT identifiers, by the dihedral group of order ten."""
    permutation, state = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = permutation[value]
        state = _product(state, value)
    return state


def _product(one: int, two: int) -> int:
    if one < 5:
        return (one + two) % 5 + (0 if two < 5 else 5)
    return (one - two) % 5 + (5 if two < 5 else 0)
