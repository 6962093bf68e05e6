"""Each lung in three parts of equal height: volume, density and share of low attenuation.

They are thirds and not lobes: no fissure is looked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.ct.masks import Label
from specialists.ct.scan import HU, Scan, Side, number, rounded, spaced, written
from specialists.ct.stated import with_error
from specialists.schema import Measurement

__all__ = ["EMPHYSEMA_HU", "LUNGS", "Third", "thirds_of", "thirds_of_lungs", "why_no_thirds"]

EMPHYSEMA_HU = -950
LUNGS: tuple[tuple[Side, Label], ...] = (("right", Label.RIGHT_LUNG), ("left", Label.LEFT_LUNG))
NAMES = ("lower", "middle", "upper")


@dataclass(frozen=True)
class Third:
    """One third of one lung."""

    cm3: float
    mean_hu: float
    low_percent: float


def why_no_thirds(scan: Scan, side: Side) -> str | None:
    """The reason where a lung can't be parted: not there, or not in view as a whole."""
    if scan.flat:
        return "a single slice"
    lung = scan.masks.labels == dict(LUNGS)[side]
    if not lung.any():
        return "no lung in view"
    coverage = scan.coverage
    cut = coverage.right_lung_cut if side == "right" else coverage.left_lung_cut
    if cut:
        return f"the scan cuts the lung at its {' and '.join(cut)}"
    if lung[[0, -1]].any() or lung[:, [0, -1]].any():
        return "the field of view cuts the lung"
    return None


def thirds_of_lungs(scan: Scan) -> list[Measurement]:
    """Thirds of each lung that is in view as a whole, from top to bottom."""
    found: list[Measurement] = []
    for side, label in LUNGS:
        if why_no_thirds(scan, side) is None:
            for name, third in zip(NAMES[::-1], thirds_of(scan, label)[::-1], strict=True):
                found += _measured(scan, side, name, third)
    return found


def thirds_of(scan: Scan, label: Label) -> list[Third]:
    """The thirds of a lung, from bottom to top; a slice on a border is shared out."""
    sums = _sums(scan, label)
    used = np.flatnonzero(sums[0])
    edges = np.linspace(used[0], used[-1] + 1, len(NAMES) + 1)
    running = np.pad(np.cumsum(sums, axis=1), ((0, 0), (1, 0)))
    places = np.arange(running.shape[1])
    parts = np.diff([np.interp(edges, places, each) for each in running], axis=1)
    return [
        Third(n * scan.voxel_mm3 / 1000.0, total / n, 100.0 * low / n) for n, total, low in parts.T
    ]


def _sums(scan: Scan, label: Label) -> NDArray[np.float64]:
    """For each slice: voxels, sum of their HU, voxels of low attenuation; shape (3, z)."""
    lung = scan.masks.labels == label
    x, y = (np.flatnonzero(lung.any(axis=axes)) for axes in ((1, 2), (0, 2)))
    box = (slice(x[0], x[-1] + 1), slice(y[0], y[-1] + 1))
    rows = []
    for index in range(lung.shape[2]):
        values = scan.hu[(*box, index)][lung[(*box, index)]]
        rows.append((values.size, values.sum(dtype=np.float64), (values < EMPHYSEMA_HU).sum()))
    return np.array(rows, np.float64).T


def _measured(scan: Scan, side: Side, name: str, third: Third) -> list[Measurement]:
    place = f"the {name} third of the {side} lung"
    voxels = spaced(round(third.cm3 * 1000.0 / scan.voxel_mm3))
    basis = f"{voxels} voxels of {scan.voxel_mm3:.2f} mm3, third of the lung's height"
    size, low = rounded(third.cm3), rounded(third.low_percent)
    mean = float(round(third.mean_hu))
    said = (
        ("volume", size, "cm3", f"The volume of {place} is {written(size, 'cm3')}."),
        ("mean density", mean, HU, f"The mean density of {place} is {written(mean, HU)}."),
        (
            f"share below {EMPHYSEMA_HU} HU",
            low,
            "%",
            f"Of {place}, {number(low)} % lies below {EMPHYSEMA_HU} HU.",
        ),
    )
    return [
        Measurement(
            name=f"{name} third of the lung, {what}",
            value=value,
            unit=unit,
            site=f"{name} third of the lung",
            laterality=side,
            based_on=with_error(basis, f"lung thirds, {what.split(' below')[0]}"),
            text=text,
        )
        for what, value, unit, text in said
    ]
