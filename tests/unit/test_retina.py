from __future__ import annotations

import hashlib
import json
import shutil
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastmcp import Client
from PIL import Image, ImageFilter

import specialists
from specialists.base import Source
from specialists.errors import NotAccepted
from specialists.host import Host
from specialists.retina.predict import RetinaNet
from specialists.retina.quality import faults
from specialists.retina.spec import EDEMA, GRADES, SPEC
from specialists.schema import Manifest
from tools.adapter import ERROR_KEY
from tools.server import Workshop, build_server

HOME = Path(specialists.__file__).parent / "retina"
DATA = Path(__file__).parents[1] / "data"
FUNDUS = sorted((DATA / "retina").glob("*.jpg"))
SAMPLE = "retina/IDRiD_100_reduced.jpg"


@pytest.fixture(scope="module")
def net() -> RetinaNet:
    return RetinaNet(HOME)


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return np.asarray(Image.open(DATA / SAMPLE).convert("RGB"))


async def call(folder: Path, *files: str, **options: Any) -> Any:
    server = build_server(only=["classify_retina"], workshop=Workshop.create([folder]))
    async with Client(server) as client:
        return await client.call_tool_mcp("classify_retina", {"files": list(files), **options})


@pytest.mark.anyio
async def test_photograph_gives_grade_edema_referral_and_a_picture() -> None:
    said = (await call(DATA, SAMPLE)).structured_content
    grade, edema = said["prediction_sets"][0], said["prediction_sets"][-1]
    assert set(grade["probabilities"]) == set(GRADES) == set(SPEC.labels)
    assert set(edema["probabilities"]) == set(EDEMA)
    for predicted in said["prediction_sets"]:
        assert sum(predicted["probabilities"].values()) == pytest.approx(1, abs=0.003)
        assert predicted["conclusive"] == (len(predicted["labels"]) == 1)
        assert "90%" in predicted["text"]
    assert [finding["name"] for finding in said["findings"]] == list(SPEC.findings)
    assert "candidates" in said["summary"]
    assert len(said["pictures"]) == 1
    assert "AUC" in said["provenance"]["evaluated_on"]


def read(path: Path, modality: str = "OP") -> Any:
    manifest = Manifest(kind="photograph", format="JPEG", modality=modality)
    inputs = {"photograph": [Source((path,), manifest)]}
    return Host("cpu").read(SPEC, inputs, SPEC.request(), lambda share, told: None)


def test_picture_is_a_small_png_with_both_views() -> None:
    (picture,) = read(DATA / SAMPLE).pictures
    assert len(picture.png) < 700_000
    with Image.open(BytesIO(picture.png)) as opened:
        assert opened.format == "PNG"
        assert opened.width > opened.height


def test_oct_is_refused() -> None:
    with pytest.raises(NotAccepted, match="not OCT"):
        read(DATA / SAMPLE, "OPT")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: image.filter(ImageFilter.GaussianBlur(9)), "blurred"),
        (lambda image: image.point(lambda value: value // 9), "dark"),
        (lambda image: image.convert("L").convert("RGB"), "not coloured"),
    ],
)
def test_poor_photograph_is_refused_with_the_reason(
    change: Any, words: str, tmp_path: Path
) -> None:
    with Image.open(DATA / SAMPLE) as opened:
        change(opened.convert("RGB")).save(tmp_path / "poor.png")
    with pytest.raises(NotAccepted, match=words):
        read(tmp_path / "poor.png")


def test_carried_photograph_is_good_enough(net: RetinaNet, sample: np.ndarray) -> None:
    assert not faults(net.read(sample).quality, net.card["quality"]["refuse"])


def test_slightly_blurred_photograph_is_warned_about(net: RetinaNet, sample: np.ndarray) -> None:
    sharp = net.read(sample).quality["sharpness"]
    soft = Image.fromarray(sample).filter(ImageFilter.GaussianBlur(3))
    assert net.read(np.asarray(soft)).quality["sharpness"] < sharp


def test_black_picture_has_no_field(net: RetinaNet) -> None:
    with pytest.raises(ValueError, match="no lit field"):
        net.read(np.zeros((300, 400, 3), np.uint8))


def test_picture_without_a_round_field_has_empty_sets(net: RetinaNet) -> None:
    with Image.open(DATA / "skin" / "PAT_778_1471_835.png") as opened:
        retina = net.read(np.asarray(opened.convert("RGB")))
    assert not any(members.any() for members in retina.sets.values())


def test_bright_spots_near_the_macula_raise_grade_and_edema_risk(
    net: RetinaNet, sample: np.ndarray
) -> None:
    plain = net.read(sample)
    row, column = plain.maps.landmarks.macula
    scale = sample.shape[1] / plain.fundus.rgb.shape[1]
    spotted = sample.copy()
    rng = np.random.default_rng(0)
    for dy, dx in rng.normal(0, 30, (40, 2)):
        y, x = int((row + dy) * scale), int((column + dx) * scale)
        spotted[y : y + 8, x : x + 8] = (250, 240, 140)
    changed = net.read(spotted)
    assert changed.probabilities["edema"][2] > plain.probabilities["edema"][2]
    assert changed.probabilities["grade"][2:].sum() >= plain.probabilities["grade"][2:].sum()


def test_mirrored_photograph_is_graded_much_the_same(net: RetinaNet, sample: np.ndarray) -> None:
    plain, mirrored = net.read(sample), net.read(np.ascontiguousarray(sample[:, ::-1]))
    for task, row in plain.probabilities.items():
        assert mirrored.probabilities[task] == pytest.approx(row, abs=0.3)


def test_grading_is_repeatable_and_fast(net: RetinaNet, sample: np.ndarray) -> None:
    first, began = net.read(sample), time.process_time()
    second = net.read(sample)
    assert time.process_time() - began < 2
    for task in first.probabilities:
        assert np.array_equal(first.probabilities[task], second.probabilities[task])


def test_weights_are_those_of_the_card() -> None:
    content = (HOME / "reference.safetensors").read_bytes()
    card = json.loads((HOME / "reference.json").read_text("utf-8"))
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    assert len(content) < 6_000_000
    assert card["classes"] == list(SPEC.labels)
    needed = {"name", "version", "task", "input", "architecture", "data", "licence", "split"}
    needed |= {"metrics", "calibration", "conformal", "baseline", "intended_use", "not_for"}
    assert needed | {"limits", "command", "seed"} <= set(card)


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    for file in ("reference.json", "reference.safetensors"):
        shutil.copyfile(HOME / file, tmp_path / file)
    with (tmp_path / "reference.safetensors").open("ab") as weights:
        weights.write(b"x")
    with pytest.raises(ValueError, match="SHA-256"):
        RetinaNet(tmp_path)


@pytest.mark.anyio
@pytest.mark.parametrize("file", ["genomics/tiny1000G.vcf.gz", "cxr/RG1_J2KI.dcm"])
async def test_other_files_are_refused(file: str) -> None:
    told = (await call(DATA, file)).meta[ERROR_KEY]
    assert told["code"] == "not_accepted"
