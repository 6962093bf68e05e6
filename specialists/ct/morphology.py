"""Binary morphology with radii in mm, on arrays (x, y, z).

Discs and balls are built from one-voxel steps, alternately a cross and a square in the plane, so
that the cost grows with the radius in voxels and not with its cube. What lies outside the array
counts as background when a mask grows and as foreground when it shrinks: a structure that the
scan cuts is not eroded from the cut. Eight slices are packed into a byte on the way, which makes a
step several times cheaper.
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
    "medians",
    "opened",
    "shrunk",
    "sizes",
]

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
Packed = NDArray[np.uint8]
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
    rounds = max(steps)
    if rounds == 0:
        return mask.copy()
    depth = mask.shape[2]
    packed = _packed(mask)
    for turn in range(rounds):
        moves = [axis for axis in range(3 if depth > 1 else 2) if _due(steps[axis], turn, rounds)]
        packed = _step(packed, moves, square=turn % 2 == 1)
    return _unpacked(packed, depth)


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
    for index in np.flatnonzero(mask.any(axis=(0, 1))):
        plane = mask[:, :, index]
        x, y = (np.flatnonzero(plane.any(axis=axis)) for axis in (1, 0))
        box = np.pad(~plane[x[0] : x[-1] + 1, y[0] : y[-1] + 1], 1, constant_values=True)
        holes, _ = ndimage.label(box)
        # The padding joins all that is open to the outside, and is met first.
        result[x[0] : x[-1] + 1, y[0] : y[-1] + 1, index] |= holes[1:-1, 1:-1] > 1
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
    return np.bincount(labels[labels > 0], minlength=count + 1)


def medians(values: NDArray[Any], labels: Labels, count: int) -> NDArray[np.float64]:
    """Median value of each label, index 0 (the background) and empty labels included as 0."""
    inside = labels > 0
    own, found = labels[inside], values[inside]
    ordered = found[np.lexsort((found, own))]
    counts = np.bincount(own, minlength=count + 1)
    start = np.cumsum(counts) - counts
    result = np.zeros(count + 1)
    some = counts > 0
    low, high = start + (counts - 1) // 2, start + counts // 2
    result[some] = (ordered[low[some]].astype(np.float64) + ordered[high[some]]) / 2
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


def _packed(mask: Mask) -> Packed:
    """Slices become bits, the lowest first; a single slice stays as it is, a byte a voxel."""
    columns, rows, depth = mask.shape
    if depth == 1:
        return np.ascontiguousarray(mask).view(np.uint8)
    whole = np.zeros((columns, rows, -(-depth // 8) * 8), bool)
    whole[:, :, :depth] = mask
    return np.packbits(whole.reshape(-1), bitorder="little").reshape(columns, rows, -1)


def _unpacked(packed: Packed, depth: int) -> Mask:
    if depth == 1:
        return packed.view(np.bool_)
    bits = np.unpackbits(packed.reshape(-1), bitorder="little").view(np.bool_)
    return np.ascontiguousarray(bits.reshape(*packed.shape[:2], -1)[:, :, :depth])


def _step(packed: Packed, axes: list[int], *, square: bool) -> Packed:
    """Grow by a voxel along some axes; slices lie in the bits, the lowest first."""
    result = packed.copy()
    for axis in axes:
        if axis == 2:
            _step_along(packed, result)
            continue
        source = result.copy() if square else packed
        ahead, behind = [slice(None)] * 2, [slice(None)] * 2
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        result[*ahead] |= source[*behind]
        result[*behind] |= source[*ahead]
    return result


def _step_along(packed: Packed, result: Packed) -> None:
    """Add to `result` the slices above and below those of `packed`."""
    result |= (packed << 1) | (packed >> 1)
    above, below = packed >> 7, packed << 7
    above[:, :, -1], below[:, :, 0] = 0, 0
    flat = result.reshape(-1)
    flat[1:] |= above.reshape(-1)[:-1]
    flat[:-1] |= below.reshape(-1)[1:]
