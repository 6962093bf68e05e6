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
from PIL import Image, ImageDraw, ImageFilter
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, VLPhotographicImageStorage, generate_uid

import specialists
from specialists.base import Source
from specialists.calibration import softmax
from specialists.host import Host
from specialists.registry import spec_of
from specialists.schema import Manifest
from specialists.skin.capture import to_lab
from specialists.skin.person import band, evidence_of
from specialists.skin.predict import DERMOSCOPY, PHOTOGRAPH, SkinNet, combine
from specialists.skin.preprocess import SIZE, content, preprocess
from specialists.skin.reference import CAUTION, UNLIKE
from specialists.skin.spec import DIAGNOSES, MALIGNANCY, MALIGNANT, SPEC, SkinRequest
from tools.adapter import ERROR_KEY
from tools.server import Workshop, build_server

HOME = Path(specialists.__file__).parent / "skin"
DATA = Path(__file__).parents[1] / "data"
SAMPLE = "skin/PAT_778_1471_835.png"
OLD = {"age": "80", "sex": "male", "site": "face"}
YOUNG = {"age": "20", "sex": "female", "site": "lower extremity"}


@pytest.fixture(scope="module")
def net() -> SkinNet:
    return SkinNet(HOME)


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.asarray(Image.open(DATA / SAMPLE).convert("RGB"))


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    """A brown spot on pink skin under even light: what dermoscopy looks like from afar."""
    rng = np.random.default_rng(0)
    image = Image.new("RGB", (600, 450), (222, 164, 160))
    pen = ImageDraw.Draw(image)
    pen.ellipse((210, 130, 400, 320), (120, 72, 58))
    for x, y in rng.normal((305, 225), (40, 40), (120, 2)):
        pen.ellipse((x - 5, y - 5, x + 5, y + 5), (86, 48, 40))
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(3)), np.float64)
    return np.clip(soft + rng.normal(0, 4, (450, 600, 1)), 0, 255).astype(np.uint8)


async def call(file: Path, **options: Any) -> Any:
    server = build_server(only=["classify_skin_lesion"], workshop=Workshop.create([file.parent]))
    async with Client(server) as client:
        return await client.call_tool_mcp("classify_skin_lesion", {"files": [file.name], **options})


@pytest.fixture
def dicom(drawn: np.ndarray, tmp_path: Path) -> Path:
    """The drawn picture as a dermoscopic photograph of a man of 75 years."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = VLPhotographicImageStorage, generate_uid()
    dataset.Modality, dataset.PatientAge, dataset.PatientSex = "DMS", "075Y", "M"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = *drawn.shape[:2], 3
    dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = drawn.tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(tmp_path / "mole.dcm", enforce_file_format=True)
    return tmp_path / "mole.dcm"


def read(path: Path, modality: str = "XC", **options: Any) -> Any:
    manifest = Manifest(kind="photograph", format="PNG", modality=modality)
    inputs = {"photograph": [Source((path,), manifest)]}
    spec, request = spec_of("classify_skin_lesion"), SkinRequest(**options)
    return Host("cpu").read(spec, inputs, request, lambda share, told: None)


@pytest.fixture
def stored(drawn: np.ndarray, tmp_path: Path) -> Path:
    Image.fromarray(drawn).save(tmp_path / "drawn.png")
    return tmp_path / "drawn.png"


@pytest.mark.anyio
async def test_dermoscopy_gives_diagnosis_malignancy_and_a_picture(dicom: Path) -> None:
    said = (await call(dicom, site="back")).structured_content
    diagnosis, malignancy = said["prediction_sets"]
    assert set(diagnosis["probabilities"]) == set(DIAGNOSES) == set(SPEC.labels)
    total = sum(diagnosis["probabilities"][name] for name in MALIGNANT)
    assert malignancy["probabilities"][MALIGNANCY] == pytest.approx(total, abs=0.003)
    for predicted in said["prediction_sets"]:
        assert sum(predicted["probabilities"].values()) == pytest.approx(1, abs=0.004)
        assert predicted["conclusive"] == (len(predicted["labels"]) == 1)
    assert {finding["name"] for finding in said["findings"]} <= set(SPEC.findings)
    assert said["findings"][0]["name"] == MALIGNANCY
    assert "NC" in said["provenance"]["terms"]
    assert "AUC" in said["provenance"]["evaluated_on"]
    assert "blue" in said["summary"]
    assert not any("Not given" in told for told in said["warnings"])
    assert len(said["pictures"]) == 1


def test_photograph_is_warned_about_and_never_called_harmless() -> None:
    result = read(DATA / SAMPLE).result
    assert CAUTION in result.warnings
    assert result.findings[0].assertion != "absent"


def test_picture_is_a_small_png_with_both_views() -> None:
    (picture,) = read(DATA / SAMPLE).pictures
    assert len(picture.png) < 700_000
    with Image.open(BytesIO(picture.png)) as opened:
        assert opened.format == "PNG"
        assert opened.width > opened.height


def test_drawn_dermoscopy_is_told_from_the_photograph(
    net: SkinNet, drawn: np.ndarray, photograph: np.ndarray
) -> None:
    assert net.image_type(drawn) == DERMOSCOPY
    assert net.image_type(photograph) == PHOTOGRAPH


def test_photographs_get_wider_sets_and_softer_probabilities(
    net: SkinNet, photograph: np.ndarray
) -> None:
    careful = net.read(photograph, image_type=PHOTOGRAPH)
    plain = net.read(photograph, image_type=DERMOSCOPY)
    assert careful.members.sum() >= plain.members.sum()
    assert careful.probabilities.max() < plain.probabilities.max()


def test_header_of_dermoscopy_is_believed(stored: Path) -> None:
    assert not any("plain photograph" in told for told in read(stored, "DMS").result.warnings)


def test_stated_image_type_is_used(stored: Path) -> None:
    told = read(stored, image_type="photograph").result.warnings
    assert any("given as a plain photograph" in one for one in told)


def test_age_sex_and_site_move_the_probabilities(net: SkinNet, drawn: np.ndarray) -> None:
    old, young = (net.read(drawn, person).probabilities for person in (OLD, YOUNG))
    nevus = list(DIAGNOSES).index("melanocytic nevus")
    assert young[nevus] > old[nevus]


def test_age_is_taken_from_the_request_before_the_header(stored: Path) -> None:
    host, spec, results = Host("cpu"), spec_of("classify_skin_lesion"), []
    for header, options in ((30, {}), (80, {}), (80, {"age_years": 30.0})):
        manifest = Manifest(kind="photograph", format="PNG", modality="XC", age_years=header)
        inputs = {"photograph": [Source((stored,), manifest)]}
        reading = host.read(spec, inputs, SkinRequest(**options), lambda share, told: None)
        results.append(reading.result.prediction_sets[0].probabilities)
    assert results[0] == results[2] != results[1]


def test_what_is_missing_of_the_person_is_said(stored: Path) -> None:
    told = read(stored, sex="female").result.warnings
    assert "Not given, and so not used: age, site." in told


def test_partly_known_person_gets_the_union_of_both_sets(net: SkinNet, drawn: np.ndarray) -> None:
    partly = net.read(drawn, {"site": "back"})
    assert (partly.members >= net.read(drawn).members).all()


@pytest.mark.parametrize(("age", "name"), [(0, "below 20"), (45, "40"), (80, "80"), (99, "80")])
def test_ages_fall_into_decades(age: float, name: str) -> None:
    assert band(age) == name


def test_unknown_values_add_no_evidence(net: SkinNet) -> None:
    added = evidence_of({"site": "elbow"}, net.card["person"]["tables"], 7)
    assert not any(values.any() for values in added.values())


def test_evidence_of_nothing_gives_the_prior() -> None:
    prior = [0.2, 0.3, 0.5]
    calibration = {
        "temperature": 2.0, "weights": dict.fromkeys(("age", "sex", "site"), 1.0), "prior": prior,
    }  # fmt: skip
    rows = combine(np.zeros((1, 3)), np.zeros((1, 3, 3)), calibration)
    assert rows[0] == pytest.approx(prior)
    moved = combine([[2.0, 0.0, 0.0]], np.zeros((1, 3, 3)), calibration)
    assert moved[0] == pytest.approx(softmax(np.log(prior) + np.array([1.0, 0, 0])))


@pytest.mark.parametrize(
    "colour", [(0, 0, 0), (0, 255, 0), (20, 20, 255)], ids=["black", "green", "blue"]
)
def test_picture_unlike_the_training_gives_empty_sets(
    net: SkinNet, colour: tuple[int, int, int], tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 2, (300, 300, 1)) * np.array(colour)
    Image.fromarray(noise.astype(np.uint8)).save(tmp_path / "noise.png")
    result = read(tmp_path / "noise.png").result
    assert UNLIKE in result.warnings
    assert [one.labels for one in result.prediction_sets] == [(), ()]
    assert [(one.name, one.assertion) for one in result.findings] == [(MALIGNANCY, "uncertain")]


def test_wide_pictures_are_cut_to_four_by_three() -> None:
    assert content(300, 400) == (slice(0, 300), slice(0, 400))
    assert content(300, 900) == (slice(0, 300), slice(250, 650))
    assert preprocess(np.zeros((90, 30, 3), np.uint8)).shape == (SIZE, SIZE, 3)


def test_lab_of_white_and_red_are_the_known_ones() -> None:
    white, red = to_lab(np.array([[255, 255, 255], [255, 0, 0]], np.uint8))
    assert white == pytest.approx([100, 0, 0], abs=0.05)
    assert red == pytest.approx([53.24, 80.1, 67.2], abs=0.2)


def test_grey_array_is_no_picture(net: SkinNet) -> None:
    with pytest.raises(ValueError, match="uint8"):
        net.read(np.zeros((20, 20), np.uint8))


def test_answer_is_repeatable_and_fast(net: SkinNet, drawn: np.ndarray) -> None:
    first, began = net.read(drawn), time.process_time()
    second = net.read(drawn)
    assert time.process_time() - began < 3
    assert np.array_equal(first.probabilities, second.probabilities)


def test_mirrored_picture_is_read_the_same(net: SkinNet, drawn: np.ndarray) -> None:
    plain, mirrored = net.read(drawn), net.read(np.ascontiguousarray(drawn[:, ::-1]))
    assert mirrored.probabilities == pytest.approx(plain.probabilities, abs=0.02)


def test_weights_are_those_of_the_card() -> None:
    content = (HOME / "reference.safetensors").read_bytes()
    card = json.loads((HOME / "reference.json").read_text("utf-8"))
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    assert len(content) < 6_000_000
    assert card["classes"] == list(SPEC.labels)
    assert [card["classes"][index] for index in card["malignant"]] == list(SPEC.positive)
    assert "NC" in card["licence"]
    needed = {"name", "version", "task", "input", "architecture", "data", "licence", "split"}
    needed |= {"metrics", "conformal", "guard", "image_type", "person", "intended_use", "not_for"}
    assert needed | {"limits", "command", "seed"} <= set(card)


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    for file in ("reference.json", "reference.safetensors"):
        shutil.copyfile(HOME / file, tmp_path / file)
    with (tmp_path / "reference.safetensors").open("ab") as weights:
        weights.write(b"x")
    with pytest.raises(ValueError, match="SHA-256"):
        SkinNet(tmp_path)


@pytest.mark.anyio
@pytest.mark.parametrize("file", ["genomics/tiny1000G.vcf.gz", "retina/IDRiD_100_reduced.jpg"])
async def test_other_files_are_refused(file: str) -> None:
    told = (await call(DATA / file)).meta[ERROR_KEY]
    assert told["code"] == "not_accepted"


@pytest.mark.anyio
async def test_site_that_is_none_is_refused(dicom: Path) -> None:
    told = (await call(dicom, site="elbow")).meta[ERROR_KEY]
    assert told["code"] == "invalid_input"
