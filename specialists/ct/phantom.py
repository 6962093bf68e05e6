"""A synthetic chest and a synthetic abdomen of known sizes, where no reference scan exists.

Coordinates are in mm from the phantom's centre, along x (patient's right), y (front), z (top).
Borders are blurred over one voxel, as a scanner averages what lies within one. A phantom may lie
turned about its long axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from specialists.ct.morphology import Spacing

__all__ = ["Abdomen", "Chest", "Ellipsoid", "Tube"]

AIR_HU = -1000.0
FAT_HU = -100.0
TISSUE_HU = 40.0
LUNG_HU = -850.0
EMPHYSEMA_HU = -985.0
BONE_HU = 600.0
CALCIUM_HU = 700.0
SKIN_MM = 12.0
ENDLESS = math.inf

Axes = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


class Part(Protocol):
    """Something with a shape."""

    def cover(self, axes: Axes, spacing_mm: Spacing) -> NDArray[np.float32]:
        """The share of each voxel that lies inside, to first order."""


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
        blur = float(np.mean([s for s, h in zip(spacing_mm, self.half, strict=True) if h < 1e9]))
        return _share(q, slope, blur)


@dataclass(frozen=True)
class Tube:
    """A windpipe that leans to the front or back, and is narrow at one place."""

    half: tuple[float, float]
    """Half-axes of its axial section in mm."""
    lean: float = 0.0
    """How far it goes to the front for each mm upwards."""
    narrowed: float = 0.0
    """By which share the section is smaller at its narrowest, `NARROW_MM` above the centre."""
    bottom: float = -10.0

    @property
    def upright(self) -> float:
        """What an axial length along y is by, to be one at right angles to the course."""
        return 1.0 / math.hypot(1.0, self.lean)

    def sizes(self) -> dict[str, float]:
        """Area (mm2) and least diameter (mm) at right angles to the course."""
        wide, deep = self.half[0], self.half[1] * self.upright
        left = 1.0 - self.narrowed
        return {
            "median cross-section area": math.pi * wide * deep,
            "least cross-section area": math.pi * wide * deep * left**2,
            "least diameter": 2.0 * min(wide, deep) * left,
        }

    def cover(self, axes: Axes, spacing_mm: Spacing) -> NDArray[np.float32]:
        """The share of each voxel that lies inside, to first order."""
        x, y, z = axes
        size = 1.0 - self.narrowed * np.exp(-(((z - NARROW_MM) / 10.0) ** 2))
        wide, deep = self.half[0] * size, self.half[1] * size
        ahead = y - self.lean * z
        q = (x / wide) ** 2 + (ahead / deep) ** 2
        slope = (x / wide**2) ** 2 + (ahead / deep**2) ** 2
        inside = _share(q, slope, float(np.mean(spacing_mm[:2])))
        above = np.clip((z - self.bottom) / spacing_mm[2] + 0.5, 0.0, 1.0)
        covered: NDArray[np.float32] = (inside * above).astype(np.float32)
        return covered


NARROW_MM = 40.0


def _share(q: NDArray[Any], slope: NDArray[Any], blur_mm: float) -> NDArray[np.float32]:
    """From an implicit surface (q = 1) to the share of a voxel inside."""
    distance = (q - 1.0) / (2.0 * np.sqrt(slope) + 1e-6)
    inside: NDArray[np.float32] = np.clip(0.5 - distance / blur_mm, 0.0, 1.0).astype(np.float32)
    return inside


def _axes(size_mm: Sequence[float], spacing_mm: Spacing, turn_deg: float) -> Axes:
    shape = [round(size / step) for size, step in zip(size_mm, spacing_mm, strict=True)]
    x, y, z = (
        (np.arange(count) - (count - 1) / 2.0) * step
        for count, step in zip(shape, spacing_mm, strict=True)
    )
    if not turn_deg:
        return x[:, None, None], y[None, :, None], z[None, None, :]
    cosine, sine = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    across, ahead = x[:, None, None], y[None, :, None]
    return cosine * across + sine * ahead, cosine * ahead - sine * across, z[None, None, :]


def _painted(
    parts: Sequence[tuple[Part, float]], axes: Axes, spacing_mm: Spacing
) -> NDArray[np.float32]:
    """Later parts replace earlier ones."""
    hu = np.full(np.broadcast_shapes(*(each.shape for each in axes)), AIR_HU, np.float32)
    for part, value in parts:
        hu += part.cover(axes, spacing_mm) * (np.float32(value) - hu)
    return hu


def _scanned(hu: NDArray[np.float32], noise_hu: float) -> NDArray[np.int16]:
    if noise_hu:
        hu = hu + np.random.default_rng(7).normal(0, noise_hu, hu.shape).astype(np.float32)
    return np.rint(hu).astype(np.int16)


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
    tube: Tube | None = None
    """A windpipe of known sizes in place of the plain one."""
    emphysema: Ellipsoid | None = None
    """Within a lung."""
    plaques: tuple[Ellipsoid, ...] = ()
    bowel_gas: bool = False
    table: bool = False
    stone: bool = False
    noise_hu: float = 0.0
    turn_deg: float = 0.0

    def draw(self, spacing_mm: Spacing) -> NDArray[np.int16]:
        """The scan, shape (x, y, z) in HU."""
        axes = _axes(self.size_mm, spacing_mm, self.turn_deg)
        hu = _painted(self._parts(), axes, spacing_mm)
        if self.table:
            plate = np.abs(axes[1] + self.body[1] + 8.0) < max(2.0, 0.51 * spacing_mm[1])
            hu = np.where(plate & (hu < -500), np.float32(150.0), hu)
        return _scanned(hu, self.noise_hu)

    def _parts(self) -> list[tuple[Part, float]]:
        wide, deep = self.body
        parts: list[tuple[Part, float]] = [
            (Ellipsoid((0, 0, 0), (wide, deep, ENDLESS)), FAT_HU),
            (Ellipsoid((0, 0, 0), (wide - SKIN_MM, deep - SKIN_MM, ENDLESS)), TISSUE_HU),
            (Ellipsoid((0, -deep + 32.0, 0), (18.0, 16.0, ENDLESS)), BONE_HU),
            (Ellipsoid((0, -deep + 32.0, 0), (13.0, 11.0, ENDLESS)), 180.0),
        ]
        parts += [(lung, LUNG_HU) for lung in (self.right, self.left) if lung]
        if self.emphysema:
            parts.append((self.emphysema, EMPHYSEMA_HU))
        if self.tube:
            parts.append((self.tube, AIR_HU))
        elif self.windpipe:
            parts.append((Ellipsoid((0, 0, 60.0), (9.0, 9.0, 70.0)), AIR_HU))
        parts += [(plaque, CALCIUM_HU) for plaque in self.plaques]
        if self.bowel_gas:
            parts.append((Ellipsoid((10.0, 35.0, -70.0), (30.0, 16.0, 14.0)), AIR_HU))
        if self.stone:
            parts.append((Ellipsoid((0, 35.0, -30.0), (5.0, 5.0, 5.0)), 900.0))
        return parts


@dataclass(frozen=True)
class Abdomen:
    """Skin fat, a muscle wall, visceral fat with organs in it, spine, back muscle and aorta."""

    size_mm: tuple[float, float, float] = (340.0, 290.0, 120.0)
    skin_mm: float = 20.0
    wall_mm: float = 12.0
    plaques: tuple[Ellipsoid, ...] = ()
    noise_hu: float = 0.0
    turn_deg: float = 0.0

    def draw(self, spacing_mm: Spacing) -> NDArray[np.int16]:
        """The scan, shape (x, y, z) in HU."""
        axes = _axes(self.size_mm, spacing_mm, self.turn_deg)
        parts = [*self._parts(), *((plaque, CALCIUM_HU) for plaque in self.plaques)]
        return _scanned(_painted(parts, axes, spacing_mm), self.noise_hu)

    def areas_cm2(self) -> dict[str, float]:
        """Areas of a section, counted on a grid of 0.25 mm without blur or noise."""
        step = 0.25
        fine = _axes((*self.size_mm[:2], 1.0), (step, step, 1.0), 0.0)
        hu = _painted(self._parts(), fine, (1e-3, 1e-3, 1.0))[:, :, 0]
        outer = self._ellipse(self.skin_mm).cover(fine, (1e-3, 1e-3, 1.0))[:, :, 0] > 0.5
        inner = self._ellipse(self.skin_mm + self.wall_mm)
        deep = inner.cover(fine, (1e-3, 1e-3, 1.0))[:, :, 0] > 0.5
        back = (fine[1] < FRONT_MM - 45.0)[:, :, 0] & (np.abs(fine[0]) < 50.0)[:, :, 0]
        fat, lean = hu == FAT_HU, hu == TISSUE_HU
        masks = {
            "subcutaneous fat": fat & ~outer,
            "visceral fat": fat & deep & ~back,
            "muscle of wall and back": lean & outer & (~deep | back),
        }
        return {name: float(mask.sum()) * step**2 / 100.0 for name, mask in masks.items()}

    def _ellipse(self, inset_mm: float) -> Ellipsoid:
        return Ellipsoid((0, 0, 0), (150.0 - inset_mm, 120.0 - inset_mm, ENDLESS))

    def _parts(self) -> list[tuple[Part, float]]:
        parts: list[tuple[Part, float]] = [
            (self._ellipse(0.0), FAT_HU),
            (self._ellipse(self.skin_mm), TISSUE_HU),
            (self._ellipse(self.skin_mm + self.wall_mm), FAT_HU),
        ]
        parts += [
            (Ellipsoid((side * 28.0, -72.0, 0), (20.0, 16.0, ENDLESS)), TISSUE_HU)
            for side in (1, -1)
        ]
        parts += [
            (Ellipsoid((55.0, 15.0, 0), (42.0, 38.0, ENDLESS)), TISSUE_HU),
            (Ellipsoid((-50.0, 20.0, 0), (30.0, 24.0, ENDLESS)), TISSUE_HU),
            (Ellipsoid((-8.0, 4.0, 0), (11.0, 11.0, ENDLESS)), TISSUE_HU),
            (Ellipsoid((0, -70.0, 0), (6.0, 22.0, ENDLESS)), BONE_HU),
            (Ellipsoid((0, FRONT_MM - 18.0, 0), (22.0, 18.0, ENDLESS)), BONE_HU),
            (Ellipsoid((0, FRONT_MM - 18.0, 0), (18.0, 14.0, ENDLESS)), 180.0),
        ]
        return parts


FRONT_MM = -12.0
"""Front of the abdomen's spine along y."""
