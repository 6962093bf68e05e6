"""The pixels that MedSigLIP was trained on: stretched to a square without antialiasing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from specialists.errors import BackendUnavailable

__all__ = ["Pixels", "read_pixels", "resize"]

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Pixels:
    """What `preprocessor_config.json` says."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float

    def prepared(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Resize and normalise pictures (rows, columns, 3) of any size: (n, 3, size, size)."""
        small = np.stack([resize(picture, self.size) for picture in pictures])
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        scaled = (small.astype(np.float32) * np.float32(self.scale) - mean) / std
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)


def read_pixels(folder: Path) -> Pixels:
    """Read the processor's own file.

    Raises:
        BackendUnavailable: If there is none, or one that says something else than is done here.
    """
    try:
        told = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
        size = {int(told["size"][side]) for side in ("height", "width")}
        mean, std = (tuple(map(float, told[name])) for name in ("image_mean", "image_std"))
        (edge,) = size
    except (OSError, KeyError, TypeError, ValueError):
        raise BackendUnavailable(
            "The model's preprocessor_config.json is missing or says no square size, mean and "
            "deviation: pull the model again."
        ) from None
    return Pixels(edge, mean, std, float(told.get("rescale_factor", 1 / 255)))


def resize(picture: Picture, size: int) -> Picture:
    """Stretch to a square as TensorFlow's `tf.image.resize` does, bilinear, without antialiasing.

    Args:
        picture: Shape (rows, columns, 3).
        size: Rows and columns of the result.

    Returns:
        Shape (size, size, 3); fractions are cut off, as `astype(uint8)` does.

    Source: the model card of google/medsiglip-448, 'How to use'.
    """
    if picture.shape[:2] == (size, size):
        return picture
    low_y, high_y, part_y = _axis(picture.shape[0], size)
    low_x, high_x, part_x = _axis(picture.shape[1], size)
    upper, lower = (picture[rows].astype(np.float32) for rows in (low_y, high_y))
    across = part_x[None, :, None]
    top = upper[:, low_x] + (upper[:, high_x] - upper[:, low_x]) * across
    bottom = lower[:, low_x] + (lower[:, high_x] - lower[:, low_x]) * across
    return np.asarray((top + (bottom - top) * part_y[:, None, None]).astype(np.uint8))


def _axis(length: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Neighbours of each place and how far it lies from the first, with centres at halves."""
    scale = np.float32(length) / np.float32(size)
    places = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    floors = np.floor(places)
    low = np.maximum(floors, 0).astype(np.intp)
    high = np.minimum(np.ceil(places), length - 1).astype(np.intp)
    return low, high, (places - floors).astype(np.float32)
