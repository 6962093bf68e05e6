"""The 85-slice recipe: which slices of a volume MedGemma sees, and how they are coloured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST", "WINDOWS_HU", "ct_colours", "mr_greys", "places"]

MOST = 85
WINDOWS_HU = ((-1024.0, 1024.0), (-135.0, 215.0), (0.0, 80.0))
"""Red, green and blue of a CT slice: everything, soft tissue, brain."""


def places(count: int) -> list[int]:
    """Choose slices of `count`, from 0: round(i / 85 × (count − 1)) for i from 1 to 85.

    A volume of at most 85 slices is seen whole; each slice once.
    """
    if count <= MOST:
        return list(range(count))
    return [round(i / MOST * (count - 1)) for i in range(1, MOST + 1)]


def ct_colours(values_hu: NDArray[np.int16] | NDArray[np.float32]) -> NDArray[np.uint8]:
    """Show Hounsfield units through three windows, one a colour.

    Args:
        values_hu: Any shape.

    Returns:
        The same shape and three colours; each window scaled to 0 to 255, rounded half to even.
    """
    if values_hu.dtype == np.int16:
        return _TABLE[np.clip(values_hu, -1024, 1024).astype(np.intp) + 1024]
    return _windowed(np.asarray(values_hu, np.float64))


def _windowed(values_hu: NDArray[np.float64]) -> NDArray[np.uint8]:
    shown = [_scaled(values_hu, low, high) for low, high in WINDOWS_HU]
    return np.stack(shown, axis=-1)


def _scaled(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    share = (np.clip(values, low, high) - low) / (high - low)
    return np.rint(share * 255).astype(np.uint8)


_TABLE = _windowed(np.arange(-1024, 1025, dtype=np.float64))


def mr_greys(values: NDArray[np.generic], ends: Sequence[float]) -> NDArray[np.uint8]:
    """Show an MR slice in grey, from the least to the greatest value of its whole volume.

    Returns:
        The same shape and three equal colours.
    """
    low, high = ends
    grey = _scaled(np.asarray(values, np.float64), low, max(high, low + 1e-6))
    return np.repeat(grey[..., None], 3, axis=-1)
