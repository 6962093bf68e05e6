"""Which parts of the body a scan shows, judged by its content, and where it cuts the body off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.ct.masks import Label
from specialists.ct.morphology import Mask, Spacing, grown, shrunk

__all__ = ["Coverage", "coverage", "cut_slices", "outside_circle", "torso"]

LOOK_MM = 4.0
"""Slices and columns about this far apart are looked at."""
NEAR_MM = 16.0
CHEST_SHARE = 0.12
"""Lung in the body's section."""
SKULL_SHARE = 0.6
HIP_CM2 = 4.0
HIP_OFF_MIDDLE_MM = 35.0
SPINE_CM2 = 2.0
TORSO_MM = 150.0
CONTACT_MM = 10.0
ARM_MM = 10.0
ALL_PADDING = 0.995


@dataclass(frozen=True)
class Coverage:
    """What is in view."""

    extent_mm: tuple[float, float, float]
    """Right to left, front to back, along the body."""
    lengths_mm: dict[str, float]
    """Length along the body of 'head', 'chest', 'abdomen', 'pelvis', as far as recognised."""
    cut_share: float
    """Share of the slices in which the field of view cuts the body's outline."""
    right_lung_cut: tuple[str, ...]
    """'top', 'bottom': where the scan ends within the lung."""
    left_lung_cut: tuple[str, ...]
    slices: dict[str, tuple[int, int]]
    """First and last slice (index) of the longest run that shows each recognised part."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Recognised parts, from top to bottom."""
        order = ("head", "chest", "abdomen", "pelvis")
        return tuple(part for part in order if part in self.lengths_mm)


def coverage(hu: NDArray[Any], labels: NDArray[np.uint8], spacing_mm: Spacing) -> Coverage:
    """Find what is in view.

    Args:
        hu: Shape (x, y, z).
        labels: Shape (x, y, z), values of `Label`.
        spacing_mm: Voxel size along x, y, z.
    """
    extent = [count * size for count, size in zip(labels.shape, spacing_mm, strict=True)]
    steps = [max(1, round(LOOK_MM / size)) for size in spacing_mm]
    few = labels[:: steps[0], :: steps[1], :: steps[2]]
    sizes = (spacing_mm[0] * steps[0], spacing_mm[1] * steps[1])
    parts = _ordered([_part(few[:, :, index], sizes) for index in range(few.shape[2])])
    length = min(steps[2] * spacing_mm[2], extent[2])
    named = sorted({part for part in parts if part})
    return Coverage(
        (extent[0], extent[1], extent[2]),
        {part: parts.count(part) * length for part in named},
        float(cut_slices(labels > 0, spacing_mm, outside_circle(hu)).mean()),
        _lung_cut(labels == Label.RIGHT_LUNG, spacing_mm),
        _lung_cut(labels == Label.LEFT_LUNG, spacing_mm),
        {part: _span(parts, part, steps[2], spacing_mm[2]) for part in named},
    )


def _span(parts: list[str], part: str, step: int, step_mm: float) -> tuple[int, int]:
    """First and last slice of the longest run in which most slices near show the part."""
    shown = np.array([each == part for each in parts])
    half = round(NEAR_MM / (step * step_mm))
    near = np.convolve(np.pad(shown, half, mode="edge"), np.ones(2 * half + 1), mode="valid")
    steady = shown & (near > half) if half else shown
    if not steady.any():
        steady = shown
    edges = np.flatnonzero(np.diff(np.pad(steady.astype(np.int8), 1)))
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]) * step, int(stops[longest] - 1) * step


def _part(plane: NDArray[np.uint8], sizes_mm: tuple[float, float]) -> str:
    """What one axial slice shows by itself; '' where that can't be told."""
    trunk = torso(plane > 0, sizes_mm)
    area = int(trunk.sum())
    if area == 0:
        return ""
    lung = np.isin(plane, (Label.RIGHT_LUNG, Label.LEFT_LUNG)) & trunk
    if lung.sum() >= CHEST_SHARE * area:
        return "chest"
    bone = (plane == Label.BONE) & trunk
    if _filled_area(bone) >= SKULL_SHARE * area:
        return "head"
    across = np.flatnonzero(trunk.any(axis=1))
    middle = float((trunk.sum(axis=1) * np.arange(trunk.shape[0])).sum() / area)
    if _hips(bone, middle, sizes_mm):
        return "pelvis"
    if len(across) * sizes_mm[0] >= TORSO_MM and _spine(bone, middle, sizes_mm):
        return "abdomen"
    return ""


def _ordered(parts: list[str]) -> list[str]:
    """Use the order of the body, bottom first: shoulders are no hips, a neck is no abdomen."""
    chest = [index for index, part in enumerate(parts) if part == "chest"]
    if chest:
        middle = chest[len(chest) // 2]
        parts = [
            "" if index > middle and part in ("pelvis", "abdomen") else part
            for index, part in enumerate(parts)
        ]
    return [part if parts.count(part) * LOOK_MM >= 8 or len(parts) < 3 else "" for part in parts]


def _hips(bone: Mask, middle: float, sizes_mm: tuple[float, float]) -> bool:
    """A large piece of bone on either side, away from the middle."""
    from scipy import ndimage

    labels, count = ndimage.label(bone)
    sides = [False, False]
    for label in range(1, count + 1):
        columns = np.flatnonzero((labels == label).any(axis=1))
        area = int((labels == label).sum()) * sizes_mm[0] * sizes_mm[1] / 100.0
        for side, off in enumerate((columns[0] - middle, middle - columns[-1])):
            reaches = max(abs(columns[0] - middle), abs(columns[-1] - middle)) * sizes_mm[0]
            if area >= HIP_CM2 and off * sizes_mm[0] > -5.0 and reaches > HIP_OFF_MIDDLE_MM:
                sides[side] = True
    return all(sides)


def _spine(bone: Mask, middle: float, sizes_mm: tuple[float, float]) -> bool:
    near = np.abs(np.arange(bone.shape[0]) - middle) * sizes_mm[0] < 40.0
    return int(bone[near].sum()) * sizes_mm[0] * sizes_mm[1] / 100.0 >= SPINE_CM2


def torso(body: Mask, sizes_mm: tuple[float, float]) -> Mask:
    """The largest part of an axial slice (x, y) of the body, without arms that lie against it."""
    spacing = (*sizes_mm, 1.0)
    result = np.zeros_like(body)
    x, y = (np.flatnonzero(body.any(axis=axis)) for axis in (1, 0))
    if x.size == 0:
        return result
    # A margin of one, so that the edge of the box is no edge of the field.
    box = slice(max(0, x[0] - 1), x[-1] + 2), slice(max(0, y[0] - 1), y[-1] + 2)
    part = body[box]
    core = _largest(shrunk(part[:, :, None], ARM_MM, spacing, planar=True)[:, :, 0])
    result[box] = grown(core[:, :, None], ARM_MM, spacing, planar=True)[:, :, 0] & part
    return result


def _largest(mask: Mask) -> Mask:
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    winner: Mask = labels == int(areas.argmax())
    return winner


def _filled_area(mask: Mask) -> int:
    from scipy import ndimage

    return int(ndimage.binary_fill_holes(mask).sum())


def cut_slices(body: Mask, spacing_mm: Spacing, outside: Mask | None) -> NDArray[np.bool_]:
    """Which slices show a body that reaches the field's edge along 10 mm or more.

    Args:
        body: Shape (x, y, z).
        spacing_mm: Voxel size along x, y, z.
        outside: Shape (x, y), from `outside_circle`.
    """
    sides = [
        (body[0].sum(axis=0) + body[-1].sum(axis=0)) * spacing_mm[1],
        (body[:, 0].sum(axis=0) + body[:, -1].sum(axis=0)) * spacing_mm[0],
    ]
    if outside is not None:
        edge = grown(outside[:, :, None], 2.0 * spacing_mm[0], spacing_mm, planar=True)[:, :, 0]
        sides.append(body[edge].sum(axis=0) * spacing_mm[0] / 2.0)
    cut: NDArray[np.bool_] = np.max(sides, axis=0) >= CONTACT_MM
    return cut


def outside_circle(hu: NDArray[Any]) -> Mask | None:
    """What lies outside the circle inside a square field, if it is padding."""
    columns, rows = hu.shape[:2]
    if columns != rows or rows < 32:
        return None
    place = np.arange(rows) - (rows - 1) / 2.0
    radius = np.hypot(place[:, None], place[None, :])
    corners = hu[:, :, hu.shape[2] // 2][radius > 1.03 * rows / 2.0]
    padded = float((corners == np.median(corners)).mean()) >= ALL_PADDING
    outside: Mask = radius > rows / 2.0
    return outside if padded else None


def _lung_cut(lung: Mask, spacing_mm: Spacing) -> tuple[str, ...]:
    area_cm2 = lung.sum(axis=(0, 1)) * spacing_mm[0] * spacing_mm[1] / 100.0
    if not area_cm2.any():
        return ()
    ends = {"top": area_cm2[-1], "bottom": area_cm2[0]}
    return tuple(end for end, area in ends.items() if area >= 1.0)
