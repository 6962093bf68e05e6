"""A coarser working grid: shapes are found there, edges are set on the full one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.ct.morphology import Mask, Spacing, grown, shrunk

__all__ = ["Grid"]

WORKING_MM = 1.9
"""Voxels are averaged up to about this size."""


@dataclass(frozen=True)
class Grid:
    """How many full voxels make a working voxel along x, y, z."""

    shape: tuple[int, int, int]
    factors: tuple[int, int, int]
    spacing_mm: Spacing
    """Of the working grid."""

    @classmethod
    def of(cls, shape: tuple[int, ...], spacing_mm: Spacing) -> Grid:
        """Choose factors that bring each axis to about 2 mm; coarser axes stay as they are."""
        factors = [
            max(1, min(round(WORKING_MM / size), count))
            for size, count in zip(spacing_mm, shape, strict=True)
        ]
        coarse = [size * factor for size, factor in zip(spacing_mm, factors, strict=True)]
        return cls(
            (shape[0], shape[1], shape[2]),
            (factors[0], factors[1], factors[2]),
            (coarse[0], coarse[1], coarse[2]),
        )

    @property
    def voxel_cm3(self) -> float:
        """Volume of a working voxel."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    def averaged(self, hu: NDArray[Any]) -> NDArray[np.float32]:
        """Block means, shape (x, y, z) of the working grid; edge voxels are repeated to fit."""
        fx, fy, fz = self.factors
        depth = -(-self.shape[2] // fz)
        planes = [
            self._plane(hu[:, :, index * fz : (index + 1) * fz], fx, fy) for index in range(depth)
        ]
        return np.stack(planes, axis=2)

    def slab(self, coarse: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
        """A working array's slices `start` to `stop` (of the full grid) on the full grid."""
        fx, fy, fz = self.factors
        part = coarse[:, :, [index // fz for index in range(start, stop)]]
        if fx > 1:
            part = part.repeat(fx, axis=0)
        if fy > 1:
            part = part.repeat(fy, axis=1)
        return part[: self.shape[0], : self.shape[1]]

    def rim(self, coarse: Mask) -> tuple[Mask, Mask]:
        """A mask that is surely inside, and one that holds all; equal where nothing is averaged."""
        if self.factors[0] == 1 and self.factors[1] == 1:
            return coarse, coarse
        step = max(self.spacing_mm[:2])
        return (
            shrunk(coarse, step, self.spacing_mm, planar=True),
            grown(coarse, step, self.spacing_mm, planar=True),
        )

    def _plane(self, slab: NDArray[Any], fx: int, fy: int) -> NDArray[np.float32]:
        plane = slab.mean(axis=2, dtype=np.float32) if slab.shape[2] > 1 else slab[:, :, 0]
        plane = plane.astype(np.float32, copy=False)
        if fx == fy == 1:
            return plane
        rows, columns = plane.shape
        plane = np.pad(plane, [(0, -rows % fx), (0, -columns % fy)], mode="edge")
        across = plane[::fx].copy()
        for offset in range(1, fx):
            across += plane[offset::fx]
        total = across[:, ::fy].copy()
        for offset in range(1, fy):
            total += across[:, offset::fy]
        return np.asarray(total / np.float32(fx * fy), np.float32)
