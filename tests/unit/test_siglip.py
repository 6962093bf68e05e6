from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")

from agent import Agent, Settings
from specialists import hub
from specialists.errors import BackendUnavailable, InvalidInput
from specialists.host import Host
from specialists.pathology.spec import HEADS
from specialists.registry import spec_of
from specialists.siglip.backend import ZeroShot
from specialists.siglip.model import Siglip
from specialists.siglip.pixels import read_pixels, resize
from specialists.siglip.wording import NAMES, ensemble
from tests.encoders import SQUARE, build_siglip, in_models

DATA = Path(__file__).parents[1] / "data"
ID = "google/medsiglip-448"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    build_siglip(in_models(folder, ID))
    return folder


@pytest.fixture
def at_home(models: Path) -> Iterator[Path]:
    before = hub.folder()
    hub.configure(models)
    yield models
    hub.configure(before)


@pytest.fixture(scope="module")
def siglip(models: Path) -> Siglip:
    return Siglip(in_models(models, ID), "cpu")


def pictures(n: int = 3) -> list[Any]:
    rng = np.random.default_rng(5)
    return [rng.integers(0, 256, (40 + 7 * i, 90 - 11 * i, 3), dtype=np.uint8) for i in range(n)]


@pytest.mark.parametrize("shape", [(30, 97), (448, 448), (900, 60), (1, 1), (31, 31)])
def test_resize_is_bilinear_without_antialiasing(shape: tuple[int, int]) -> None:
    import torch

    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float64)),
        (32, 32),
        mode="bilinear",
        align_corners=False,
    )[0].numpy().transpose(1, 2, 0)  # fmt: skip
    assert np.abs(resize(picture, 32).astype(float) - np.floor(wanted + 1e-3)).max() <= 1
    agreeing = resize(picture, 32) == np.floor(wanted + 1e-3)
    assert agreeing.mean() > 0.999


def test_resize_cuts_fractions_off_as_the_card_does() -> None:
    picture = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    row = resize(picture, 4)[0, :, 0]
    assert row.tolist() == [0, 63, 191, 255]


def test_pixels_are_those_of_the_processor(models: Path) -> None:
    from transformers import SiglipImageProcessor

    processor: Any = SiglipImageProcessor.from_pretrained(in_models(models, ID))
    square = [resize(picture, SQUARE) for picture in pictures()]
    wanted = processor(images=square, return_tensors="pt")["pixel_values"].numpy()
    prepared = read_pixels(in_models(models, ID)).prepared(pictures())
    np.testing.assert_allclose(prepared, wanted, atol=1e-6)


def test_scores_are_those_of_the_card(siglip: Siglip, models: Path) -> None:
    import torch
    from transformers import SiglipModel, SiglipTokenizer

    folder = in_models(models, ID)
    texts = ["a chest x-ray with pneumonia", "A normal chest X-ray!"]
    tokenizer: Any = SiglipTokenizer.from_pretrained(folder)
    words = tokenizer(texts, padding="max_length", return_tensors="pt")
    model: Any = SiglipModel.from_pretrained(folder)
    with torch.no_grad():
        images = torch.from_numpy(siglip.pixels.prepared(pictures()))
        wanted = model(pixel_values=images, **words).logits_per_image.softmax(dim=1).numpy()
    likeness = siglip.images(pictures()) @ siglip.texts(texts).T * siglip.scale
    own = np.exp(likeness) / np.exp(likeness).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(own, wanted, atol=1e-5)


def test_batches_change_nothing(siglip: Siglip) -> None:
    many = siglip.images(pictures(5) * 5)
    one = np.concatenate([siglip.images([picture]) for picture in pictures(5)])
    np.testing.assert_allclose(many[:5], one, atol=1e-5)


@pytest.mark.parametrize("tool", NAMES)
def test_every_class_has_prompts_that_fit_the_model(tool: str, siglip: Siglip) -> None:
    texts = ensemble(tool, list(spec_of(tool).labels))
    assert all(len(own) >= 3 for own in texts.values())
    assert all(len(text.split()) < 20 for own in texts.values() for text in own)


def test_class_without_prompts_is_told() -> None:
    with pytest.raises(BackendUnavailable, match="wart"):
        ensemble("classify_skin_lesion", ["wart"])


def test_classes_are_the_mean_of_their_texts(siglip: Siglip) -> None:
    classes = tuple(HEADS["lung"].classes)
    shot = ZeroShot("classify_pathology", siglip)
    scores = shot.scores(pictures(), classes)
    assert scores.shape == (3, 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    whole, rows = shot.pooled(pictures(), classes)
    np.testing.assert_allclose(whole, rows.mean(axis=0))


def test_pickled_weights_are_refused(models: Path, tmp_path: Path) -> None:
    for file in in_models(models, ID).iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(BackendUnavailable, match="pickle"):
        Siglip(tmp_path, "cpu")


def test_model_that_does_not_look_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = build_siglip(in_models(tmp_path, ID))
    weights = load_file(folder / "model.safetensors")
    for name, values in weights.items():
        if "patch_embedding" in name:
            values.zero_()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    before = hub.folder()
    hub.configure(tmp_path)
    with (
        pytest.raises(BackendUnavailable, match="does not depend"),
        Host().use(spec_of("classify_retina"), "medsiglip"),
    ):
        pass
    hub.configure(before)


CASES = {
    "classify_skin_lesion": ("skin/PAT_778_1471_835.png", {}),
    "classify_retina": ("retina/IDRiD_100_reduced.jpg", {}),
    "report_chest_xray": ("cxr/RG1_J2KI.dcm", {}),
    "classify_pathology": ("pathology/colon_TUM.jpg", {"organ": "colon"}),
}


@pytest.mark.parametrize("tool", CASES)
def test_uncalibrated_result_scores_and_claims_nothing(
    tool: str, at_home: Path, settings: Settings
) -> None:
    file, options = CASES[tool]
    own = settings.model_copy(update={"models_dir": at_home})
    with Agent(own, only=[tool]) as agent:
        result = agent.call(tool, [DATA / file], backend="medsiglip", **options).structured
    assert result is not None
    (finding,) = result["findings"]
    assert (finding["assertion"], finding["probability"]) == ("uncertain", None)
    assert "score" in finding["text"]
    assert "probability" not in result["summary"]
    (predicted,) = result["prediction_sets"]
    assert not predicted["conclusive"]
    assert len(predicted["labels"]) == len(predicted["probabilities"]) > 1
    assert f"wardround calibrate {tool} --backend medsiglip" in result["warnings"][0]
    assert len(result["provenance"]["weights_sha256"]) == 64
    assert "Health AI Developer Foundations" in result["provenance"]["terms"]


def test_auto_passes_over_it_until_it_is_calibrated(at_home: Path) -> None:
    assert Host().choose(spec_of("classify_skin_lesion")).name == "reference"


def test_slide_is_read_at_the_models_scale_and_left_open(at_home: Path, settings: Settings) -> None:
    pytest.importorskip("openslide")
    slide = DATA / "pathology" / "CMU-1-Small-Region.svs"
    own = settings.model_copy(update={"models_dir": at_home})
    with Agent(own, only=["classify_pathology"]) as agent:
        asked = {"backend": "medsiglip", "organ": "lung", "tiles": 5}
        result = agent.call("classify_pathology", [slide], **asked).structured
        bare = agent.call("classify_pathology", [slide], backend="medsiglip").structured
    assert result is not None
    assert bare is not None
    assert [one["name"] for one in result["measurements"]] == ["tissue area"]
    assert not result["prediction_sets"][0]["conclusive"]
    assert result["slide_map"] is None
    assert len(result["pictures"]) == 1
    assert "organ is not known" in bare["not_assessed"][0]


def test_patch_of_an_unknown_organ_and_oct_are_refused(at_home: Path, settings: Settings) -> None:
    own = settings.model_copy(update={"models_dir": at_home})
    with Agent(own, only=["classify_pathology"]) as agent, pytest.raises(InvalidInput):
        agent.call("classify_pathology", [DATA / "pathology/colon_TUM.jpg"], backend="medsiglip")
