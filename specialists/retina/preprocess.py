"""From a fundus photograph of any size to even maps of what is darker or brighter than it should.

Training and inference share this file, so that they can't drift apart. Everything is at one
scale: the field of view is `WIDTH` pixels wide.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

__all__ = ["WIDTH", "Fundus", "preprocess"]

WIDTH = 512
EDGE = 9
"""Pixels at the rim of the field that are not looked at."""
BACKGROUND = 24
"""Pixels: the reach of what counts as surroundings."""

Floats = NDArray[np.float32]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Fundus:
    """A photograph cut to its field of view, with the light evened out."""

    rgb: NDArray[np.uint8]
    """Shape (rows, WIDTH, 3), sRGB."""
    box: tuple[int, int, int, int]
    """Left, top, right, bottom of the field in the photograph as given."""
    field: Booleans
    """Shape (rows, WIDTH): where there is retina, the rim left out."""
    contrast: Floats
    """Shape (3, rows, WIDTH): red, green and blue relative to the surroundings, less one."""
    _smoothed: dict[tuple[int, float], Floats] = dataclasses.field(default_factory=dict, init=False)

    def smoothed(self, channel: int, sigma: float) -> Floats:
        """Return a channel's contrast blurred, shape (rows, WIDTH); each is made once."""
        if (channel, sigma) not in self._smoothed:
            self._smoothed[channel, sigma] = smooth(self.contrast[channel], sigma)
        return self._smoothed[channel, sigma]


def _bounds(lit: Booleans) -> tuple[int, int]:
    """Return the first and the last place, plus one, where at least a twentieth is lit."""
    places = np.flatnonzero(lit)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, len(lit))


def _find_field(rgb: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Find the lit disc within the camera's black border: left, top, right, bottom."""
    step = max(1, max(rgb.shape[:2]) // 512)
    bright = brightest(rgb[::step, ::step])
    lit = bright > max(12.0, 0.15 * float(np.percentile(bright, 95)))
    left, right = _bounds(lit.mean(axis=0) > 0.05)
    top, bottom = _bounds(lit.mean(axis=1) > 0.05)
    rows, columns = rgb.shape[:2]
    return left * step, top * step, min(right * step, columns), min(bottom * step, rows)


def brightest(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the greatest of the three channels; channel by channel is the fastest way."""
    red, green, blue = (rgb[..., channel] for channel in range(3))
    return np.asarray(np.maximum(np.maximum(red, green), blue))


def smooth(values: Floats, sigma: float) -> Floats:
    """Blur with three boxes, which is near a Gaussian; what lies outside the field must be 0."""
    from scipy.ndimage import uniform_filter

    width = max(3, 2 * round(sigma * 0.9) + 1)
    for _ in range(3):
        values = uniform_filter(values, width, mode="constant")
    return np.asarray(values, np.float32)


def preprocess(picture: ArrayLike) -> Fundus:
    """Prepare one photograph.

    Args:
        picture: Shape (rows, columns, 3), uint8 sRGB.

    Returns:
        The field, scaled, and its contrast maps. The camera's colour, exposure and vignetting
        go out with the division by the surroundings.

    Raises:
        ValueError: If `picture` is another shape or type, or has under 64 rows or columns.
    """
    from scipy.ndimage import binary_erosion

    array = np.asarray(picture)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise ValueError("a picture must be (rows, columns, 3) of uint8")
    if min(array.shape[:2]) < 64:
        raise ValueError("a picture must have at least 64 rows and columns")
    left, top, right, bottom = box = _find_field(array)
    cut = Image.fromarray(np.ascontiguousarray(array[top:bottom, left:right]))
    rows = min(2 * WIDTH, max(64, round(cut.height * WIDTH / cut.width)))
    rgb = np.asarray(cut.resize((WIDTH, rows), Image.Resampling.BILINEAR, reducing_gap=3.0))
    bright = brightest(rgb)
    lit = bright > max(12.0, 0.15 * float(np.percentile(bright, 95)))
    field = binary_erosion(lit, iterations=EDGE, border_value=1)
    planes = rgb.transpose(2, 0, 1).astype(np.float32)
    weight = np.maximum(smooth(field.astype(np.float32), BACKGROUND), 1e-3)
    even = np.stack([_even(plane, field, weight) for plane in planes])
    return Fundus(rgb, box, np.asarray(field), even)


def _even(plane: Floats, field: Booleans, weight: Floats) -> Floats:
    """Divide by the surroundings, twice: lesions are kept from lifting their own background."""
    base = smooth(plane * field, BACKGROUND) / weight
    held = np.clip(plane, base * 0.85, base * 1.12)
    base = smooth(held * field, BACKGROUND) / weight
    return np.asarray(np.where(field, plane / np.maximum(base, 8.0) - 1, 0), np.float32)
