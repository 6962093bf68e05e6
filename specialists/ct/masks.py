"""Every voxel of a CT volume gets one label: lung, gas, bone, fat, soft tissue and so on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.ct.body import BODY_HU, body_mask, muscle_wall
from specialists.ct.bone import BONE_HU, bone_mask, contrast_mask, enhanced_cm3
from specialists.ct.foci import Foci, group, noise_hu
from specialists.ct.grid import Grid
from specialists.ct.lungs import LUNG_HU, Lungs, find_lungs
from specialists.ct.morphology import Mask, Spacing, closed, filled, grown, shrunk

__all__ = ["Label", "Masks", "segment"]

FAT_HU = (-190.0, -30.0)
SOFT_HU = (-29.0, 150.0)
METAL_HU = 2500.0
STREAK_MM = 25.0
FOCUS_HU = 130.0
FOCUS_WITH_CONTRAST_HU = 400.0
FOCUS_MM3 = 10.0
FROM_BONE_MM = 6.0
FROM_WALL_MM = 25.0
BONE_GAP_MM = 12.0
ENHANCED_CM3 = 30.0
SLAB = 16
"""Slices labelled at a time: bounds the memory of temporary masks."""


class Label(IntEnum):
    """What a voxel is; 0 is outside the body."""

    OUTSIDE = 0
    RIGHT_LUNG = 1
    LEFT_LUNG = 2
    AIRWAY = 3
    GAS = 4
    BONE = 5
    SUBCUTANEOUS_FAT = 6
    INTERNAL_FAT = 7
    SOFT_TISSUE = 8
    DENSE = 9
    """Above soft tissue and not bone: calcification, contrast agent, metal."""
    OTHER = 10
    """In the body and none of these: mixed voxels at borders, streaks."""


@dataclass(frozen=True)
class Masks:
    """A label a voxel, and what was learned on the way."""

    labels: NDArray[np.uint8]
    """Shape (x, y, z), values of `Label`."""
    foci: Foci
    """Dense foci inside the muscle wall, away from it, from bone and from metal."""
    contrast: bool
    """Soft tissue as bright as with contrast agent was seen."""
    metal: bool
    lungs_split_by_plane: bool

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
    """Masks on the working grid."""

    body: Mask
    lungs: Lungs
    bone: Mask
    contrast: Mask
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
    labels, dense = _labels(hu, grid, coarse, above_hu)
    voxel_mm3 = float(np.prod(spacing_mm))
    return Masks(
        labels,
        group(dense, hu.shape, voxel_mm3, FOCUS_MM3, above_hu),
        contrast=coarse.enhanced,
        metal=bool(coarse.streaks.any()),
        lungs_split_by_plane=coarse.lungs.split_by_plane,
    )


def _coarse(
    hu: NDArray[np.float32], spacing_mm: Spacing, progress: Callable[[float, str], None]
) -> _Coarse:
    progress(0.05, "Finding the body")
    body = body_mask(hu, spacing_mm)
    progress(0.25, "Finding lungs and gas")
    lungs = find_lungs(hu, body, spacing_mm)
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
    return _Coarse(body, lungs, bone, contrast, wall, streaks, search, enhanced)


def _focus_hu(enhanced: bool, noise: float) -> float:
    """Above what a voxel counts as dense: beyond noise, and beyond contrast agent."""
    least = FOCUS_WITH_CONTRAST_HU if enhanced else FOCUS_HU
    return max(least, math.ceil((60.0 + 4.5 * noise) / 10.0) * 10.0)


def _labels(
    hu: NDArray[Any], grid: Grid, coarse: _Coarse, above_hu: float
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The label map, and the flat indices of dense voxels where foci are looked for."""
    labels = np.zeros(hu.shape, np.uint8)
    dense: list[NDArray[np.int64]] = []
    rims = {
        "body": grid.rim(coarse.body),
        "right": grid.rim(coarse.lungs.right),
        "left": grid.rim(coarse.lungs.left),
        "airway": grid.rim(coarse.lungs.airway),
        "bone": grid.rim(coarse.bone),
    }
    for start in range(0, hu.shape[2], SLAB):
        stop = min(start + SLAB, hu.shape[2])
        full = {
            name: (grid.slab(core, start, stop), grid.slab(reach, start, stop))
            for name, (core, reach) in rims.items()
        }
        wall = grid.slab(coarse.wall, start, stop)
        streaks = grid.slab(coarse.streaks, start, stop)
        part = hu[:, :, start:stop]
        labels[:, :, start:stop] = _slab(part, full, wall, streaks)
        tissue = np.isin(labels[:, :, start:stop], (Label.SOFT_TISSUE, Label.DENSE))
        bright = (part > above_hu) & tissue & grid.slab(coarse.search, start, stop)
        x, y, z = np.nonzero(bright)
        dense.append(np.ravel_multi_index((x, y, z + start), hu.shape).astype(np.int64))
    return labels, np.concatenate(dense)


def _slab(
    hu: NDArray[Any], masks: dict[str, tuple[Mask, Mask]], wall: Mask, streaks: Mask
) -> NDArray[np.uint8]:
    """Label some slices; later lines win over earlier ones."""
    core, reach = masks["body"]
    body = core | (reach & (hu > BODY_HU))
    labels = np.where(body, np.uint8(Label.OTHER), np.uint8(0))
    fat = body & (hu >= FAT_HU[0]) & (hu <= FAT_HU[1])
    labels[fat] = Label.SUBCUTANEOUS_FAT
    labels[fat & wall] = Label.INTERNAL_FAT
    labels[body & (hu >= SOFT_HU[0]) & (hu <= SOFT_HU[1])] = Label.SOFT_TISSUE
    labels[body & (hu > SOFT_HU[1])] = Label.DENSE
    labels[body & (hu < LUNG_HU) & ~streaks] = Label.GAS
    core, reach = masks["airway"]
    labels[(labels == Label.GAS) & reach] = Label.AIRWAY
    core, reach = masks["bone"]
    labels[body & (core | (reach & (hu > BONE_HU)))] = Label.BONE
    for name, label in (("right", Label.RIGHT_LUNG), ("left", Label.LEFT_LUNG)):
        core, reach = masks[name]
        other = masks["left" if name == "right" else "right"][0]
        labels[body & (core | (reach & ~other & (hu < LUNG_HU) & (labels != Label.AIRWAY)))] = label
    return labels
