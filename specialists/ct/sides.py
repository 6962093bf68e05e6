"""Which side a piece of lung is on, and where lungs that touch are parted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from specialists.ct.morphology import Mask, Spacing, components, grown, shrunk, sizes

__all__ = ["middle_of", "part_sides"]


def middle_of(body: Mask) -> NDArray[np.float64]:
    """The body's middle along x (index) in each slice."""
    from scipy import ndimage

    index = np.arange(body.shape[0])[:, None]
    area = body.sum(axis=1)
    filled_slices = np.maximum(area.sum(axis=0), 1)
    middle = (area * index).sum(axis=0) / filled_slices
    middle[area.sum(axis=0) == 0] = (body.shape[0] - 1) / 2
    result: NDArray[np.float64] = ndimage.uniform_filter1d(middle, min(15, len(middle)))
    return result


def part_sides(
    lungs: Mask, middle: NDArray[np.float64], spacing_mm: Spacing
) -> tuple[Mask, Mask, bool]:
    """Part the lungs: x grows to the patient's right."""
    to_right = np.arange(lungs.shape[0])[:, None, None] > middle[None, None, :]
    to_right = np.broadcast_to(to_right, lungs.shape)
    for radius in (0.0, 2.0, 4.0, 6.0, 9.0, 12.0):
        core = shrunk(lungs, radius, spacing_mm) if radius else lungs
        right, left, crossing = _seeds(core, to_right)
        if crossing == 0:
            return *_regrown(lungs, right, left, to_right, spacing_mm), False
    return lungs & to_right, lungs & ~to_right, True


def _seeds(core: Mask, to_right: Mask) -> tuple[Mask, Mask, int]:
    """Give each component the side that it lies on; count those that lie on both."""
    labels, count = components(core)
    counts = np.maximum(sizes(labels, count), 1)
    share = np.bincount(labels[core & to_right], minlength=count + 1) / counts
    large = counts > 0.02 * counts.sum()
    crossing = int(((share > 0.12) & (share < 0.88) & large).sum())
    right = share > 0.5
    right[0] = False
    left = share <= 0.5
    left[0] = False
    return right[labels], left[labels], crossing


def _regrown(
    lungs: Mask, right: Mask, left: Mask, to_right: Mask, spacing_mm: Spacing
) -> tuple[Mask, Mask]:
    """Let both sides grow within the lungs until all is given away."""
    step = max(spacing_mm[:2])
    for _ in range(12):
        open_ = lungs & ~right & ~left
        if not open_.any():
            return right, left
        wider = grown(right, step, spacing_mm) & open_
        left = left | (grown(left, step, spacing_mm) & open_ & ~wider)
        right = right | wider
    rest = lungs & ~right & ~left
    return right | (rest & to_right), left | (rest & ~to_right)
