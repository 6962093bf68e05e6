"""What each encoder's page says of its input and its features.

Numbers are those of the cards; an encoder that is not here is described by its own `config.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from specialists.hub import HubModel
from specialists.hub_models import (
    GIGAPATH,
    H_OPTIMUS_0,
    H_OPTIMUS_1,
    MEDSIGLIP,
    MIDNIGHT,
    RETFOUND,
    UNI2_H,
    VIRCHOW,
    VIRCHOW2,
)

__all__ = ["ENCODERS", "HALF", "IMAGENET", "Encoder", "Normal", "Pooling"]

Pooling = Literal["cls", "cls+mean", "mean", "pooled"]
"""The class token; that and the mean of the patches' tokens; the latter alone; the model's own."""


@dataclass(frozen=True)
class Normal:
    """Mean and deviation of the channels, of values from 0 to 1."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET = Normal((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Normal((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_OPTIMUS = Normal((0.707223, 0.578729, 0.703617), (0.211883, 0.230117, 0.177517))
_GATED_LAYERS = {"mlp_layer": "SwiGLUPacked", "act_layer": "SiLU"}


@dataclass(frozen=True)
class Encoder:
    """An encoder as its card describes it."""

    hub: HubModel
    library: Literal["timm", "transformers"]
    pixels: int
    normal: Normal
    pooling: Pooling
    width: int | None = None
    """Numbers of a picture's features; None where it is not known before loading."""
    shorter: int | None = None
    """Pixels that the shorter side is resized to before the centre is cut out; None: `pixels`."""
    stretched: bool = False
    """Whether a picture is stretched to a square instead, without antialiasing (MedSigLIP)."""
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    um_per_px: float = 0.5
    """Scale of tiles of tissue."""
    magnification: str = "20x"
    model_args: Mapping[str, Any] = field(default_factory=dict)
    """Of `timm.create_model` beside those of `config.json`; layers by name."""

    @property
    def field_um(self) -> float:
        """Edge of a tile of tissue, in micrometres."""
        return self.pixels * self.um_per_px


_KNOWN = (
    Encoder(MIDNIGHT, "transformers", 224, HALF, "cls+mean", 3072),
    Encoder(
        H_OPTIMUS_0, "timm", 224, _OPTIMUS, "cls", 1536,
        model_args={"init_values": 1e-5, "dynamic_img_size": False},
    ),
    Encoder(
        H_OPTIMUS_1, "timm", 224, _OPTIMUS, "cls", 1536,
        model_args={"init_values": 1e-5, "dynamic_img_size": False},
    ),
    Encoder(VIRCHOW, "timm", 224, IMAGENET, "cls+mean", 2560, model_args=_GATED_LAYERS),
    Encoder(VIRCHOW2, "timm", 224, IMAGENET, "cls+mean", 2560, model_args=_GATED_LAYERS),
    Encoder(
        UNI2_H, "timm", 224, IMAGENET, "cls", 1536,
        model_args={
            "img_size": 224, "patch_size": 14, "depth": 24, "num_heads": 24, "init_values": 1e-5,
            "embed_dim": 1536, "mlp_ratio": 2.66667 * 2, "no_embed_class": True, "reg_tokens": 8,
            "dynamic_img_size": True, **_GATED_LAYERS,
        },
    ),
    Encoder(GIGAPATH, "timm", 224, IMAGENET, "cls", 1536, shorter=256),
    Encoder(RETFOUND, "timm", 224, IMAGENET, "mean", 1024, shorter=256),
    Encoder(
        MEDSIGLIP, "transformers", 448, HALF, "pooled", 1152, stretched=True,
        interpolation="bilinear",
    ),
)  # fmt: skip

ENCODERS = {encoder.hub.id: encoder for encoder in _KNOWN}
"""By hub id."""
