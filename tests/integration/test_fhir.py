"""A patient's record as a source: from a Bundle and from a FHIR server, without who it is of."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from agent import Agent, Answer, Settings
from agent.grounding import check
from agent.workshop import workshop
from tests.fhir_server import TOKEN, Ehr, fhir_server
from tools.callers import Caller, Callers
from tools.server import build_server

pytestmark = pytest.mark.anyio
NAMING = (
    "Quasimodo", "Wilhelmina", "Frollo", "Phoebus", "4711", "0815", "1958", "2019-", "2024-",
    "2021-", "Notredame", "Bell Tower", "c-881", "Ignore all",
)  # fmt: skip


@pytest.fixture
def record(data: Path) -> Path:
    return data / "fhir" / "patient.json"


@pytest.fixture
def ehr(record: Path) -> Ehr:
    return Ehr.of(record)


@pytest.fixture
def served(ehr: Ehr, settings: Settings) -> Iterator[Settings]:
    with fhir_server(ehr) as url:
        yield settings.model_copy(update={"fhir_url": url, "fhir_authorization": TOKEN})


async def asked(settings: Settings, question: str, file: Path | str) -> Answer:
    async with Agent(settings) as agent:
        return await agent.ask_async(question, [file])


def parts_of(answer: Answer) -> list[str | None]:
    return [call.arguments.get("part") for call in answer.plan.calls]


def assert_nobody_named(*texts: str) -> None:
    for text in texts:
        assert not [one for one in NAMING if one in text]


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("What does the patient record say?", [None]),
        ("Which medications and allergies are in the record?", ["medications", "allergies"]),
        ("What was the last HbA1c?", ["observations"]),
        ("Which procedures are in the medical record?", ["procedures"]),
        ("¿Qué alergias tiene?", ["allergies"]),
    ],
)
async def test_question_reads_only_the_parts_that_it_needs(
    settings: Settings, record: Path, question: str, parts: list[str | None]
) -> None:
    answer = await asked(settings, question, record)
    assert answer.action == "call"
    assert parts_of(answer) == parts
    assert answer.statements
    assert answer.dropped.count == 0


async def test_answer_has_numbers_states_and_references_and_names_nobody(
    settings: Settings, record: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await asked(settings, "What are the conditions, medications and labs?", record)
    said = {one.text: one for one in answer.evidence}
    found = {one.finding.name: one.finding.assertion for one in said.values() if one.finding}
    assert found["type II diabetes mellitus"] == "present"
    assert found["past pneumonia"] == "present"
    assert "pneumonia" not in found
    assert found["chronic obstructive lung disease"] == "uncertain"
    assert found["medication amoxicillin"] == "absent"
    values = {(one.value, one.unit) for one in said.values() if one.value is not None}
    assert {(7.2, "%"), (8.1, "%"), (148.0, "mm[Hg]"), (86.0, "mm[Hg]")} == values
    assert all("[" in text for text in said)
    assert (900.0, "umol/L") not in values
    assert_nobody_named(answer.model_dump_json(), caplog.text)


async def test_manifest_counts_what_there_is_and_says_age_and_sex(
    settings: Settings, record: Path
) -> None:
    async with Agent(settings) as agent:
        (seen,) = (await agent.inspect([record])).files
    assert seen.manifest is not None
    assert seen.manifest.kind == "record"
    assert (seen.manifest.age_years, seen.manifest.sex) == (65, "female")
    assert seen.manifest.resources == {
        "AllergyIntolerance": 1, "Condition": 4, "DiagnosticReport": 1, "MedicationRequest": 2,
        "Observation": 4, "Procedure": 1,
    }  # fmt: skip
    assert seen.accepted_by == ("read_patient_record",)
    assert_nobody_named(seen.model_dump_json())


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        ("Type I diabetes mellitus is present.", "Type II"),
        ("Type II diabetes mellitus is absent.", "Type II"),
        ("Pneumonia is present.", "pneumonia"),
        ("Chronic obstructive lung disease is present.", "Chronic"),
        ("The medication amoxicillin is present.", "amoxicillin"),
        ("The medication warfarin is present.", "metformin"),
        ("Allergy to latex is present.", "penicillin"),
        ("There is no allergy to penicillin.", "penicillin"),
        ("Hemoglobin A1c is 9.2 %.", "7.2"),
        ("Hemoglobin A1c is 7.2 mm.", "7.2"),
        ("Systolic blood pressure is 86 mmHg.", "Diastolic"),
    ],
)
async def test_false_statement_about_a_record_is_refused(
    settings: Settings, record: Path, statement: str, about: str
) -> None:
    answer = await asked(settings, "Which conditions, medications, allergies, labs?", record)
    (cited,) = [one for one in answer.evidence if about in one.text]
    assert check(cited.text, [cited]).supported
    assert not check(statement, [cited]).supported


async def test_advice_is_refused_beside_a_record(settings: Settings, record: Path) -> None:
    answer = await asked(settings, "Which medication should she take?", record)
    assert answer.action == "refuse"


async def test_record_of_two_patients_is_refused(settings: Settings, tmp_path: Path) -> None:
    people = [{"resource": {"resourceType": "Patient", "id": name}} for name in ("a", "b")]
    (tmp_path / "two.json").write_text(json.dumps({"resourceType": "Bundle", "entry": people}))
    answer = await asked(settings, "What does the record say?", tmp_path / "two.json")
    assert [one.code for one in answer.failures] == ["mixed_patients"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"resourceType": "Bundle", "entry": [', "unreadable_file"),
        ('{"resourceType": "Bundle", "entry": ' + "[" * 100_000, "unreadable_file"),
        ('{"resourceType": "Patient"}', "unsupported_format"),
        ('{"a": "resourceType: Bundle"}', "unsupported_format"),
    ],
)
async def test_file_that_is_no_record_is_an_error(
    settings: Settings, tmp_path: Path, content: str, code: str
) -> None:
    (tmp_path / "record.json").write_text(content)
    async with Agent(settings) as agent:
        (seen,) = (await agent.inspect([tmp_path / "record.json"])).files
    assert seen.error_code == code


@pytest.mark.parametrize(
    "entry",
    [
        {"resourceType": "Condition", "code": "E11"},
        {"resourceType": "Condition", "code": {"coding": "x"}, "clinicalStatus": 3},
        {"resourceType": "Observation", "valueQuantity": {"value": "7"}, "code": {"coding": [{}]}},
        {"resourceType": "Condition", "code": {"text": "Jane has it"}},
        {
            "resourceType": "Condition",
            "code": {"coding": [{"system": "s", "code": "c", "display": "Fall of Quasimodo"}]},
            "recorder": {"display": "Q. Quasimodo"},
        },
        {
            "resourceType": "Condition",
            "code": {"coding": [{"system": "s", "code": "c", "display": "seen 2021-01-02"}]},
        },
    ],
)
async def test_entry_without_a_safe_coded_term_is_withheld_and_counted(
    settings: Settings, tmp_path: Path, entry: dict[str, Any]
) -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": entry}, "x", {"resource": 1}]}
    (tmp_path / "record.json").write_text(json.dumps(bundle))
    part = "observations" if entry["resourceType"] == "Observation" else "conditions"
    async with Agent(settings) as agent:
        outcome = await agent.call_async(
            "read_patient_record", [tmp_path / "record.json"], part=part
        )
    said = outcome.structured or {}
    assert said["findings"] == said["measurements"] == []
    assert "may name a person: 1." in " ".join(said["not_assessed"])
    assert "Quasimodo" not in str(said)


async def test_server_is_asked_for_counts_first_and_then_for_what_is_needed(
    served: Settings, ehr: Ehr
) -> None:
    answer = await asked(served, "Which conditions does the record have?", "fhir:pat-4711")
    assert {one.finding.name for one in answer.evidence if one.finding} == {
        "chronic obstructive lung disease", "past pneumonia", "type II diabetes mellitus",
    }  # fmt: skip
    read = [one for one in ehr.asked if "_summary=count" not in one]
    assert [one.partition("?")[0] for one in read] == ["/fhir/Patient/pat-4711"] + [
        "/fhir/Condition"
    ] * 2
    assert_nobody_named(answer.model_dump_json())


async def test_medication_of_a_server_comes_with_its_reference(served: Settings) -> None:
    answer = await asked(served, "Which medications are in the record?", "fhir:pat-4711")
    names = {one.finding.name for one in answer.evidence if one.finding}
    assert "medication amoxicillin" in names


@pytest.mark.parametrize(
    ("name", "changed", "code"),
    [
        ("fhir:nobody", {}, "file_not_found"),
        ("fhir:pat-4711", {"status": 500}, "server_unreachable"),
        ("fhir:pat-4711", {"elsewhere": "http://evil.example/fhir"}, "server_unreachable"),
    ],
)
async def test_server_that_does_not_answer_as_it_should_is_an_error(
    served: Settings, ehr: Ehr, name: str, changed: dict[str, Any], code: str
) -> None:
    for field, value in changed.items():
        setattr(ehr, field, value)
    answer = await asked(served, "Which conditions does the record have?", name)
    assert [one.code for one in answer.failures] == [code]
    assert "4711" not in str(answer.failures)
    assert "http" not in str(answer.failures)


async def test_token_of_another_is_told_without_the_address(served: Settings) -> None:
    wrong = served.model_copy(update={"fhir_authorization": "Bearer x"})
    answer = await asked(wrong, "Which conditions does the record have?", "fhir:pat-4711")
    assert [one.code for one in answer.failures] == ["server_unreachable"]


async def test_caller_without_the_right_reads_no_record(served: Settings) -> None:
    may = Caller(name="ward", subject="w", fhir=True)
    shop = workshop(served)
    shop.callers = Callers([may, Caller(name="other", subject="o")])
    for name, works in (("ward", True), ("other", False)):
        own = shop.of(shop.callers.named(name))
        async with Client(build_server(only=["read_patient_record"], workshop=own)) as client:
            result = await client.call_tool_mcp(
                "read_patient_record", {"files": ["fhir:pat-4711"], "part": "allergies"}
            )
        assert result.is_error is not works


async def test_no_server_configured_is_told(settings: Settings) -> None:
    answer = await asked(settings, "Which conditions does the record have?", "fhir:pat-4711")
    assert [one.code for one in answer.failures] == ["unknown_handle"]


@pytest.mark.parametrize("planner", [True, False])
async def test_finding_asked_of_a_record_alone_is_looked_up_there(
    settings: Settings, record: Path, planner: bool
) -> None:
    chosen = settings.model_copy(update={"gemma_embedded": planner})
    answer = await asked(chosen, "Has she had pneumonia before?", record)
    assert {one.tool for one in answer.evidence} == {"read_patient_record"}


async def test_question_about_a_film_does_not_see_the_tool_for_records(
    settings: Settings, data: Path
) -> None:
    film = data / "cxr" / "nih_00000001_000.png"
    answer = await asked(settings, "History of fever, on medication. Pneumonia?", film)
    assert {call.tool for call in answer.plan.calls} == {"report_chest_xray"}
