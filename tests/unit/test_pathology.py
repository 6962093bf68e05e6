from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from fastmcp import Client

import specialists
from agent import Agent
from agent.evaluate.specialists import evaluate_specialist
from agent.settings import Settings
from specialists.pathology.features import describe, preprocess, stains
from specialists.pathology.predict import TissueNet
from specialists.pathology.slide_map import COLOURS, draw_slide
from specialists.pathology.spec import HEADS, SPEC
from specialists.readers.slide import Slide
from tools.adapter import ERROR_KEY
from tools.server import Workshop, build_server

DATA = Path(__file__).parents[1] / "data"
HOME = Path(specialists.__file__).parent / "pathology"


@pytest.fixture(scope="module")
def net() -> TissueNet:
    return TissueNet(HOME)


async def call(*files: str, **options: Any) -> Any:
    server = build_server(only=["classify_pathology"], workshop=Workshop.create([DATA]))
    async with Client(server) as client:
        return await client.call_tool_mcp("classify_pathology", {"files": list(files), **options})


def pixels(name: str) -> Any:
    return np.asarray(Image.open(DATA / "pathology" / name).convert("RGB"))


def test_weights_are_those_of_the_card_and_small():
    content = (HOME / "reference.safetensors").read_bytes()
    card = json.loads((HOME / "reference.json").read_text("utf-8"))
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    assert len(content) < 6_000_000
    assert "no formal licence" in card["licence"]
    assert {organ: tuple(h["classes"]) for organ, h in card["heads"].items()} == {
        organ: tuple(head.classes) for organ, head in HEADS.items()
    }


def test_changed_weights_are_refused(tmp_path):
    for file in ("reference.json", "reference.safetensors"):
        shutil.copyfile(HOME / file, tmp_path / file)
    with (tmp_path / "reference.safetensors").open("ab") as weights:
        weights.write(b"x")
    with pytest.raises(ValueError, match="SHA-256"):
        TissueNet(tmp_path)


def test_card_reaches_what_was_asked_of_it():
    measured = json.loads((HOME / "reference.json").read_text("utf-8"))["metrics"]
    assert measured["lung"]["test"]["accuracy"]["value"] >= 0.95
    assert measured["lung"]["test"]["coverage"]["value"] >= 0.87
    assert measured["colon"]["left-out images"]["accuracy"]["value"] >= 0.85


def test_features_do_not_change_with_quarter_turns():
    tile = preprocess(pixels("colon_TUM.jpg"))
    turned = describe(np.ascontiguousarray(np.rot90(tile)))
    assert np.allclose(describe(tile), turned, rtol=0.02, atol=0.02)


def test_stains_of_white_glass_are_nothing():
    assert np.abs(stains(np.full((4, 4, 3), 255, np.uint8))).max() < 1e-9


def test_features_of_an_even_tile_are_finite():
    assert np.isfinite(describe(np.full((224, 224, 3), 90, np.uint8))).all()


@pytest.mark.parametrize("organ", list(HEADS))
def test_tile_is_judged_alone_whatever_else_is_in_the_batch(net, organ):
    tiles = [pixels(name) for name in ("colon_TUM.jpg", "colon_ADI.jpg", "bone_viable.jpg")]
    together = net.probabilities(tiles, organ)
    assert together.sum(axis=1) == pytest.approx(1)
    assert net.probabilities(tiles[:1], organ)[0] == pytest.approx(together[0], abs=1e-4)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("colon_TUM.jpg", "colorectal adenocarcinoma epithelium"),
        ("colon_ADI.jpg", "adipose tissue"),
    ],
)
async def test_patch_gets_a_set_that_holds_its_class(name, label):
    said = (await call(f"pathology/{name}", organ="colon")).structured_content
    (predicted,) = said["prediction_sets"]
    assert label in predicted["labels"]
    assert predicted["target"] == "colorectal tissue"
    assert sum(predicted["probabilities"].values()) == pytest.approx(1, abs=0.002)
    assert predicted["conclusive"] == (len(predicted["labels"]) == 1)
    assert {finding["name"] for finding in said["findings"]} == set(predicted["labels"])
    assert "no formal licence" in said["provenance"]["terms"]
    assert len(said["pictures"]) == 1


@pytest.mark.anyio
async def test_patch_of_unknown_organ_is_not_classified():
    said = (await call("pathology/colon_TUM.jpg")).structured_content
    assert said["prediction_sets"] == []
    assert said["findings"] == []
    assert "organ=lung, colon or bone" in said["not_assessed"][0]


@pytest.mark.anyio
async def test_slide_is_sampled_summed_and_mapped():
    asked = {"organ": "lung", "tiles": 6}
    said = (await call("pathology/CMU-1-Small-Region.svs", **asked)).structured_content
    (predicted,) = said["prediction_sets"]
    assert set(predicted["probabilities"]) == set(HEADS["lung"].classes)
    assert predicted["labels"] == []  # this skin is coloured like no training tile of lung
    assert "are unlike the training data" in predicted["text"]
    assert said["findings"] == []
    area = said["measurements"][0]
    assert area["name"] == "tissue area"
    assert area["value"] == pytest.approx(0.54, abs=0.1)
    places = json.loads(said["slide_map"])["features"]
    assert len(places) == 6
    assert all(len(place["geometry"]["coordinates"][0]) == 5 for place in places)
    assert any("Summed over 6 of" in warning for warning in said["warnings"])


@pytest.mark.anyio
async def test_slide_of_another_stain_and_too_coarse_is_warned_about_and_not_classified():
    said = (await call("pathology/dicom_wsi_lung.dcm")).structured_content
    assert any("Congo red" in warning for warning in said["warnings"])
    assert said["prediction_sets"] == []
    assert "too coarse" in said["not_assessed"][0]


def test_picture_keeps_the_colours_of_the_classes_apart():
    rng = np.random.default_rng(0)
    field = np.ones((600, 600), bool)
    thumbnail = rng.integers(0, 255, (600, 600, 3)).astype(np.uint8)
    corners = np.array([[0, 0], [0, 300], [300, 0]])
    tiles = np.zeros((3, 224, 224, 3), np.uint8)
    slide = Slide(thumbnail, field, tiles, corners, 300, 600, 600, 0.5, 3)
    picture = draw_slide(slide, tuple(HEADS["lung"].classes), [0, 1, 2])
    assert len(picture.png) < 700_000
    with Image.open(io.BytesIO(picture.png)) as opened:
        shown = np.asarray(opened.convert("RGB"))
    for colour in COLOURS[:3]:
        assert (shown == colour).all(axis=2).sum() > 1000


@pytest.mark.anyio
async def test_radiograph_is_refused():
    result = await call("cxr/RG1_J2KI.dcm", organ="lung")
    assert result.is_error
    assert result.meta[ERROR_KEY]["code"] == "not_accepted"


@pytest.mark.anyio
async def test_evaluation_picks_the_head_from_the_labels(tmp_path):
    (tmp_path / "images").mkdir()
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image_id", "label"])
        for label in ("ADI", "TUM"):
            shutil.copy(DATA / "pathology" / f"colon_{label}.jpg", tmp_path / "images")
            writer.writerow([f"colon_{label}.jpg", label])
    settings = Settings(state_dir=tmp_path / "state", roots=[tmp_path])
    async with Agent(settings) as agent:
        report = await evaluate_specialist(agent, SPEC.name, tmp_path)
    assert report["n"] == 2
    assert report["metrics"]["coverage"]["value"] == 1
