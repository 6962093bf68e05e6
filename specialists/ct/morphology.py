"""Binary morphology with radii in mm, on arrays (x, y, z).

Discs and balls are built from one-voxel steps, alternately a cross and a square in the plane, so
that the cost grows with the radius in voxels and not with its cube. What lies outside the array
counts as background when a mask grows and as foreground when it shrinks: a structure that the
scan cuts is not eroded from the cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Labels",
    "Mask",
    "Spacing",
    "closed",
    "components",
    "filled",
    "grown",
    "largest",
    "opened",
    "shrunk",
    "sizes",
]

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
Spacing = tuple[float, float, float]


def grown(mask: Mask, radius_mm: float, spacing_mm: Spacing, *, planar: bool = False) -> Mask:
    """Dilate.

    Args:
        mask: Shape (x, y, z).
        radius_mm: Rounded to whole voxels; under half a voxel an axis does not grow.
        spacing_mm: Voxel size along x, y, z.
        planar: Grow within axial slices only.
    """
    steps = [round(radius_mm / size) for size in spacing_mm]
    if planar:
        steps[2] = 0
    result = mask.copy()
    rounds = max(steps)
    for turn in range(rounds):
        moves = [axis for axis in range(3) if _due(steps[axis], turn, rounds)]
        result = _step(result, moves, square=turn % 2 == 1)
    return result


def shrunk(mask: Mask, radius_mm: float, spacing_mm: Spacing, *, planar: bool = False) -> Mask:
    """Erode; not from the array's own borders."""
    return ~grown(~mask, radius_mm, spacing_mm, planar=planar)


def opened(mask: Mask, radius_mm: float, spacing_mm: Spacing, *, planar: bool = False) -> Mask:
    """Erode, then dilate: what is thinner than twice the radius goes."""
    core = shrunk(mask, radius_mm, spacing_mm, planar=planar)
    return grown(core, radius_mm, spacing_mm, planar=planar) & mask


def closed(mask: Mask, radius_mm: float, spacing_mm: Spacing, *, planar: bool = False) -> Mask:
    """Dilate, then erode: gaps narrower than twice the radius go, none towards the borders."""
    pads = [round(radius_mm / size) + 1 for size in spacing_mm]
    if planar:
        pads[2] = 0
    padded = np.pad(mask, [(pad, pad) for pad in pads])
    wide = grown(padded, radius_mm, spacing_mm, planar=planar)
    tight = shrunk(wide, radius_mm, spacing_mm, planar=planar)
    inner = tuple(slice(pad, pad + size) for pad, size in zip(pads, mask.shape, strict=True))
    return tight[inner] | mask


def filled(mask: Mask) -> Mask:
    """Fill what the mask encloses, in each axial slice."""
    from scipy import ndimage

    result = mask.copy()
    for index in range(mask.shape[2]):
        if mask[:, :, index].any():
            result[:, :, index] = ndimage.binary_fill_holes(mask[:, :, index])
    return result


def components(mask: Mask, *, planar: bool = False) -> tuple[Labels, int]:
    """Label what is connected by faces (planar: within axial slices only)."""
    from scipy import ndimage

    structure = ndimage.generate_binary_structure(3, 1)
    if planar:
        structure[:, :, [0, 2]] = False
    labels: Any
    labels, count = ndimage.label(mask, structure)
    return labels, int(count)


def sizes(labels: Labels, count: int) -> NDArray[np.int64]:
    """Voxels of each label, index 0 (the background) included as 0."""
    result = np.bincount(labels.ravel(), minlength=count + 1)
    result[0] = 0
    return result


def largest(mask: Mask) -> Mask:
    """The component with most voxels; empty if the mask is."""
    labels, count = components(mask)
    if count == 0:
        return mask
    winner: Mask = labels == int(sizes(labels, count).argmax())
    return winner


def _due(steps: int, turn: int, rounds: int) -> bool:
    """Spread an axis's steps evenly over all rounds."""
    return (turn + 1) * steps // rounds > turn * steps // rounds


def _step(mask: Mask, axes: list[int], *, square: bool) -> Mask:
    result = mask.copy()
    for axis in axes:
        source = result.copy() if square and axis < 2 else mask
        ahead = tuple(slice(1, None) if other == axis else slice(None) for other in range(3))
        behind = tuple(slice(None, -1) if other == axis else slice(None) for other in range(3))
        result[ahead] |= source[behind]
        result[behind] |= source[ahead]
    return result
