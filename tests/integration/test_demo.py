"""The demo, as `make demo` runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import cli
from agent.commands.demo import CASES
from agent.settings import Settings
from specialists.machine import why_not
from specialists.registry import specs

TOOLS = {
    "film": "report_chest_xray",
    "ct": "report_ct",
    "question": "answer_image_question",
    "pathology": "classify_pathology",
    "skin": "classify_skin_lesion",
    "retina": "classify_retina",
    "genome": "score_polygenic_risk",
}


def runs_here(tool: str) -> bool:
    return any(why_not(backend) is None for backend in specs()[tool].backends)


def test_demo_has_a_case_of_every_specialist_and_a_refusal() -> None:
    assert [case.name for case in CASES] == [*TOOLS, "refusal"]
    assert list(TOOLS.values()) == [one for one in specs() if one != "read_patient_record"]


def test_demo_answers_each_case_and_writes_its_picture(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WARDROUND_STATE_DIR", str(settings.state_dir))
    result = CliRunner().invoke(cli, ["demo", "--out", str(tmp_path / "out")])
    parts = result.stdout.split("\n---\n")
    assert all(f"**Case {number} of 8.**" in parts[number - 1] for number in range(1, 9))
    told = dict(zip([case.name for case in CASES], parts, strict=False))
    for name, tool in TOOLS.items():
        if runs_here(tool):
            assert f"| E1 | {tool} |" in told[name]
            assert list((tmp_path / "out").glob(f"{name}-*.png"))
    assert "This tool reads only: chest" in told["refusal"]
    assert "| E1 |" not in told["refusal"]
    assert result.exit_code == (0 if all(map(runs_here, TOOLS.values())) else 3)
