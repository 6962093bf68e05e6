"""Turn arrays so that their axes grow to right, anterior and superior."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Facing", "closest_axes", "facing_view", "ras_empty"]

Facing = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""For each stored axis the RAS axis closest to it (0, 1 or 2), and 1, or -1 if it runs against."""


def closest_axes(
    affine: NDArray[np.float64], shape: tuple[int, int, int]
) -> tuple[Facing, NDArray[np.float64]]:
    """Find the RAS axes closest to those of an array.

    Args:
        affine: Shape (4, 4): index of the stored array to mm in RAS.
        shape: Of the stored array.

    Returns:
        How the stored axes face, and the affine of the array once it is turned.
    """
    from nibabel.orientations import inv_ornt_aff, io_orientation

    turns = io_orientation(affine)  # type: ignore[no-untyped-call]
    first, second, third = ((int(axis), int(sign)) for axis, sign in turns)
    back = inv_ornt_aff(turns, shape)  # type: ignore[no-untyped-call]
    return (first, second, third), np.asarray(affine @ back)


def ras_empty(shape: tuple[int, int, int], facing: Facing, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Room for the turned array; x runs fastest in memory, as in NIfTI and in axial slices."""
    sizes = [0, 0, 0]
    for size, (axis, _) in zip(shape, facing, strict=True):
        sizes[axis] = size
    return np.empty(sizes, dtype=dtype, order="F")


def facing_view(array: NDArray[Any], facing: Facing) -> NDArray[Any]:
    """Look at a turned array through the axes that were stored, without copying."""
    stored = array.transpose([axis for axis, _ in facing])
    return stored[tuple(slice(None, None, sign) for _, sign in facing)]
