"""`wardround route` and `wardround evaluate routing` on the shipped cases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import cli
from agent.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("WARDROUND_STATE_DIR", str(settings.state_dir))
    monkeypatch.setenv("WARDROUND_GEMMA_EMBEDDED", "false")
    runner = CliRunner()

    def invoke(*arguments: object) -> Result:
        return runner.invoke(cli, [str(one) for one in arguments])

    yield invoke


@pytest.fixture
def some(data: Path, tmp_path: Path) -> Path:
    """Cases of the shipped file that name cheap files."""
    lines = (data / "routing" / "validation.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if _is_cheap(row)][:6]
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def _is_cheap(row: dict[str, Any]) -> bool:
    files = row.get("files", [])
    return bool(files) and all(name.startswith(("cxr/", "genomics/PGS")) for name in files)


def test_route_reads_the_cases_that_evaluate_reads(run: Run, data: Path, some: Path) -> None:
    result = run("route", "--cases", some, "--root", data)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    expected = [json.loads(line) for line in some.read_text().splitlines()]
    assert result.exit_code == 0
    assert [one["id"] for one in rows] == [one["id"] for one in expected]
    assert all(set(one) == {"id", "action", "calls", "message"} for one in rows)
    assert sum(a["action"] == b["expected"]["action"] for a, b in zip(rows, expected, strict=True))


def test_evaluate_routing_measures_every_planner(run: Run, some: Path) -> None:
    result = run("evaluate", "routing", "--cases", some, "--no-baselines", "--json")
    report = json.loads(result.stdout)
    (measured,) = report["planners"].values()
    assert result.exit_code == 0
    assert report["n"] == 6
    assert measured["violations"] == 0
    assert set(measured["metrics"]) == {
        "exact_plan", "action", "wrong_specialist", "unnecessary_calls", "clarify_recall",
        "seconds_median", "seconds_p95", "added_when_wanted", "added_when_not",
    }  # fmt: skip


def test_evaluate_routing_inspects_files_that_are_only_named(
    run: Run, data: Path, tmp_path: Path
) -> None:
    expected = {"action": "call", "calls": [{"tool": "report_chest_xray", "attachments": ["A1"]}]}
    row = {"id": "a", "query": "Is there pneumonia?", "files": ["cxr/RG1_J2KI.dcm"]}
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps({**row, "expected": expected}))
    result = run("evaluate", "routing", "--cases", path, "--root", data, "--no-baselines", "--json")
    (measured,) = json.loads(result.stdout)["planners"].values()
    assert measured["metrics"]["exact_plan"]["value"] == 1.0


def test_evaluate_routing_writes_a_table_for_people(run: Run, some: Path) -> None:
    result = run("evaluate", "routing", "--cases", some, "--no-baselines")
    assert result.stdout.startswith("6 cases\n\nrules")
    assert "exact_plan" in result.stdout
    assert "not measured" in result.stdout


@pytest.mark.parametrize("arguments", [("routing",), ("report_chest_xray",)])
def test_evaluate_says_which_option_is_missing(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("evaluate", *arguments)
    assert result.exit_code == 2
    assert "Missing option" in result.stderr
