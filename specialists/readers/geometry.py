"""Where slices lie, as far as a header tells it (PS3.3 C.7.6.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["plane", "slice_spacing"]

_NAMES = ("sagittal", "coronal", "axial")
_STEEP = 0.8
_UNEQUAL = 0.05


def plane(orientation: Sequence[float]) -> str | None:
    """The plane of a slice: axial, coronal, sagittal or oblique.

    Args:
        orientation: Image Orientation (Patient) (0020,0037), six numbers.
    """
    normal = _normal(orientation)
    if normal is None:
        return None
    axis = int(np.abs(normal).argmax())
    return _NAMES[axis] if abs(normal[axis]) >= _STEEP else "oblique"


def slice_spacing(
    positions: Sequence[Sequence[float]], orientation: Sequence[float]
) -> tuple[float | None, str | None]:
    """The usual distance of neighbouring slices in mm, and what is wrong with them.

    Args:
        positions: Image Position (Patient) (0020,0032) of each slice, in any order.
        orientation: Image Orientation (Patient) of all of them.
    """
    normal = _normal(orientation)
    if len(positions) < 2 or normal is None or any(len(each) != 3 for each in positions):
        return None, None
    along = np.sort(np.asarray(positions, dtype=float) @ normal)
    steps = np.diff(along)
    apart = steps[steps > 1e-3]
    if not apart.size:
        return None, "all slices lie at the same place"
    usual = float(np.median(apart))
    return round(usual, 6), _fault(steps, usual)


def _fault(steps: np.ndarray[tuple[int], np.dtype[np.float64]], usual: float) -> str | None:
    if (steps <= 1e-3).any():
        return "more than one slice lies at the same place"
    times = steps / usual
    missing = int(np.round(times[times > 1.5] - 1).sum())
    if missing:
        return f"slices are missing: about {missing}"
    if (np.abs(times - 1) > _UNEQUAL).any():
        return "the slices are unequally spaced"
    return None


def _normal(
    orientation: Sequence[float],
) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    if len(orientation) != 6:
        return None
    normal = np.cross(orientation[:3], orientation[3:])
    length = float(np.linalg.norm(normal))
    return normal / length if length > 1e-6 else None
