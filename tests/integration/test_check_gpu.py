"""`make check-gpu`, at small size on the processor."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from specialists.hub_models import H_OPTIMUS_0, MEDGEMMA_1_5_4B, MEDSIGLIP
from tests.bench.gpu import main
from tools import models


def test_every_model_is_built_loaded_and_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--tiny", "--device", "cpu", "--out", str(tmp_path)]) == 0
    told = json.loads((tmp_path / "gpu.json").read_text())
    assert told["device"] == "processor, tiny models"
    encoders = [MEDSIGLIP, *([H_OPTIMUS_0] if find_spec("timm") else [])]
    assert set(told["models"]) == {one.id for one in (MEDGEMMA_1_5_4B, *encoders)}
    medgemma = told["models"][MEDGEMMA_1_5_4B.id]
    assert medgemma["first_token_s"] > 0 and medgemma["tokens_per_second"] > 0
    for encoder in encoders:
        assert set(told["models"][encoder.id]["images_per_second"]) == {"1", "4"}
    written = (tmp_path / "gpu.md").read_text()
    assert written.startswith("# Measured on processor, tiny models")
    assert written.count(MEDSIGLIP.id) == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_machine_without_a_gpu_is_skipped_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("check-gpu: skipped; torch sees no GPU here")
    assert list(tmp_path.iterdir()) == []


def test_no_figures_ship_that_were_not_measured_on_a_gpu() -> None:
    place = Path(__file__).parents[1] / "bench" / "gpu.json"
    assert not place.exists() or "tiny" not in json.loads(place.read_text())["device"]
    assert all("tiny" not in str(row["speed"]) for row in models.further())
