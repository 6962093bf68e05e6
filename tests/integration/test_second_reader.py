"""A second reader: another package's backend reads the same film, and both are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli import cli
from agent.settings import Settings

pytest.importorskip("torch")

PACKAGE = """
from specialists.base import BackendSpec, Reading
from specialists.schema import Finding, Provenance, SpecialistResult

BACKEND = BackendSpec(name="mine", target="film_plugin:Contrary")


class Contrary:
    def __init__(self, device):
        pass

    def read(self, inputs, request, progress):
        finding = Finding(
            name="pneumonia or opacity", assertion="absent", probability=0.02,
            text="The model finds no pneumonia or opacity (calibrated probability 0.02).",
        )
        provenance = Provenance(
            specialist="report_chest_xray", backend="mine", model="contrary", version="1",
            evaluated_on="Nothing: it always says no.",
        )
        return Reading(SpecialistResult(
            summary=finding.text, findings=(finding,), provenance=provenance,
        ))
"""
ENTRY_POINTS = """
[wardround.backends]
report_chest_xray = film_plugin:BACKEND
"""
QUESTION = "Is there pneumonia?"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    (tmp_path / "film_plugin.py").write_text(PACKAGE)
    info = tmp_path / "film_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: film-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def asked(plugin: Path, film: Path, *options: str) -> dict[str, Any]:
    code = (
        f"import sys; sys.path.insert(0, {str(plugin)!r})\n"
        f"sys.argv = {['wardround', 'ask', QUESTION, str(film), '--json', *options]!r}\n"
        "from agent.cli import main\nmain()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def test_second_reader_that_contradicts_is_told_beside_the_first(plugin: Path, data: Path) -> None:
    answer = asked(plugin, data / "cxr" / "RG1_J2KI.dcm", "--second-reader")
    texts = [one["text"] for one in answer["statements"] if one["citations"]]
    assert texts[0].startswith("First reader: The model finds no pneumonia")
    assert texts[1].startswith("Second reader: The model finds signs of pneumonia")
    (found,) = answer["disagreements"]
    assert "report_chest_xray (mine) and report_chest_xray (reference)" in found["text"]
    assert found["worth"][0] == "report_chest_xray (mine): Nothing: it always says no."
    assert "AUC" in found["worth"][1]
    assert any("read by two models: mine, then reference" in one for one in answer["caveats"])
    assert answer["dropped"]["count"] == 0
    assert answer["examination"]["coverage"] == 1.0


def test_tool_with_one_model_says_that_there_is_no_second(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    monkeypatch.setenv("WARDROUND_STATE_DIR", str(settings.state_dir))
    score = ["genomics/tiny1000G.vcf.gz", "genomics/PGS001229_hmPOS_GRCh38.txt.gz"]
    question = "What is the polygenic score of sample 1, with min overlap 0.01?"
    files = [str(data / name) for name in score]
    run = CliRunner().invoke(cli, ["ask", question, *files, "--json", "--second-reader"])
    told = "No second reader for score_polygenic_risk: reference is its only model here."
    assert told in json.loads(run.stdout)["caveats"]
