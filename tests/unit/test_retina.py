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
from specialists.retina.dust import ROWS, clean
from specialists.retina.predict import RetinaNet, classes_of
from specialists.retina.preprocess import WIDTH, Fundus, smooth
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


def specked(dust: np.ndarray, share: float) -> Fundus:
    """An even photograph with dust of some strength on it."""
    rgb = np.zeros((427, WIDTH, 3), np.uint8)
    field = np.ones((427, WIDTH), bool)
    rng = np.random.default_rng(0)
    green = share * dust[:427] + rng.normal(0, 0.005, (427, WIDTH))
    contrast = np.stack([green] * 3).astype(np.float32)
    return Fundus(rgb, (0, 0, WIDTH, 427), field, contrast)


@pytest.fixture(scope="module")
def dust() -> np.ndarray:
    rng = np.random.default_rng(1)
    points = np.zeros((ROWS, WIDTH), np.float32)
    points[rng.integers(20, 400, 80), rng.integers(20, 490, 80)] = -4
    blurred = smooth(points, 2)
    return np.asarray(blurred - smooth(blurred, 8), np.float32)


@pytest.mark.parametrize("share", [0.5, 1.0, 1.5])
def test_dust_of_the_camera_is_taken_out(dust: np.ndarray, share: float) -> None:
    fundus = specked(dust, share)
    specks = np.abs(dust[:427]) > 0.03
    left = np.abs(clean(fundus, dust).contrast[1][specks]).mean()
    assert left < 0.3 * np.abs(fundus.contrast[1][specks]).mean()


def test_photograph_of_another_camera_is_left_as_it_is(dust: np.ndarray) -> None:
    other = specked(np.ascontiguousarray(dust[:, ::-1]), 1.0)
    assert clean(other, dust) is other


def test_referral_is_asked_of_its_own_question() -> None:
    scores = np.array([[-3.0, 2.0, 3.0, -1.0], [4.0, -2.0, 1.0, 2.0]])
    levels = classes_of(scores, [(1, 0)] * 4)
    assert levels.min() >= 0
    assert levels.sum(axis=1) == pytest.approx(1)
    assert levels[:, 2:].sum(axis=1) == pytest.approx(1 / (1 + np.exp([-2.0, 2.0])))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: jpeg(image, 60),
        lambda image: image.resize((512, 341), Image.Resampling.BICUBIC),
        lambda image: image.point(lambda value: int(value * 0.85)),
        lambda image: image.filter(ImageFilter.GaussianBlur(0.7)),
        lambda image: image.rotate(3, Image.Resampling.BICUBIC),
    ],
    ids=["compressed", "reduced", "darker", "softer", "turned"],
)
def test_another_export_of_a_photograph_is_graded_much_the_same(
    net: RetinaNet, sample: np.ndarray, change: Any
) -> None:
    plain = net.read(sample).probabilities["referable"]
    changed = net.read(np.asarray(change(Image.fromarray(sample)).convert("RGB")))
    assert changed.probabilities["referable"] == pytest.approx(plain, abs=0.2)


@pytest.mark.anyio
@pytest.mark.parametrize("file", ["genomics/tiny1000G.vcf.gz", "cxr/RG1_J2KI.dcm"])
async def test_other_files_are_refused(file: str) -> None:
    told = (await call(DATA, file)).meta[ERROR_KEY]
    assert told["code"] == "not_accepted"
