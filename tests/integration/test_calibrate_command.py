from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from agent import Agent, Settings
from agent.cli import cli
from specialists import hub


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four tiles of two colon tissues, two of a tissue from what counts as one patient."""
    data = Path(__file__).parents[1] / "data" / "pathology"
    folder = tmp_path_factory.mktemp("own")
    (folder / "images").mkdir()
    rows = []
    for label in ("ADI", "TUM"):
        with Image.open(data / f"colon_{label}.jpg") as opened:
            tissue = opened.convert("RGB")
        for number in range(12):
            edge = min(tissue.size) - 2 * (number // 4 + 1)
            turned = tissue.crop((number, number, edge, edge)).rotate(90 * (number % 4))
            turned.save(folder / "images" / f"{label}{number}.png")
            rows.append((f"{label}{number}.png", label, f"{label}{number // 2}"))
    with (folder / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("image_id", "label", "patient_id"), *rows])
    return folder


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def models(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = hub.folder()
    monkeypatch.setenv("WARDROUND_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("WARDROUND_GEMMA_EMBEDDED", "0")
    yield tmp_path / "models"
    hub.configure(before)


def test_reference_is_calibrated_on_own_tiles_and_says_so(
    models: Path, tiles: Path, data: Path, settings: Settings
) -> None:
    told = run("calibrate", "classify_pathology", "--data", str(tiles))
    assert "n = 24 in 12 groups" in told
    assert "too few cases to exclude (9 are needed): lymphocytes" in told
    place = models / "calibrations" / "classify_pathology--reference.json"
    written = place.read_text()
    assert str(tiles) not in written
    assert json.loads(written)["kinds"] == ["image"]
    again = json.loads(run("calibrate", "classify_pathology", "--data", str(tiles), "--json"))
    assert place.read_text() == written
    assert again["parts"][0]["cases"]["adipose tissue"] == 12

    report = json.loads(run("evaluate", "classify_pathology", "--data", str(tiles), "--json"))
    assert report["backend"] == "reference"
    assert "these very cases" in report["note"]
    assert report["metrics"]["coverage"]["value"] >= 0.9

    own = settings.model_copy(update={"models_dir": models})
    with Agent(own, only=["classify_pathology"]) as agent:
        film = data / "pathology" / "colon_TUM.jpg"
        result = agent.call("classify_pathology", [film], organ="colon").structured
    assert result is not None
    assert "24 of your own cases in 12 groups" in result["provenance"]["evaluated_on"]
    assert any("too few cases to exclude" in one for one in result["warnings"])
    assert not result["prediction_sets"][0]["conclusive"]


def test_zero_shot_model_speaks_once_it_is_calibrated_and_auto_takes_it(
    models: Path, tiles: Path, data: Path, settings: Settings
) -> None:
    pytest.importorskip("sentencepiece")
    from tests.encoders import build_siglip, in_models

    build_siglip(in_models(models, "google/medsiglip-448"))
    own = settings.model_copy(update={"models_dir": models})

    def asked() -> dict[str, Any]:
        with Agent(own, only=["classify_pathology"]) as agent:
            tile = data / "pathology" / "colon_TUM.jpg"
            found = agent.call("classify_pathology", [tile], organ="colon").structured
        return found or {}

    assert asked()["provenance"]["backend"] == "reference"
    run("calibrate", "classify_pathology", "--data", str(tiles), "--backend", "medsiglip")
    result = asked()
    assert result["provenance"]["backend"] == "medsiglip"
    assert "of your own cases" in result["provenance"]["evaluated_on"]
    assert not any("Not calibrated" in one for one in result["warnings"])
    assert all(one["probability"] is not None for one in result["findings"])


def test_out_writes_elsewhere_and_nothing_changes(models: Path, tiles: Path) -> None:
    out = models.parent / "mine.json"
    run("calibrate", "classify_pathology", "--data", str(tiles), "--out", str(out))
    assert out.is_file()
    assert not (models / "calibrations").exists()


def test_what_can_not_be_calibrated_is_told(models: Path, tiles: Path) -> None:
    from specialists.errors import InvalidInput

    with pytest.raises(InvalidInput, match="no classes"):
        run("calibrate", "report_ct", "--data", str(tiles))
    with pytest.raises(InvalidInput, match="Too few cases"):
        run("calibrate", "classify_pathology", "--data", str(tiles), "--limit", "6")
