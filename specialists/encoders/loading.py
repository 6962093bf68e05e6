"""Builds an encoder from a folder in the hub's layout. No remote code, and no pickles."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from specialists import hub, hub_models
from specialists.encoders.table import ENCODERS, HALF, IMAGENET, Encoder, Normal
from specialists.errors import BackendUnavailable, InvalidInput

__all__ = ["Tokens", "build", "described", "layers"]

Tokens = Callable[[Any], tuple[Any, Any]]
"""From pictures to tokens (n, prefix + patches, width) and the model's own pooled features."""


def described(name: str) -> Encoder:
    """Describe an encoder by its hub id: as its card says, or else as its `config.json`.

    Raises:
        InvalidInput: If it is not known, and is not here either.
        BackendUnavailable: If its `config.json` is not one of timm or transformers.
    """
    for known, encoder in ENCODERS.items():
        if known.lower() == name.lower():
            return encoder
    model = hub_models.known(name) or hub.model_of(name)
    place = hub.weights(model)
    if not isinstance(place, Path):
        listed = ", ".join(ENCODERS)
        raise InvalidInput(
            f"There is no encoder {name} here. Known: {listed}; any other of timm or transformers "
            "once `wardround models pull` brought it."
        )
    config = _config(place)
    if "architecture" in config:
        return _of_timm(model, config)
    return _of_transformers(model, config, place)


def _config(folder: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BackendUnavailable("The encoder's config.json can't be read.") from None
    if "auto_map" in told:
        raise BackendUnavailable(
            "The encoder wants code of its own from the hub, which never runs."
        )
    return told


def _of_timm(model: hub.HubModel, config: Mapping[str, Any]) -> Encoder:
    told = config.get("pretrained_cfg", {})
    pixels = int(told.get("input_size", (3, 224, 224))[-1])
    normal = Normal(
        _three(told.get("mean", IMAGENET.mean)),
        _three(told.get("std", IMAGENET.std)),
    )
    way = "bilinear" if told.get("interpolation") == "bilinear" else "bicubic"
    shorter = int(pixels / float(told.get("crop_pct", 1.0)))
    return Encoder(
        model, "timm", pixels, normal, "pooled", shorter=shorter, interpolation=way,  # type: ignore[arg-type]
    )  # fmt: skip


def _of_transformers(model: hub.HubModel, config: Mapping[str, Any], folder: Path) -> Encoder:
    vision = config.get("vision_config", config)
    pixels = int(vision.get("image_size", 224))
    made = Encoder(model, "transformers", pixels, IMAGENET, "cls")
    place = folder / "preprocessor_config.json"
    if place.is_file():
        told = json.loads(place.read_text(encoding="utf-8"))
        normal = Normal(
            _three(told.get("image_mean", HALF.mean)), _three(told.get("image_std", HALF.std))
        )
        made = replace(made, normal=normal)
    return made


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return (red, green, blue)


def build(encoder: Encoder, folder: Path, dtype: Any) -> tuple[Any, Tokens]:
    """Build the model with its weights, on the processor; gives it and how its tokens are had.

    Raises:
        BackendUnavailable: If the weights do not fit, or the configuration is of another kind.
    """
    config = _config(folder)
    if encoder.library == "timm":
        return _build_timm(encoder, config, folder, dtype)
    return _build_transformers(config, folder, dtype)


def _build_timm(
    encoder: Encoder, config: Mapping[str, Any], folder: Path, dtype: Any
) -> tuple[Any, Tokens]:
    import timm
    from safetensors.torch import load_file

    arguments = layers({**config.get("model_args", {}), **encoder.model_args})
    try:
        model: Any = timm.create_model(
            config["architecture"], pretrained=False, **{**arguments, "num_classes": 0}
        )
    except (AssertionError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise BackendUnavailable("timm does not know the encoder's architecture.") from error
    state: dict[str, Any] = {}
    for file in sorted(folder.glob("*.safetensors")):
        state |= load_file(file)
    own = {name: value for name, value in state.items() if not name.startswith(("head.", "fc."))}
    try:
        model.load_state_dict(own, strict=True)
    except RuntimeError as error:
        raise BackendUnavailable(
            "The encoder's weights do not fit its architecture: pull it again."
        ) from error

    def tokens(pictures: Any) -> tuple[Any, Any]:
        found = model.forward_features(pictures)
        return found, model.forward_head(found, pre_logits=True)

    return model.to(dtype).eval(), tokens


def layers(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a timm model with the classes of layers that they name.

    Only those that the known encoders are made of: a name is never looked up in a module.
    """
    import torch
    from timm.layers.mlp import SwiGLUPacked

    known = {"SwiGLUPacked": SwiGLUPacked, "SiLU": torch.nn.SiLU}
    return {
        name: known.get(value, value) if isinstance(value, str) else value
        for name, value in arguments.items()
    }


def _build_transformers(config: Mapping[str, Any], folder: Path, dtype: Any) -> tuple[Any, Tokens]:
    from transformers import AutoModel

    model: Any = AutoModel.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=dtype
    )
    model = getattr(model, "vision_model", model)

    def tokens(pictures: Any) -> tuple[Any, Any]:
        found = model(pixel_values=pictures)
        return found.last_hidden_state, found.pooler_output

    return model.eval(), tokens
