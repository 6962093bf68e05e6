from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("timm")
pytest.importorskip("sentencepiece")

from specialists import hub
from specialists.encoders.features import FeatureCache, FeatureEncoder, load
from specialists.encoders.fitting import fit_head
from specialists.encoders.loading import build, described
from specialists.encoders.pixels import cut, prepared
from specialists.encoders.table import ENCODERS, Encoder
from specialists.errors import BackendUnavailable, InvalidInput
from tests.encoders import SMALL, build_dinov2, build_siglip, build_timm, in_models

OPTIMUS, VIRCHOW, UNI = "bioptimus/H-optimus-0", "paige-ai/Virchow", "MahmoodLab/UNI2-h"
MIDNIGHT, RETFOUND, MEDSIGLIP = (
    "kaiko-ai/midnight", "YukunZhou/RETFound_mae_natureCFP", "google/medsiglip-448",
)  # fmt: skip


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Path]:
    before = hub.folder()
    hub.configure(tmp_path)
    yield tmp_path
    hub.configure(before)


def pictures(n: int = 3) -> list[Any]:
    rng = np.random.default_rng(5)
    return [rng.integers(0, 256, (300 + 31 * i, 401 - 55 * i, 3), np.uint8) for i in range(n)]


@pytest.mark.parametrize("name", [OPTIMUS, MIDNIGHT, RETFOUND, VIRCHOW])
def test_pixels_are_those_of_the_transforms_that_the_card_names(name: str) -> None:
    from PIL import Image
    from torchvision import transforms

    encoder = ENCODERS[name]
    card = transforms.Compose(
        [
            transforms.Resize(
                encoder.shorter or 224, interpolation=transforms.InterpolationMode.BICUBIC
            ),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(encoder.normal.mean, encoder.normal.std),
        ]
    )
    wanted = np.stack([card(Image.fromarray(picture)).numpy() for picture in pictures()])
    np.testing.assert_allclose(prepared(encoder, pictures()), wanted, atol=1e-6)


def test_tile_of_the_right_size_is_not_resized() -> None:
    tile = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    assert cut(ENCODERS[OPTIMUS], tile) is tile


def small(name: str, **more: Any) -> Encoder:
    """The table's row, with small layers in place of the true sizes."""
    encoder = ENCODERS[name]
    return replace(encoder, model_args={**encoder.model_args, **more})


def test_h_optimus_gives_its_class_token(tmp_path: Path) -> None:
    import timm
    import torch

    shape = {**SMALL, "init_values": 1e-5, "img_size": 224, "dynamic_img_size": False}
    folder = build_timm(tmp_path, "vit_giant_patch14_reg4_dinov2", **shape)
    encoder = FeatureEncoder(small(OPTIMUS, **SMALL), folder, "cpu")
    model: Any = timm.create_model(f"local-dir:{folder}", pretrained=True)
    with torch.no_grad():
        wanted = model.eval()(torch.from_numpy(prepared(encoder.encoder, pictures()))).numpy()
    np.testing.assert_allclose(encoder.features(pictures()), wanted, atol=1e-5)
    many = encoder.features(pictures() * 3, batch=2)
    np.testing.assert_allclose(many[:3], wanted, atol=1e-5)


def test_virchow_joins_class_token_and_mean_of_patches(tmp_path: Path) -> None:
    import torch

    layers = {"mlp_layer": "SwiGLUPacked", "act_layer": "SiLU"}
    folder = build_timm(
        tmp_path, "vit_huge_patch14_224", **SMALL, **layers, init_values=1e-5, mlp_ratio=5.3375
    )
    encoder = FeatureEncoder(small(VIRCHOW), folder, "cpu")
    with torch.no_grad():
        inputs = torch.from_numpy(prepared(encoder.encoder, pictures()))
        tokens = encoder.model.forward_features(inputs)
    wanted = torch.cat([tokens[:, 0], tokens[:, 1:].mean(1)], dim=-1).numpy()
    found = encoder.features(pictures())
    assert found.shape == (3, 64)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_uni2_is_built_from_the_cards_arguments(tmp_path: Path) -> None:
    shape = {**ENCODERS[UNI].model_args, **SMALL}
    folder = build_timm(tmp_path, "vit_giant_patch14_224", **shape)
    encoder = FeatureEncoder(small(UNI, **SMALL), folder, "cpu")
    assert encoder.model.num_prefix_tokens == 9
    assert encoder.features(pictures()).shape == (3, 32)


def test_retfound_means_its_patches(tmp_path: Path) -> None:
    folder = build_timm(tmp_path, "vit_large_patch16_224", **SMALL)
    assert FeatureEncoder(small(RETFOUND), folder, "cpu").features(pictures()).shape == (3, 32)


def test_midnight_joins_class_token_and_mean_of_patches(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel

    folder = build_dinov2(tmp_path)
    encoder = FeatureEncoder(ENCODERS[MIDNIGHT], folder, "cpu")
    model: Any = AutoModel.from_pretrained(folder)
    with torch.no_grad():
        inputs = torch.from_numpy(prepared(encoder.encoder, pictures()))
        tokens = model(inputs).last_hidden_state
    wanted = torch.cat([tokens[:, 0], tokens[:, 1:].mean(1)], dim=-1).numpy()
    np.testing.assert_allclose(encoder.features(pictures()), wanted, atol=1e-5)


def test_medsiglip_gives_what_its_image_tower_pools(tmp_path: Path) -> None:
    from specialists.siglip.model import Siglip

    folder = build_siglip(tmp_path)
    encoder = FeatureEncoder(replace(ENCODERS[MEDSIGLIP], pixels=32), folder, "cpu")
    found = encoder.features(pictures())
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, Siglip(folder, "cpu").images(pictures()), atol=1e-5)


def test_encoder_outside_the_table_is_described_by_its_config(models: Path) -> None:
    name = "somebody/vit-tiny"
    build_timm(in_models(models, name), "vit_tiny_patch16_224", **SMALL, img_size=64)
    encoder = described(name)
    assert (encoder.library, encoder.pixels, encoder.pooling) == ("timm", 64, "pooled")
    assert load(encoder, "cpu").features(pictures()).shape == (3, 32)


def test_unknown_and_absent_encoders_are_told(models: Path) -> None:
    with pytest.raises(InvalidInput, match="no encoder"):
        described("somebody/nothing")
    with pytest.raises(BackendUnavailable, match="models pull bioptimus/H-optimus-0"):
        load(described("BIOPTIMUS/h-optimus-0"), "cpu")


def test_remote_code_pickles_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    folder = build_timm(tmp_path, "vit_giant_patch14_reg4_dinov2", **SMALL, img_size=224)
    config = folder / "config.json"
    with pytest.raises(BackendUnavailable, match="do not fit"):
        build(replace(ENCODERS[OPTIMUS], model_args={"depth": 3}), folder, None)
    before = config.read_text()
    config.write_text(before.replace('"num_classes": 0', '"auto_map": {}, "num_classes": 0', 1))
    with pytest.raises(BackendUnavailable, match="code of its own"):
        build(small(OPTIMUS), folder, None)
    config.write_text(before)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BackendUnavailable, match="pickle"):
        FeatureEncoder(small(OPTIMUS), folder, "cpu")


def test_cache_is_of_one_recipe_and_for_the_user_alone(models: Path) -> None:
    cache = FeatureCache("a" * 64)
    assert cache.read("d") is None
    cache.write("d", np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(cache.read("d"), np.ones((2, 3)))  # type: ignore[arg-type]
    assert FeatureCache("b" * 64).read("d") is None
    assert cache.folder.stat().st_mode & 0o077 == 0


def cases(n: int, apart: float = 2.0) -> tuple[Any, list[str], list[str]]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, n)
    features = rng.normal(size=(n, 8)) + apart * np.eye(8)[truth]
    return features, [f"c{t}" for t in truth], [f"g{i // 2}" for i in range(n)]


def test_head_learns_and_its_figures_are_of_groups_it_never_saw() -> None:
    features, labels, groups = cases(300)
    fitted = fit_head(features, labels, groups, ["c0", "c1", "c2"], ["c2"], True)
    assert fitted.metrics["accuracy"]["value"] > 0.7
    assert fitted.metrics["coverage"]["value"] > 0.8
    assert fitted.part.question is not None
    assert sum(one["n"] for one in fitted.sizes.values()) == 300
    again = fit_head(features, labels, groups, ["c0", "c1", "c2"], ["c2"], True)
    np.testing.assert_array_equal(again.head.weight, fitted.head.weight)


def test_noise_is_not_learnt() -> None:
    features, labels, groups = cases(300, apart=0.0)
    fitted = fit_head(features, labels, groups, ["c0", "c1", "c2"], [], False)
    assert fitted.penalty == 0.001
    assert fitted.metrics["accuracy"]["value"] < 0.6


def test_absent_class_scores_least_and_two_classes_are_enough() -> None:
    features, labels, groups = cases(300)
    two = [i for i, label in enumerate(labels) if label != "c2"]
    fitted = fit_head(
        features[two], [labels[i] for i in two], [groups[i] for i in two],
        ["c0", "c1", "c2"], ["c1"], True,
    )  # fmt: skip
    logits = fitted.head.logits(features[two])
    assert (logits.argmin(axis=1) == 2).all()
    assert fitted.part.never_excluded == ("c2",)
    assert fitted.metrics["accuracy"]["value"] > 0.8


def test_too_few_cases_are_told() -> None:
    features, labels, groups = cases(30)
    with pytest.raises(InvalidInput, match="Too few"):
        fit_head(features, labels, groups, ["c0", "c1", "c2"], [], False)
