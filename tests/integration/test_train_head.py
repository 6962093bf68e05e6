from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

pytest.importorskip("timm")
pytest.importorskip("sklearn")

from agent import Agent, Settings
from agent.cli import cli
from specialists import hub
from specialists.encoders.heads import Head, stored, write
from specialists.errors import BackendUnavailable, InvalidInput
from specialists.host import Host
from specialists.pathology.spec import PathologyRequest
from specialists.registry import spec_of
from tests.encoders import SMALL, build_timm, in_models

ENCODER = "somebody/vit-small"
DATA = Path(__file__).parents[1] / "data" / "pathology"
TOOL = "classify_pathology"

pytestmark = pytest.mark.xdist_group("train_head")


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred and sixty crops of two colon tissues, two of each from one patient."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "images").mkdir()
    rows, rng = [], np.random.default_rng(0)
    for label in ("ADI", "TUM"):
        with Image.open(DATA / f"colon_{label}.jpg") as opened:
            tissue = opened.convert("RGB")
        for number in range(80):
            left, top = rng.integers(0, min(tissue.size) // 3, 2).tolist()
            edge = min(tissue.size) * 2 // 3
            crop = tissue.crop((left, top, left + edge, top + edge)).rotate(90 * (number % 4))
            crop.save(folder / "images" / f"{label}{number}.png")
            rows.append((f"{label}{number}.png", label, f"{label}{number // 2}"))
    with (folder / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("image_id", "label", "patient_id"), *rows])
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    build_timm(in_models(folder, ENCODER), "vit_tiny_patch16_224", **SMALL, img_size=64)
    return folder


@pytest.fixture(scope="module")
def at_home(models: Path) -> Iterator[Path]:
    """The folder of models, as the environment says."""
    before = hub.folder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WARDROUND_MODELS_DIR", str(models))
        patch.setenv("WARDROUND_GEMMA_EMBEDDED", "0")
        hub.configure(models)
        yield models
    hub.configure(before)


@pytest.fixture(scope="module")
def card(at_home: Path, tiles: Path) -> dict[str, Any]:
    """The card of a head, trained by the command."""
    with pytest.raises(BackendUnavailable, match="wardround train-head"):
        Host().choose(spec_of(TOOL), "head")
    told = run("train-head", TOOL, "--encoder", ENCODER, "--data", str(tiles), "--json")
    made: dict[str, Any] = json.loads(told)
    return made


@pytest.fixture
def own(at_home: Path, card: dict[str, Any], tmp_path: Path) -> Settings:
    return Settings(models_dir=at_home, state_dir=tmp_path, gemma_embedded=False)


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_head_is_kept_with_its_card_and_trained_the_same_again(
    at_home: Path, card: dict[str, Any], tiles: Path
) -> None:
    heads = at_home / "heads"
    assert json.loads((heads / f"{TOOL}.json").read_text()) == card
    weights = (heads / f"{TOOL}.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == card["sha256"]
    assert str(tiles) not in json.dumps(card)
    assert card["split"]["parts"]["train"]["n"] + card["split"]["parts"]["test"]["n"] < 160
    assert card["organ"] == "colon"
    assert card["metrics"]["test"]["accuracy"]["low"] is not None
    assert card["command"].startswith("wardround train-head classify_pathology --encoder")
    kept = len(list((at_home / "features").glob("*/*.npy")))
    assert kept == card["data"][0]["n"] == 160 - sum(card["refused"].values())
    again = run("train-head", TOOL, "--encoder", ENCODER, "--data", str(tiles))
    assert f"SHA-256 {card['sha256']}" in again


def test_head_answers_for_its_organ_and_the_reference_for_others(
    own: Settings, card: dict[str, Any]
) -> None:
    with Agent(own, only=[TOOL]) as agent:
        tumour = agent.call(TOOL, [DATA / "colon_TUM.jpg"], organ="colon").structured
        lung = agent.call(TOOL, [DATA / "colon_TUM.jpg"], organ="lung").structured
    assert tumour is not None
    assert lung is not None
    assert tumour["provenance"]["backend"] == "head"
    assert tumour["provenance"]["weights_sha256"] == card["sha256"]
    assert "held-out cases of your own" in tumour["provenance"]["evaluated_on"]
    assert "colorectal adenocarcinoma epithelium" in tumour["prediction_sets"][0]["labels"]
    assert tumour["findings"][0]["probability"] is not None
    assert "not trained on: lymphocytes, mucus" in tumour["not_assessed"][0]
    assert not any("Not calibrated" in one for one in tumour["warnings"])
    assert lung["provenance"]["backend"] == "reference"


def test_slide_gets_a_map_from_a_head_on_tiles(own: Settings) -> None:
    pytest.importorskip("openslide")
    slide = DATA / "CMU-1-Small-Region.svs"
    with Agent(own, only=[TOOL]) as agent:
        asked = {"backend": "head", "organ": "colon", "tiles": 9}
        result = agent.call(TOOL, [slide], **asked).structured
    assert result is not None
    features = json.loads(result["slide_map"])["features"]
    assert len(features) == 9
    corners = np.array(features[0]["geometry"]["coordinates"][0])
    edge_um = 64 * 0.5
    assert np.ptp(corners[:, 0]) == pytest.approx(edge_um / 0.499, abs=1)
    assert result["prediction_sets"]
    assert any("places with tissue" in one for one in result["warnings"])


def test_head_is_refused_once_its_encoder_or_weights_changed(
    at_home: Path, card: dict[str, Any]
) -> None:
    place = at_home / "heads" / f"{TOOL}.json"
    before = place.read_text()
    host, spec = Host(), spec_of(TOOL)
    try:
        place.write_text(before.replace(card["encoder"]["recipe"], "0" * 64))
        with pytest.raises(BackendUnavailable, match="not as it was"), host.use(spec, "head"):
            pass
        place.write_text(before.replace(card["sha256"], "0" * 64))
        with pytest.raises(BackendUnavailable, match="train it again"), host.use(spec, "head"):
            pass
    finally:
        place.write_text(before)
    request = PathologyRequest(organ="lung", backend="head")
    with pytest.raises(BackendUnavailable, match="organ=colon"):
        host.choose(spec, "head", request)


def test_head_on_whole_slides_pools_their_tiles(
    at_home: Path, own: Settings, card: dict[str, Any]
) -> None:
    pytest.importorskip("openslide")
    classes = ["benign lung tissue", "lung adenocarcinoma", "lung squamous cell carcinoma"]
    head = Head(np.zeros(32), np.ones(32), np.eye(3, 32), np.zeros(3))
    kept = stored(TOOL)
    try:
        write(TOOL, head, {**card, "classes": classes, "organ": "lung", "kinds": ["slide"]})
        with Agent(own, only=[TOOL]) as agent:
            asked = {"backend": "head", "organ": "lung", "tiles": 4}
            result = agent.call(TOOL, [DATA / "CMU-1-Small-Region.svs"], **asked).structured
    finally:
        write(TOOL, *kept)
    assert result is not None
    assert any("highest score" in one for one in result["warnings"])
    assert not result["prediction_sets"][0]["conclusive"]


def test_what_can_not_be_trained_is_told(at_home: Path, tiles: Path, tmp_path: Path) -> None:
    for tool, encoder, told in (
        ("report_ct", ENCODER, "no classes"),
        (TOOL, "somebody/nothing", "no encoder"),
    ):
        with pytest.raises(InvalidInput, match=told):
            run("train-head", tool, "--encoder", encoder, "--data", str(tiles))
