"""Dense soft tissue where the heart and the great vessels lie: a rough surrogate of their calcium.

No vessel is outlined. What is counted lies between the lungs, or in front of the spine below them,
away from bone and from the body's wall; without contrast agent most of it is calcified vessel
wall, but calcified nodes, stents, clips and tablets count too. It is no Agatston score: that needs
a gated scan of 3 mm slices without contrast agent, and the arteries by name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.ct.foci import group
from specialists.ct.masks import METAL_HU, Label
from specialists.ct.morphology import Mask, grown, shrunk
from specialists.ct.scan import Scan, rounded, spaced, written
from specialists.ct.stated import with_error
from specialists.schema import Measurement

__all__ = ["CAVEAT", "calcium", "calcium_measured", "why_no_calcium"]

OUT_OF_VIEW = "neither both lungs nor the spine below them are in view over 30 mm"
CAVEAT = "a rough surrogate of vessel calcium, and no Agatston score"
LARGEST_THRESHOLD_HU = 200.0
"""A scan whose noise asks for more says too little about calcium."""
FROM_BONE_MM = 4.0
FROM_WALL_MM = 20.0
BEHIND_MM = 30.0
"""How far behind the front of the spine the aorta may lie, in the chest."""
VERTEBRA_MM = 26.0
"""Half the width of a vertebra with its joints; what is as far back counts as bone."""
LEAST_AHEAD_MM = 4.0
"""Nearer to the spine's front may be its edge."""
BESIDE_MM, AHEAD_MM = 30.0, 50.0
"""The space in front of the spine: half its width, and its depth."""
LEAST_MM3 = 3.0
LEAST_LENGTH_MM = 30.0

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calcium:
    """Dense voxels of one place."""

    site: str
    where: str
    mm3: float
    voxels: int
    length_mm: float


def why_no_calcium(scan: Scan) -> str:
    """The reason where a scan can't be measured."""
    if scan.flat:
        return "a single slice"
    if scan.masks.contrast:
        return "contrast agent, which is as dense"
    if scan.masks.foci.above_hu > LARGEST_THRESHOLD_HU:
        return "too much noise"
    return OUT_OF_VIEW


def calcium(scan: Scan) -> list[Calcium]:
    """Dense volume between the lungs and in front of the spine, as far as they are in view."""
    places = (
        ("mediastinum", "between the lungs", *_between_lungs(scan)),
        ("abdomen", "in front of the spine below the lungs", *_before_spine(scan)),
    )
    return [
        _counted(scan, site, where, flat, slices)
        for site, where, flat, slices in places
        if int(slices.sum()) * scan.spacing_mm[2] >= LEAST_LENGTH_MM
    ]


def calcium_measured(scan: Scan) -> list[Measurement]:
    """One number for each place; empty where the scan can't be measured."""
    if why_no_calcium(scan) != OUT_OF_VIEW:
        return []
    above = scan.masks.foci.above_hu
    return [
        Measurement(
            name=f"dense volume {each.where}",
            value=(value := rounded(each.mm3)),
            unit="mm3",
            site=each.site,
            based_on=with_error(
                f"{spaced(each.voxels)} voxels of {scan.voxel_mm3:.2f} mm3", "dense volume"
            ),
            text=f"Soft tissue above {above:.0f} HU {each.where}, over {each.length_mm:.0f} mm of "
            f"the scan's length, takes up {written(value, 'mm3')} ({CAVEAT}).",
        )
        for each in calcium(scan)
    ]


def _counted(
    scan: Scan, site: str, where: str, flat: NDArray[np.int64], slices: NDArray[np.bool_]
) -> Calcium:
    shape = scan.hu.shape
    found = group(flat, shape, scan.voxel_mm3, LEAST_MM3, scan.masks.foci.above_hu)
    length = float(slices.sum()) * scan.spacing_mm[2]
    return Calcium(site, where, sum(found.volumes_mm3), found.voxels, length)


def _between_lungs(scan: Scan) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Flat indices of dense voxels between the lungs, and the slices that have both lungs."""
    right, left = (scan.masks.of(label) for label in (Label.RIGHT_LUNG, Label.LEFT_LUNG))
    slices = np.asarray(right.any(axis=(0, 1)) & left.any(axis=(0, 1)) & ~_metal(scan))
    # x grows to the patient's right: what lies between has left lung below and right lung above.
    first = np.where(left.any(axis=0), left.argmax(axis=0), left.shape[0])
    last = np.where(right.any(axis=0), right.shape[0] - 1 - right[::-1].argmax(axis=0), -1)
    x, y, z = np.unravel_index(scan.masks.dense, scan.hu.shape)
    ahead, beside = _from_spine(scan, x, y, z)
    clear = (ahead > LEAST_AHEAD_MM) | (beside > VERTEBRA_MM)
    kept = slices[z] & (x > first[y, z]) & (x < last[y, z]) & (ahead > -BEHIND_MM) & clear
    return _flat(scan, x, y, z, kept), slices


def _before_spine(scan: Scan) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Flat indices of dense voxels in front of the spine, and the slices that are looked at."""
    known = np.asarray(np.isfinite(scan.spine.front_y) & ~_metal(scan))
    slices = np.zeros(known.shape, bool)
    if "abdomen" in scan.coverage.slices:
        low, high = scan.coverage.slices["abdomen"]
        slices[low : high + 1] = known[low : high + 1]
        for label in (Label.RIGHT_LUNG, Label.LEFT_LUNG):
            slices &= ~scan.masks.of(label).any(axis=(0, 1))
    x, y, z = np.unravel_index(scan.masks.dense, scan.hu.shape)
    ahead, beside = _from_spine(scan, x, y, z)
    kept = slices[z] & (ahead > LEAST_AHEAD_MM) & (ahead < AHEAD_MM) & (beside < BESIDE_MM)
    return _flat(scan, x, y, z, kept), slices


def _from_spine(scan: Scan, x: Indices, y: Indices, z: Indices) -> tuple[Floats, Floats]:
    """How far voxels lie in front of the spine's front, and beside its middle, in mm."""
    ahead = (y - scan.spine.front_y[z]) * scan.spacing_mm[1]
    beside = np.abs(x - scan.spine.centre_x[z]) * scan.spacing_mm[0]
    return np.nan_to_num(ahead, nan=-np.inf), np.nan_to_num(beside, nan=0.0)


def _metal(scan: Scan) -> NDArray[np.bool_]:
    """Slices with metal: its streaks are as dense as calcium."""
    if not scan.masks.metal:
        return np.zeros(scan.hu.shape[2], bool)
    return np.asarray((scan.hu > METAL_HU).any(axis=(0, 1)))


def _flat(
    scan: Scan, x: Indices, y: Indices, z: Indices, kept: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """What is kept, away from bone and wall."""
    x, y, z = x[kept], y[kept], z[kept]
    allowed, factors = _allowed(scan), scan.masks.grid.factors
    inside = allowed[x // factors[0], y // factors[1], z // factors[2]]
    flat = np.ravel_multi_index((x[inside], y[inside], z[inside]), scan.hu.shape)
    return np.asarray(flat, np.int64)


def _allowed(scan: Scan) -> Mask:
    """On the working grid: deep in the wall, and not beside bone."""
    grid = scan.masks.grid
    step = tuple(slice(None, None, factor) for factor in grid.factors)
    bone = grown(scan.masks.labels[step] == Label.BONE, FROM_BONE_MM, grid.spacing_mm)
    return shrunk(scan.masks.wall, FROM_WALL_MM, grid.spacing_mm, planar=True) & ~bone
