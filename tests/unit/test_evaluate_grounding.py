"""The checker's own measurement."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import cli
from agent.evaluate.grounding import evaluate_grounding, judge
from specialists.errors import InvalidInput

EVIDENCE = {
    "id": "E1",
    "tool": "report_chest_xray",
    "attachment": "A1",
    "text": "No pneumothorax.",
    "finding": {"name": "pneumothorax", "assertion": "absent"},
}


def case(statement: str, fault: str | None = None, language: str = "en") -> dict:
    return {
        "id": statement,
        "evidence": [EVIDENCE],
        "statement": statement,
        "cites": ["E1"],
        "supported": fault is None,
        "fault": fault,
        "language": language,
    }


CASES = [
    case("There is no pneumothorax."),
    case("No hay neumotórax.", language="es"),
    case("Hereby wibbles the pneumothorax not."),
    case("There is a pneumothorax.", "polarity"),
    case("Hay un neumotórax.", "polarity", "es"),
    case("There is no fracture.", "finding"),
]


def test_figures_are_of_refusals():
    report = evaluate_grounding(CASES)
    assert report["n"] == 6
    assert report["metrics"]["recall"]["value"] == 1.0
    assert report["metrics"]["precision"]["value"] == pytest.approx(3 / 4)
    assert report["metrics"]["f1"]["value"] == pytest.approx(6 / 7)
    assert report["metrics"]["faithful_refused"]["value"] == pytest.approx(1 / 3)
    assert report["faults"]["polarity"]["n"] == 2
    assert report["faults"]["polarity"]["precision"]["value"] == pytest.approx(2 / 3)
    assert report["languages"]["es"]["faithful_refused"]["value"] == 0.0
    assert report["metrics"]["milliseconds_median"]["value"] > 0


def test_case_without_a_truth_is_refused():
    with pytest.raises(InvalidInput):
        judge({key: value for key, value in CASES[0].items() if key != "supported"})


def test_case_that_cites_what_is_not_there_is_refused():
    with pytest.raises(InvalidInput):
        judge({**CASES[0], "cites": ["E2"]})


@pytest.mark.parametrize("as_json", [True, False])
def test_command_writes_figures_by_fault_and_language(tmp_path: Path, as_json: bool):
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in CASES), encoding="utf-8")
    arguments = ["evaluate", "grounding", "--cases", str(path), *(["--json"] if as_json else [])]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0
    if as_json:
        assert json.loads(result.stdout)["languages"]["es"]["n"] == 2
    else:
        assert "polarity" in result.stdout
        assert "0.857" in result.stdout
