from __future__ import annotations

import pytest

from agent.context import remembered, scrubbed


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("MRN 0045821: pneumonia?", "MRN [number]: pneumonia?"),
        ("NHS no. 943-476-5919, opacity?", "NHS [number], opacity?"),
        ("Compare with 12/03/2021", "Compare with [date]"),
        ("film of 2021-03-12", "film of [date]"),
        ("2021年3月12日的片子", "[date]的片子"),
        ("Mrs Jane Doe has a cough", "Mrs [name] has a cough"),
        ("Herr Müller-Lüd hustet", "Herr [name] hustet"),
        ("her name is Jane Doe, infiltrate?", "her name is [name], infiltrate?"),
        ("姓名：王小明，有肺炎吗", "姓名：[name]，有肺炎吗"),
        ("send it to jane.doe@example.org", "send it to [address]"),
        ("call +44 20 7946 0958", "call [number]"),
        ("accession 12345678", "accession [number]"),
    ],
)
def test_scrubbed_takes_out_what_names_a_person(text: str, left: str) -> None:
    assert scrubbed(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "PGS001229 of sample 3 with min overlap 0.5",
        "rs12345678 of sample HG00096?",
        "Is A2 worse than A1?",
        "75M, CRP 210, sats 89% RA, BP 120/80",
        "M. pneumoniae? MR Brain, MS plaques",
        "Dr asked: infiltrate in RLL?",
        "CYP2C19 and BRCA1",
    ],
)
def test_scrubbed_keeps_what_is_clinical(text: str) -> None:
    assert scrubbed(text) == text


def test_remembered_tells_the_last_turns_and_sums_up_the_others() -> None:
    history = [[f"question {n}?", "call", "report_toy A1"] for n in range(9)]
    told = remembered(history)
    assert told[0] == ("[3 earlier questions: report_toy A1 (3)]", "call")
    assert told[1:] == [(f"question {n}?", "call") for n in range(3, 9)]


def test_remembered_is_bounded_however_long_the_thread() -> None:
    history = [[f"question {n} " + "word " * 2000, "call", f"report_toy A{n}"] for n in range(300)]
    told = remembered(history)
    assert len(told) == 7
    assert sum(len(asked) + len(led) for asked, led in told) < 3000


def test_remembered_takes_names_out_of_earlier_questions() -> None:
    ((asked, _),) = remembered([["Mr John Smith, MRN 1234567: opacity?", "call", ""]])
    assert "Smith" not in asked
    assert "1234567" not in asked


def test_remembered_reads_threads_that_tell_no_calls() -> None:
    assert remembered([["hello", "answer"]]) == [("hello", "answer")]
