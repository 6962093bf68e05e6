"""Errors of the measurements on synthetic scans, over voxel sizes and turns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from specialists.ct.airway import trachea_measured
from specialists.ct.calcium import calcium
from specialists.ct.composition import composition
from specialists.ct.masks import Label
from specialists.ct.morphology import Spacing
from specialists.ct.phantom import Abdomen, Chest, Ellipsoid, Tube
from specialists.ct.reference import scan_of
from specialists.ct.scan import Scan
from specialists.ct.thirds import thirds_of
from specialists.readers.volume import Volume

__all__ = ["SPACINGS_MM", "TURNS_DEG", "largest_errors", "scanned"]

SPACINGS_MM: tuple[Spacing, ...] = (
    (0.7, 0.7, 5.0),
    (0.8, 0.8, 3.0),
    (1.5, 1.5, 1.0),
    (2.0, 2.0, 2.0),
    (3.0, 3.0, 3.0),
)
TURNS_DEG = (0.0, 15.0)
NOISE_HU = 12.0
TUBES = (
    Tube((9.0, 9.0)),
    Tube((8.0, 10.0), lean=0.3, narrowed=0.3),
    Tube((10.0, 8.0), lean=-0.2, narrowed=0.15),
)
CHEST_PLAQUES = (
    Ellipsoid((6.0, -18.0, -25.0), (5.0, 3.0, 8.0)),
    Ellipsoid((-4.0, 22.0, 5.0), (3.0, 3.0, 6.0)),
)
ABDOMEN_PLAQUES = (
    Ellipsoid((2.0, 4.0, -20.0), (2.5, 5.0, 9.0)),
    Ellipsoid((-8.0, 14.0, 25.0), (5.0, 2.5, 7.0)),
)
EMPHYSEMA = Ellipsoid((55.0, 5.0, 38.0), (18.0, 20.0, 10.0))

Error = tuple[str, float, str]
"""Name on the card, measured minus true, and the unit: % of the truth, or the measure's own."""


def largest_errors() -> dict[str, dict[str, Any]]:
    """The largest error of each measure over all voxel sizes and turns."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for spacing in SPACINGS_MM:
        for turn in TURNS_DEG:
            for name, error, unit in _errors(spacing, turn):
                found[name, unit].append(error)
    return {
        name: {
            "value": round(max(map(abs, errors)), 1),
            "unit": unit,
            "from": round(min(errors), 1),
            "to": round(max(errors), 1),
            "checks": len(errors),
        }
        for (name, unit), errors in found.items()
    }


def scanned(phantom: Chest | Abdomen, spacing: Spacing) -> Scan:
    """A phantom as the backend sees it."""
    return scan_of(Volume(phantom.draw(spacing), np.diag([*spacing, 1.0]), spacing, "CT", "HU"))


def _errors(spacing: Spacing, turn: float) -> Iterator[Error]:
    chest = Chest(
        emphysema=EMPHYSEMA, plaques=CHEST_PLAQUES, noise_hu=NOISE_HU, turn_deg=turn, tube=TUBES[0]
    )
    tubes = TUBES[:1] if turn else TUBES
    scans = [scanned(replace(chest, tube=tube), spacing) for tube in tubes]
    yield from _of_thirds(scans[0], chest)
    yield from _of_calcium(scans[0], CHEST_PLAQUES)
    for scan, tube in zip(scans, tubes, strict=True):
        yield from _of_trachea(scan, tube)
    abdomen = Abdomen(plaques=ABDOMEN_PLAQUES, noise_hu=NOISE_HU, turn_deg=turn)
    scan = scanned(abdomen, spacing)
    yield from _of_calcium(scan, ABDOMEN_PLAQUES)
    yield from _of_composition(scan, abdomen)


def _of_thirds(scan: Scan, chest: Chest) -> Iterator[Error]:
    """An ellipsoid's outer thirds have 7 parts in 27 of its volume, the middle one 13."""
    for label, lung in ((Label.RIGHT_LUNG, chest.right), (Label.LEFT_LUNG, chest.left)):
        if lung is None:
            continue
        for place, (third, parts) in enumerate(
            zip(thirds_of(scan, label), (7, 13, 7), strict=True)
        ):
            true = lung.cm3 * parts / 27.0
            sick = EMPHYSEMA.cm3 if label == Label.RIGHT_LUNG and place == 2 else 0.0
            mean = -850.0 + sick / true * (-985.0 + 850.0)
            yield "lung thirds, volume", 100.0 * (third.cm3 / true - 1.0), "%"
            yield "lung thirds, mean density", third.mean_hu - mean, "HU"
            yield "lung thirds, share", third.low_percent - 100.0 * sick / true, "percentage points"


def _of_trachea(scan: Scan, tube: Tube) -> Iterator[Error]:
    measured = {each.name.split(", ")[1]: each.value for each in trachea_measured(scan)}
    for name, true in tube.sizes().items():
        value = measured.get(name, 0.0)
        if name == "least diameter":
            yield f"trachea, {name.split(' ', 1)[1]}", value - true, "mm"
        elif name.startswith("least") or not tube.narrowed:
            yield f"trachea, {name.split(' ', 1)[1]}", 100.0 * (value / true - 1.0), "%"


def _of_calcium(scan: Scan, plaques: tuple[Ellipsoid, ...]) -> Iterator[Error]:
    true = 1000.0 * sum(plaque.cm3 for plaque in plaques)
    yield "dense volume", 100.0 * (sum(c.mm3 for c in calcium(scan)) / true - 1.0), "%"


def _of_composition(scan: Scan, abdomen: Abdomen) -> Iterator[Error]:
    true = abdomen.areas_cm2()
    for each in composition(scan):
        found = (each.subcutaneous_fat, each.visceral_fat, each.muscle)
        for (name, area), value in zip(true.items(), found, strict=True):
            yield f"{name} area", 100.0 * (value / area - 1.0), "%"
