"""Fat and muscle in single axial slices of the abdomen, without arms.

Subcutaneous fat lies outside the muscle wall. Muscle is lean tissue within 12 mm of the wall's
outer side, and behind the spine; muscles in front of that (psoas) are left out, and organs that
touch the wall from inside take part with their rim. Visceral fat is the fat inside of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specialists.ct.labels import FAT_HU, SOFT_HU
from specialists.ct.masks import Label
from specialists.ct.morphology import Mask, shrunk
from specialists.ct.region import cut_slices, outside_circle, torso
from specialists.ct.scan import Scan, rounded, spaced, written
from specialists.ct.stated import with_error
from specialists.schema import Measurement

__all__ = [
    "Slice",
    "composition",
    "composition_measured",
    "muscle_at",
    "tissues_at",
    "why_no_composition",
]

WALL_MM = 12.0
BEHIND_MM, BESIDE_MM = 45.0, 50.0
"""Muscle of the back: this far behind the front of the spine, this far to each side."""
APART_MM = 90.0
"""An abdomen of at least this length in view is measured in three slices."""


@dataclass(frozen=True)
class Slice:
    """Areas of one slice in cm2."""

    index: int
    subcutaneous_fat: float
    visceral_fat: float
    muscle: float


def why_no_composition(scan: Scan) -> str:
    """The reason where no slice can be measured."""
    if "abdomen" not in scan.coverage.slices:
        return "no abdomen in view"
    return "the field of view cuts the trunk"


def composition(scan: Scan) -> list[Slice]:
    """Measure the middle of the abdomen in view, or its quarters; from bottom to top."""
    measured = (_slice(scan, index) for index in _chosen(scan))
    return [each for each in measured if each is not None]


def composition_measured(scan: Scan) -> list[Measurement]:
    """Three areas a slice, from top to bottom."""
    found = []
    for each in reversed(composition(scan)):
        index, short = each.index, f"in slice {each.index + 1} of {scan.hu.shape[2]}"
        short, full = ("in this slice",) * 2 if scan.flat else (short, scan.level(index))
        short, full = f"In{short[2:]},", f"Body composition {full}:"
        found += [
            _measured(scan, (index, full), "subcutaneous fat", each.subcutaneous_fat, FAT_HU),
            _measured(scan, (index, short), "visceral fat", each.visceral_fat, FAT_HU),
            _measured(scan, (index, short), "muscle of wall and back", each.muscle, SOFT_HU),
        ]
    return found


def muscle_at(scan: Scan, index: int, trunk: Mask) -> Mask:
    """Lean tissue of the muscle wall and behind the spine, shape (x, y)."""
    lean = scan.masks.labels[:, :, index] == Label.SOFT_TISSUE
    wall = scan.masks.wall_at(index) & trunk
    muscle: Mask = lean & wall & (~_deep(scan, index) | _back(scan, index))
    return muscle


def _chosen(scan: Scan) -> list[int]:
    if "abdomen" not in scan.coverage.slices:
        return []
    low, high = scan.coverage.slices["abdomen"]
    long = (high - low) * scan.spacing_mm[2] >= APART_MM
    shares = (0.25, 0.5, 0.75) if long else (0.5,)
    return [round(low + share * (high - low)) for share in shares]


def _slice(scan: Scan, index: int) -> Slice | None:
    masks = tissues_at(scan, index)
    if masks is None:
        return None
    cm2 = scan.spacing_mm[0] * scan.spacing_mm[1] / 100.0
    return Slice(index, *(float(mask.sum()) * cm2 for mask in masks))


def tissues_at(scan: Scan, index: int) -> tuple[Mask, Mask, Mask] | None:
    """Subcutaneous fat, visceral fat and muscle of a slice, shape (x, y); None where it is cut."""
    if index not in scan.tissues:
        scan.tissues[index] = _found_at(scan, index)
    return scan.tissues[index]


def _found_at(scan: Scan, index: int) -> tuple[Mask, Mask, Mask] | None:
    plane = scan.masks.labels[:, :, index]
    trunk = torso(plane > 0, scan.spacing_mm[:2])
    edge = outside_circle(scan.hu[:, :, index : index + 1])
    if cut_slices(trunk[:, :, None], scan.spacing_mm, edge)[0] or not scan.spine.known(index):
        return None
    inner = (plane == Label.INTERNAL_FAT) & trunk & _deep(scan, index) & ~_back(scan, index)
    outer = (plane == Label.SUBCUTANEOUS_FAT) & trunk
    return outer, inner, muscle_at(scan, index, trunk)


def _deep(scan: Scan, index: int) -> Mask:
    """The space inside the muscle wall without the wall itself, shape (x, y)."""
    grid = scan.masks.grid
    at = index // grid.factors[2]
    core = shrunk(scan.masks.wall[:, :, at : at + 1], WALL_MM, grid.spacing_mm, planar=True)
    plane: Mask = grid.slab(core.repeat(grid.factors[2], axis=2), 0, 1)[:, :, 0]
    return plane


def _back(scan: Scan, index: int) -> Mask:
    """What lies behind the spine, shape (x, y)."""
    x, y = np.ogrid[: scan.hu.shape[0], : scan.hu.shape[1]]
    behind = (scan.spine.front_y[index] - y) * scan.spacing_mm[1] > BEHIND_MM
    near = np.abs(x - scan.spine.centre_x[index]) * scan.spacing_mm[0] < BESIDE_MM
    back: Mask = behind & near
    return back


def _measured(
    scan: Scan, where: tuple[int, str], what: str, cm2: float, hu: tuple[float, float]
) -> Measurement:
    value = rounded(cm2)
    pixel = scan.spacing_mm[0] * scan.spacing_mm[1]
    index, level = where
    return Measurement(
        name=f"{what} area" if scan.flat else f"{what} area in slice {index + 1}",
        value=value,
        unit="cm2",
        site="abdomen",
        based_on=with_error(
            f"{spaced(round(100.0 * cm2 / pixel))} pixels of {pixel:.2f} mm2, "
            f"{hu[0]:.0f} to {hu[1]:.0f} HU",
            f"{what} area",
        ),
        text=f"{level} {what} takes up {written(value, 'cm2')}.",
    )
