"""Put slices on a rectangular, equally spaced grid: linear, one slice at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["regrid"]

Pixels = NDArray[np.float32]


def regrid(
    slices: NDArray[Any],
    out: NDArray[Any],
    shifts: NDArray[np.float64] | None,
    places: NDArray[np.float64] | None,
    fill: float,
) -> None:
    """Shift slices in their planes and interpolate between them.

    Args:
        slices: Shape (columns, rows, slices).
        out: Receives the result, shape (columns, rows, slices) at least as large in plane;
            values are rounded to the nearest where it holds integers.
        shifts: Columns and rows, not negative, to move each slice by; None for none.
        places: For each slice of `out` its place among `slices`; None for one to one.
        fill: Value of what no slice covers.
    """
    moved: dict[int, Pixels] = {}
    given = np.arange(slices.shape[2], dtype=np.float64) if places is None else places
    for index, place in enumerate(given.tolist()):
        below = min(int(place), slices.shape[2] - 1)
        moved = {key: value for key, value in moved.items() if key >= below}
        for needed in {below, min(below + 1, slices.shape[2] - 1)} - moved.keys():
            shift = (0.0, 0.0) if shifts is None else (shifts[needed, 0], shifts[needed, 1])
            moved[needed] = _move(slices[:, :, needed], shift, out.shape[:2], fill)
        _store(out[:, :, index], _between(moved, below, place - below))


def _between(moved: dict[int, Pixels], below: int, share: float) -> Pixels:
    if share == 0:
        return moved[below]
    return moved[below] * np.float32(1 - share) + moved[below + 1] * np.float32(share)


def _store(out: NDArray[Any], values: Pixels) -> None:
    np.copyto(out, np.rint(values) if out.dtype.kind in "iu" else values, casting="unsafe")


def _move(
    plane: NDArray[Any], shift: tuple[float, float], shape: tuple[int, ...], fill: float
) -> Pixels:
    """Shift along both axes, each by a whole and a part of a pixel."""
    canvas = np.full(shape, fill, dtype=np.float32)
    whole = [int(np.floor(amount)) for amount in shift]
    canvas[whole[0] : whole[0] + plane.shape[0], whole[1] : whole[1] + plane.shape[1]] = plane
    for axis, amount in enumerate(shift):
        canvas = _slide(canvas, amount - whole[axis], axis, fill)
    return canvas


def _slide(canvas: Pixels, part: float, axis: int, fill: float) -> Pixels:
    if part == 0:
        return canvas
    before = np.full_like(canvas, fill)
    along = np.moveaxis(before, axis, 0)
    along[1:] = np.moveaxis(canvas, axis, 0)[:-1]
    return canvas * np.float32(1 - part) + before * np.float32(part)
