"""Where the spine is in each slice: a landmark for what lies in front of it and behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.ct.masks import Label
from specialists.ct.morphology import Spacing
from specialists.ct.region import torso

__all__ = ["Spine", "find_spine"]

LOOK_MM = 4.0
BESIDE_MM = 25.0
"""Half the width in which the spine is looked for, around the trunk's middle."""
DEEP_MM = 95.0
"""From the tip of a spinous process to the front of the vertebra; the breastbone is farther."""
CENTRAL_MM = 14.0
LEAST_CM2 = 2.0
SMOOTH_MM = 25.0


@dataclass(frozen=True)
class Spine:
    """Places in voxels, one for each slice; NaN where no spine was found near."""

    centre_x: NDArray[np.float64]
    front_y: NDArray[np.float64]

    def known(self, index: int) -> bool:
        """Whether the slice has a spine."""
        return bool(np.isfinite(self.front_y[index]))


def find_spine(labels: NDArray[np.uint8], spacing_mm: Spacing) -> Spine:
    """Find the spine in slices about 4 mm apart, smooth it, and fill in what lies between.

    Args:
        labels: Shape (x, y, z), values of `Label`.
        spacing_mm: Voxel size along x, y, z.
    """
    count = labels.shape[2]
    looked = np.arange(0, count, max(1, round(LOOK_MM / spacing_mm[2])))
    places = np.array([_at(labels[:, :, index], spacing_mm) for index in looked])
    return Spine(*(_smooth(looked, place, count, spacing_mm[2]) for place in places.T))


def _at(plane: NDArray[np.uint8], spacing_mm: Spacing) -> tuple[float, float]:
    """The vertebral body's middle along x and its front along y, in voxels."""
    step = max(1, round(2.0 / max(spacing_mm[:2])))
    few = plane[::step, ::step]
    sizes = (spacing_mm[0] * step, spacing_mm[1] * step)
    trunk = torso(few > 0, sizes)
    if not trunk.any():
        return np.nan, np.nan
    bone = trunk & (few == Label.BONE)
    middle = float(np.nonzero(trunk)[0].mean())
    bone &= (np.abs(np.arange(few.shape[0]) - middle) * sizes[0] < BESIDE_MM)[:, None]
    x, y = np.nonzero(bone)
    if x.size * sizes[0] * sizes[1] < 100.0 * LEAST_CM2:
        return np.nan, np.nan
    near = (y - y.min()) * sizes[1] < DEEP_MM
    farthest = np.full(few.shape[0], -1)
    np.maximum.at(farthest, x[near], y[near])
    central = (farthest >= 0) & (np.abs(np.arange(few.shape[0]) - middle) * sizes[0] < CENTRAL_MM)
    if not central.any():
        return np.nan, np.nan
    # A vessel with contrast agent beside the vertebra reaches farther, in a few columns.
    front = float(np.median(farthest[central]))
    vertebra = near & (y <= front) & ((front - y) * sizes[1] < 30.0)
    return float(np.median(x[vertebra])) * step, front * step + (step - 1) / 2


def _smooth(
    looked: NDArray[Any], place: NDArray[np.float64], count: int, step_mm: float
) -> NDArray[np.float64]:
    """Median over neighbours; between found places a line, beyond them nothing."""
    found = np.isfinite(place)
    every = np.full(count, np.nan)
    if not found.any():
        return every
    at, value = looked[found], place[found]
    near = np.abs(at[:, None] - at[None]) * step_mm <= SMOOTH_MM / 2
    steady = np.array([np.median(value[row]) for row in near])
    inside = np.arange(at[0], at[-1] + 1)
    every[inside] = np.interp(inside, at, steady)
    return every
