"""A scan with its masks, and how its numbers are rounded and written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from specialists.ct.masks import Masks
from specialists.ct.morphology import Mask, Spacing
from specialists.ct.region import Coverage
from specialists.ct.spine import Spine

__all__ = ["HU", "Scan", "Side", "number", "rounded", "spaced", "written"]

HU = "[hnsf'U]"
"""UCUM code of the Hounsfield unit."""

Side = Literal["right", "left"]


@dataclass(frozen=True)
class Scan:
    """What is measured: the values, where they lie and what they are."""

    hu: NDArray[Any]
    spacing_mm: Spacing
    masks: Masks
    coverage: Coverage
    spine: Spine
    tissues: dict[int, tuple[Mask, Mask, Mask] | None] = field(default_factory=dict, init=False)
    """By slice: what `composition.tissues_at` found there."""

    @property
    def flat(self) -> bool:
        """A single slice: areas are reported and no volumes."""
        return int(self.hu.shape[2]) == 1

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        return float(np.prod(self.spacing_mm))

    @property
    def size_unit(self) -> str:
        """UCUM code of sizes."""
        return "cm2" if self.flat else "cm3"

    @property
    def size_word(self) -> str:
        """What a size is called."""
        return "area" if self.flat else "volume"

    def level(self, index: int) -> str:
        """'in slice 28 of 112, 81 mm above the lowest'."""
        height = number(rounded(index * self.spacing_mm[2]))
        return f"in slice {index + 1} of {self.hu.shape[2]}, {height} mm above the lowest"

    def size(self, voxels: int) -> float:
        """Volume in cm3, or area in cm2 of a single slice; rounded as reported."""
        if self.flat:
            return rounded(voxels * self.spacing_mm[0] * self.spacing_mm[1] / 100.0)
        return rounded(voxels * self.voxel_mm3 / 1000.0)

    def basis(self, voxels: int) -> str:
        """'1 204 331 voxels of 2.0 mm3'."""
        if self.flat:
            return f"{spaced(voxels)} pixels of {self.spacing_mm[0] * self.spacing_mm[1]:.2f} mm2"
        return f"{spaced(voxels)} voxels of {self.voxel_mm3:.2f} mm3"


def rounded(value: float) -> float:
    """One decimal below 100, none above."""
    return float(round(value, 1)) if abs(value) < 100 else float(round(value))


def number(value: float) -> str:
    """As reported: no exponent, no trailing zeros."""
    return f"{value:.1f}".removesuffix(".0")


def written(value: float, unit: str) -> str:
    """Value and unit as they stand in the fields; Hounsfield units also in words."""
    words = f"{number(value)} {unit}"
    return f"{words} (Hounsfield units)" if unit == HU else words


def spaced(count: int) -> str:
    """'1 204 331'."""
    return f"{count:,}".replace(",", " ")
