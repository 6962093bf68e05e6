"""Twenty real cases as plain code tells them, and how the answer is examined."""

from __future__ import annotations

import pytest

from agent.answer import Fact, Language, Statement
from agent.composition import compose
from agent.composition.sections import arrange
from agent.examination import examine, important
from agent.grounding import check
from agent.language import LANGUAGES, detect
from specialists.registry import specs
from specialists.schema import Evidence
from tests.answers import Recorded, note, notes, recorded

ALL = recorded()
BY_ID = {case.id: case for case in ALL}


def named(case: Recorded) -> str:
    return case.id


def test_cases_are_twenty_and_of_every_specialist() -> None:
    assert len(ALL) == 20
    # What a patient record says is checked in test_grounding_records.py.
    read = {*specs()} - {"read_patient_record"}
    assert {one.tool for case in ALL for one in case.evidence} == read


@pytest.mark.parametrize("case", ALL, ids=named)
def test_note_is_the_one_that_people_have_read(case: Recorded) -> None:
    assert note(case) == notes()[case.id], "read the new notes: python -m tests.answers write"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", ALL, ids=named)
def test_every_statement_is_cited_and_supported_in_every_language(
    case: Recorded, language: Language
) -> None:
    known = {one.id: one for one in case.evidence}
    for statement in compose(case.question, case.evidence, (), case.facts, language):
        if statement.kind != "limitation":
            cited = [known[name] for name in statement.citations]
            assert cited
            assert check(statement.text, cited).supported, statement.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", ALL, ids=named)
def test_important_evidence_is_told_and_nothing_else_in_every_language(
    case: Recorded, language: Language
) -> None:
    said = compose(case.question, case.evidence, case.failures, case.facts, language)
    found = examine(case.question, said, case.evidence, case.facts, language)
    assert (found.coverage or 1.0) >= 0.95, found.left_out
    assert not found.hallucination, [said[index].text for index in found.unfounded]


def test_coverage_over_all_cases_is_at_least_95_percent() -> None:
    asked, told = 0, 0
    for case in ALL:
        found = examine(
            case.question, case.statements(), case.evidence, case.facts, detect(case.question)
        )
        asked += found.asked_of_answer
        told += found.asked_of_answer - len(found.left_out)
    assert asked > 50
    assert told / asked >= 0.95


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
@pytest.mark.parametrize("case", ALL, ids=named)
def test_no_english_is_left_in_another_language_but_quotations(
    case: Recorded, language: Language
) -> None:
    quoted = [one.text for one in case.evidence if case.facts[one.id].kind == "text"]
    for statement in compose(case.question, case.evidence, (), case.facts, language):
        text = statement.text
        for each in quoted:
            text = text.replace(each, "")
        words = {"the", "of", "is", "and", "with", "finds"} & set(text.lower().split())
        assert not words, statement.text


def test_first_statement_answers_a_direct_question() -> None:
    case = BY_ID["retina"]
    first = case.statements()[0]
    assert first.text.startswith("The model finds referable diabetic retinopathy")


def test_urgent_finding_stands_on_top_whatever_was_asked() -> None:
    case = BY_ID["colon-tumour"]
    for question in (case.question, "How much tissue is there?", "Write a report."):
        ordered, sections = arrange(question, case.statements(), case.evidence, case.facts, "en")
        assert sections[0].name == "urgent"
        assert "adenocarcinoma" in ordered[0].text


def test_report_ends_with_an_impression_over_several_findings() -> None:
    case = BY_ID["ct-report"]
    statements, sections = arrange(
        case.question, case.statements(), case.evidence, case.facts, "en"
    )
    assert [one.name for one in sections] == ["findings", "measurements", "impression"]
    last = statements[-1]
    assert last.kind == "synthesis"
    assert len(last.citations) > 1


def test_differential_is_ranked_with_what_speaks_for_and_against() -> None:
    case = BY_ID["retina-grades"]
    fact = next(one for one in case.facts.values() if len(one.labels) > 2)
    ranked = [label for _, label in sorted(zip(fact.shares, fact.labels, strict=True))[::-1]]
    told = [one.text for one in case.statements() if "not excluded" in one.text]
    assert [text.split(":")[0].lower() for text in told] == ranked
    against = next(text for text in told if text.startswith("Mild"))
    assert "But the model finds referable" in against
    assert "For it: the model finds referable" in told[0]


def test_statements_about_one_of_several_files_name_it() -> None:
    texts = [one.text for one in BY_ID["films-at-once"].statements() if one.citations]
    assert [text[:4] for text in texts] == ["A1: ", "A2: ", "A3: "]


def test_label_of_another_file_is_not_supported() -> None:
    case = BY_ID["films-at-once"]
    (first,) = (one for one in case.evidence if one.id == "E1")
    assert check(f"A1: {first.text}", [first]).supported
    assert not check(f"A2: {first.text}", [first]).supported


def test_examination_finds_what_is_left_out() -> None:
    case = BY_ID["ct-report"]
    said = [one for one in case.statements() if "E1" not in one.citations]
    found = examine(case.question, said, case.evidence, case.facts, "en")
    assert "E1" in found.left_out
    assert found.coverage is not None
    assert found.coverage < 1


@pytest.mark.parametrize(
    "text",
    [
        "The model finds referable diabetic retinopathy and glaucoma.",
        "The model finds referable diabetic retinopathy (calibrated probability 0.42).",
    ],
)
def test_examination_finds_what_no_evidence_has(text: str) -> None:
    case = BY_ID["retina"]
    lie = Statement(text=text, kind="finding", citations=("E1",))
    found = examine(case.question, [lie], case.evidence, case.facts, "en")
    assert found.unfounded == (0,)
    assert found.hallucination


def test_technical_numbers_and_repetitions_are_not_important() -> None:
    case = BY_ID["ct-report"]
    kept = {one.id for one in important(case.question, case.evidence, case.facts, "en")}
    left = [case.facts[one.id].name for one in case.evidence if one.id not in kept]
    assert any(name and name.startswith("noise") for name in left)
    assert all(case.facts[name].kind != "text" for name in kept)


def test_evidence_without_facts_is_quoted_in_another_language() -> None:
    item = Evidence(id="E1", tool="read_ecg", attachment="A1", text="Sinus rhythm, 62 a minute.")
    (said,) = compose("¿Qué muestra?", [item], (), {"E1": Fact(kind="text")}, "es")
    assert said.text == "«Sinus rhythm, 62 a minute.»"
