"""Every voxel of a CT volume gets one label: lung, gas, bone, fat, soft tissue and so on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.ct.body import body_mask, muscle_wall
from specialists.ct.bone import bone_mask, contrast_mask, enhanced_cm3
from specialists.ct.foci import Foci, group, noise_hu
from specialists.ct.grid import Grid
from specialists.ct.labels import BITS, Label, label_of
from specialists.ct.lungs import Lungs, air_level, find_lungs
from specialists.ct.morphology import Mask, Spacing, closed, filled, grown, shrunk

__all__ = ["Label", "Masks", "segment"]

METAL_HU = 2500.0
STREAK_MM = 25.0
FOCUS_HU = 130.0
FOCUS_WITH_CONTRAST_HU = 400.0
FOCUS_MM3 = 10.0
FROM_BONE_MM = 6.0
FROM_WALL_MM = 25.0
BONE_GAP_MM = 12.0
ENHANCED_CM3 = 30.0
AROUND = 6
"""Working voxels about the body that are looked at."""
SLAB = 16
"""Slices labelled at a time: bounds the memory of temporary masks."""

Box = tuple[slice, slice]


@dataclass(frozen=True)
class Masks:
    """A label a voxel, and what was learned on the way."""

    labels: NDArray[np.uint8]
    """Shape (x, y, z), values of `Label`."""
    dense: NDArray[np.int64]
    """Flat indices of soft tissue above the threshold of the foci."""
    foci: Foci
    """Dense foci inside the muscle wall, away from it, from bone and from metal."""
    contrast: bool
    """Soft tissue as bright as with contrast agent was seen."""
    metal: bool
    lungs_split_by_plane: bool
    grid: Grid
    wall: Mask
    """The space inside the muscle wall, on the working grid."""

    def wall_at(self, index: int) -> Mask:
        """The space inside the muscle wall in one slice, shape (x, y)."""
        plane: Mask = self.grid.slab(self.wall, index, index + 1)[:, :, 0]
        return plane

    @cached_property
    def counts(self) -> dict[Label, int]:
        """Voxels of each label, counted slice by slice to spare memory."""
        total = np.zeros(256, np.int64)
        for index in range(self.labels.shape[2]):
            total += np.bincount(self.labels[:, :, index].ravel(), minlength=256)
        return {label: int(total[label]) for label in Label}

    def of(self, *labels: Label) -> Mask:
        """The mask of one label, or of several together."""
        if len(labels) == 1:
            single: Mask = self.labels == labels[0]
            return single
        return np.isin(self.labels, np.array(labels, np.uint8))

    @property
    def body(self) -> Mask:
        """The body with all that is in it."""
        inside: Mask = self.labels > 0
        return inside


@dataclass(frozen=True)
class _Coarse:
    """Masks on the working grid, in the box about the body."""

    box: Box
    body: Mask
    lungs: Lungs
    bone: Mask
    wall: Mask
    streaks: Mask
    search: Mask
    """Where dense foci are looked for."""
    enhanced: bool


def segment(
    hu: NDArray[Any],
    spacing_mm: Spacing,
    progress: Callable[[float, str], None] = lambda share, text: None,
) -> Masks:
    """Label a CT volume.

    Args:
        hu: Shape (x, y, z), Hounsfield units, axes to the patient's right, front and top.
        spacing_mm: Voxel size along x, y, z.
        progress: Called with the share done and what is being done.
    """
    grid = Grid.of(hu.shape, spacing_mm)
    coarse_hu = grid.averaged(hu)
    coarse = _coarse(coarse_hu, grid.spacing_mm, progress)
    progress(0.7, "Labelling voxels")
    above_hu = _focus_hu(coarse.enhanced, noise_hu(hu))
    labels, dense, searched = _labels(hu, grid, coarse, above_hu)
    voxel_mm3 = float(np.prod(spacing_mm))
    return Masks(
        labels,
        dense,
        group(searched, hu.shape, voxel_mm3, FOCUS_MM3, above_hu),
        contrast=coarse.enhanced,
        metal=bool(coarse.streaks.any()),
        lungs_split_by_plane=coarse.lungs.split_by_plane,
        grid=grid,
        wall=_unboxed(coarse.wall, coarse.box, coarse_hu.shape),
    )


def _coarse(
    hu: NDArray[np.float32], spacing_mm: Spacing, progress: Callable[[float, str], None]
) -> _Coarse:
    progress(0.05, "Finding the body")
    body = body_mask(hu, spacing_mm)
    progress(0.25, "Finding lungs and gas")
    air_hu, box = air_level(hu, body), _box(body)
    hu, body = np.ascontiguousarray(hu[box]), np.ascontiguousarray(body[box])
    lungs = find_lungs(hu, body, air_hu, spacing_mm)
    progress(0.5, "Finding bone and fat")
    contrast = contrast_mask(hu, body, spacing_mm)
    wall = muscle_wall(hu, body, lungs.right | lungs.left | lungs.gas, spacing_mm)
    bone = bone_mask(hu, body, wall, contrast, spacing_mm)
    metal = body & (hu > METAL_HU)
    streaks = grown(metal, STREAK_MM, spacing_mm, planar=True) if metal.any() else metal
    enhanced = bool(contrast.any()) or enhanced_cm3(hu, body, bone, spacing_mm) >= ENHANCED_CM3
    skeleton = filled(closed(bone, BONE_GAP_MM, spacing_mm))
    avoid = grown(skeleton, FROM_BONE_MM, spacing_mm) | streaks
    search = shrunk(wall, FROM_WALL_MM, spacing_mm, planar=True) & ~avoid
    return _Coarse(box, body, lungs, bone, wall, streaks, search, enhanced)


def _box(body: Mask) -> Box:
    """The columns and rows about the body, with as much around as any step looks at."""
    sides = []
    for axes in ((1, 2), (0, 2)):
        used = np.flatnonzero(body.any(axis=axes))
        low, high = (int(used[0]), int(used[-1])) if used.size else (0, 0)
        sides.append(slice(max(0, low - AROUND), high + 1 + AROUND))
    return sides[0], sides[1]


def _unboxed(mask: Mask, box: Box, shape: tuple[int, ...]) -> Mask:
    whole = np.zeros(shape, bool)
    whole[box] = mask
    return whole


def _focus_hu(enhanced: bool, noise: float) -> float:
    """Above what a voxel counts as dense: beyond noise, and beyond contrast agent."""
    least = FOCUS_WITH_CONTRAST_HU if enhanced else FOCUS_HU
    return max(least, math.ceil((60.0 + 4.5 * noise) / 10.0) * 10.0)


def _labels(
    hu: NDArray[Any], grid: Grid, coarse: _Coarse, above_hu: float
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The label map; flat indices of dense voxels, and of those where foci are looked for."""
    labels = np.zeros(hu.shape, np.uint8)
    dense: list[NDArray[np.int64]] = []
    searched: list[NDArray[np.bool_]] = []
    packed = _pack(grid, coarse)
    search = np.uint16(1 << BITS.index("search"))
    across, down = (
        slice(side.start * factor, min(side.stop * factor, size))
        for side, factor, size in zip(coarse.box, grid.factors, hu.shape, strict=False)
    )
    # Compared as whole numbers where they are whole: a float would make a copy in float64.
    limit = int(above_hu) if hu.dtype.kind == "i" and above_hu.is_integer() else above_hu
    for start in range(0, hu.shape[2], SLAB):
        stop = min(start + SLAB, hu.shape[2])
        part = hu[across, down, start:stop]
        bits = grid.slab(packed, start, stop)[: part.shape[0], : part.shape[1]]
        found = label_of(part, bits)
        labels[across, down, start:stop] = found
        tissue = (part > limit) & ((found == Label.SOFT_TISSUE) | (found == Label.DENSE))
        x, y, z = np.nonzero(tissue)
        place = (x + across.start, y + down.start, z + start)
        dense.append(np.ravel_multi_index(place, hu.shape).astype(np.int64))
        searched.append((bits[x, y, z] & search) > 0)
    every = np.concatenate(dense)
    return labels, every, every[np.concatenate(searched)]


def _pack(grid: Grid, coarse: _Coarse) -> NDArray[np.uint16]:
    """All masks of the working grid in one array, a bit each, in the order of `BITS`."""
    rims = {
        "body": grid.rim(coarse.body),
        "right": grid.rim(coarse.lungs.right),
        "left": grid.rim(coarse.lungs.left),
        "airway": grid.rim(coarse.lungs.airway),
        "bone": grid.rim(coarse.bone),
    }
    single = {"wall": coarse.wall, "streaks": coarse.streaks, "search": coarse.search}
    packed = np.zeros(coarse.body.shape, np.uint16)
    for place, name in enumerate(BITS):
        kind, _, edge = name.partition(" ")
        mask = rims[kind][edge == "reach"] if edge else single[kind]
        packed |= mask.astype(np.uint16) << np.uint16(place)
    return packed
