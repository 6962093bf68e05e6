"""What a record has as an allergy or as past is not told as anything else."""

import pytest

from agent.grounding import check
from specialists.schema import Evidence, EvidenceFinding


def entry(name: str, text: str, number: int = 1) -> Evidence:
    return Evidence(
        id=f"E{number}",
        tool="read_patient_record",
        attachment="A1",
        text=text,
        finding=EvidenceFinding(name=name, assertion="present"),
    )


ALLERGY = entry("allergy to penicillin", "Allergy to penicillin is present, by the record.")
PAST = entry("past pneumonia", "Past pneumonia: the record has it as resolved.")


@pytest.mark.parametrize("statement", [
    "The patient takes penicillin.", "Penicillin is present.", "El paciente toma penicillin.",
])  # fmt: skip
def test_allergy_is_not_told_as_a_medication(statement):
    verdict = check(statement, [ALLERGY])
    assert (verdict.supported, verdict.code) == (False, "finding")


@pytest.mark.parametrize("statement", [
    "The patient has pneumonia.", "Pneumonia is present.", "Signs of pneumonia are present.",
    "Es besteht eine Pneumonia.",
])  # fmt: skip
def test_past_illness_is_not_told_as_present(statement):
    verdict = check(statement, [PAST])
    assert (verdict.supported, verdict.code) == (False, "time")


@pytest.mark.parametrize(("statement", "one"), [
    ("Allergy to penicillin is present.", ALLERGY),
    ("Past pneumonia: the record has it as resolved.", PAST),
])  # fmt: skip
def test_entries_told_as_they_are_pass(statement, one):
    assert check(statement, [one]).supported


def test_other_evidence_may_say_that_it_is_there_now():
    film = Evidence(
        id="E2",
        tool="report_chest_xray",
        attachment="A2",
        text="The model finds signs of pneumonia or opacity (calibrated probability 0.97).",
        finding=EvidenceFinding(name="pneumonia or opacity", assertion="present"),
    )
    assert check("The model finds signs of pneumonia or opacity.", [PAST, film]).supported
