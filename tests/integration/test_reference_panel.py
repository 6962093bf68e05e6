"""`wardround reference-panel`: a cohort becomes a panel that a call names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cohorts import Cohort

pytest.importorskip("cyvcf2")
pytest.importorskip("safetensors")

ROOT = Path(__file__).parents[2]


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "HOME": str(home)},
    )


def test_one_command_makes_a_panel_that_a_call_names(tmp_path):
    cohort = Cohort(tmp_path)
    built = run(
        tmp_path, "reference-panel", "build", str(cohort.vcf), "--labels", str(cohort.labels),
        "--population-column", "group", "--name", "small", "--title", "Two valleys",
        "--score", str(cohort.score), "--json",
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    made = json.loads(built.stdout)
    assert made["populations"] == {"N": 29, "S": 29}
    assert made["scores"]["PGS999999"] == {"used": 400, "variants": 400}
    listed = run(tmp_path, "reference-panel", "list")
    assert "small: Two valleys, GRCh38" in listed.stdout
    called = run(
        tmp_path, "call", "score_polygenic_risk", str(cohort.vcf), str(cohort.score),
        "--sample", "10", "--panel", "small",
    )  # fmt: skip
    assert called.returncode == 0, called.stderr
    assert "Among the panel's people of N" in called.stdout


def test_wrong_labels_are_told_in_a_line(tmp_path):
    cohort = Cohort(tmp_path)
    built = run(
        tmp_path, "reference-panel", "build", str(cohort.vcf), "--labels", str(cohort.labels),
        "--name", "small",
    )  # fmt: skip
    assert built.returncode == 2
    assert "no column for populations" in built.stderr
    assert "Secret" not in built.stderr
