"""A synthetic chest whose volumes are known, for checks where no reference scan exists.

Coordinates are in mm from the phantom's centre, along x (patient's right), y (front), z (top).
Borders are blurred over one voxel, as a scanner averages what lies within one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.ct.morphology import Spacing

__all__ = ["Chest", "Ellipsoid"]

AIR_HU = -1000.0
FAT_HU = -100.0
TISSUE_HU = 40.0
LUNG_HU = -850.0
BONE_HU = 600.0
SKIN_MM = 12.0

Axes = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Ellipsoid:
    """Centre and half-axes in mm; a half-axis of infinity makes a cylinder."""

    centre: tuple[float, float, float]
    half: tuple[float, float, float]

    @property
    def cm3(self) -> float:
        """Volume; infinite for a cylinder."""
        return 4.0 / 3.0 * math.pi * math.prod(self.half) / 1000.0

    def cover(self, axes: Axes, spacing_mm: Spacing) -> NDArray[np.float32]:
        """The share of each voxel that lies inside, to first order."""
        q: Any = 0.0
        slope: Any = 0.0
        for place, centre, half in zip(axes, self.centre, self.half, strict=True):
            if math.isfinite(half):
                q = q + ((place - centre) / half) ** 2
                slope = slope + ((place - centre) / half**2) ** 2
        distance = (q - 1.0) / (2.0 * np.sqrt(slope) + 1e-6)
        blur = float(np.mean([s for s, h in zip(spacing_mm, self.half, strict=True) if h < 1e9]))
        inside: NDArray[np.float32] = np.clip(0.5 - distance / blur, 0.0, 1.0).astype(np.float32)
        return inside


def _default_right() -> Ellipsoid:
    return Ellipsoid((55.0, 5.0, 0.0), (38.0, 52.0, 60.0))


def _default_left() -> Ellipsoid:
    return Ellipsoid((-55.0, 5.0, 0.0), (35.0, 48.0, 56.0))


@dataclass(frozen=True)
class Chest:
    """A chest with what is asked for in it."""

    size_mm: tuple[float, float, float] = (270.0, 210.0, 170.0)
    body: tuple[float, float] = (115.0, 85.0)
    right: Ellipsoid | None = field(default_factory=_default_right)
    left: Ellipsoid | None = field(default_factory=_default_left)
    windpipe: bool = True
    bowel_gas: bool = False
    table: bool = False
    stone: bool = False
    noise_hu: float = 0.0

    def draw(self, spacing_mm: Spacing) -> NDArray[np.int16]:
        """The scan, shape (x, y, z) in HU."""
        shape = [round(size / step) for size, step in zip(self.size_mm, spacing_mm, strict=True)]
        x, y, z = (
            (np.arange(count) - (count - 1) / 2.0) * step
            for count, step in zip(shape, spacing_mm, strict=True)
        )
        axes = (x[:, None, None], y[None, :, None], z[None, None, :])
        hu = np.full(shape, AIR_HU, np.float32)
        for part, value in self._parts():
            hu += part.cover(axes, spacing_mm) * (np.float32(value) - hu)
        if self.table:
            plate = np.abs(axes[1] + self.body[1] + 8.0) < max(2.0, 0.51 * spacing_mm[1])
            hu = np.where(plate & (hu < -500), np.float32(150.0), hu)
        if self.noise_hu:
            hu += np.random.default_rng(7).normal(0, self.noise_hu, shape).astype(np.float32)
        return np.rint(hu).astype(np.int16)

    def _parts(self) -> list[tuple[Ellipsoid, float]]:
        """Later parts replace earlier ones."""
        wide, deep = self.body
        endless = math.inf
        parts = [
            (Ellipsoid((0, 0, 0), (wide, deep, endless)), FAT_HU),
            (Ellipsoid((0, 0, 0), (wide - SKIN_MM, deep - SKIN_MM, endless)), TISSUE_HU),
            (Ellipsoid((0, -deep + 32.0, 0), (18.0, 16.0, endless)), BONE_HU),
            (Ellipsoid((0, -deep + 32.0, 0), (13.0, 11.0, endless)), 180.0),
        ]
        parts += [(lung, LUNG_HU) for lung in (self.right, self.left) if lung]
        if self.windpipe:
            parts.append((Ellipsoid((0, 0, 60.0), (9.0, 9.0, 70.0)), AIR_HU))
        if self.bowel_gas:
            parts.append((Ellipsoid((10.0, 35.0, -70.0), (30.0, 16.0, 14.0)), AIR_HU))
        if self.stone:
            parts.append((Ellipsoid((0, 35.0, -30.0), (5.0, 5.0, 5.0)), 900.0))
        return parts
