"""The trachea's cross-section, at right angles to its course.

The trachea is the single, round, gas-filled tube of the airway's slices, above the place where it
parts into two. The share of gas of each voxel is taken from its density, so that sizes are finer
than voxels; what an oblique course adds to an axial section is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.ct.masks import Label
from specialists.ct.scan import Scan, rounded, spaced, written
from specialists.ct.stated import with_error
from specialists.schema import Measurement

__all__ = ["Section", "trachea", "trachea_measured"]

WALL_HU, GAS_HU = 0.0, -1000.0
AREA_MM2 = (25.0, 900.0)
ALONE = 0.85
"""Share of a slice's airway that the trachea has; a bronchus beside it has more than the rest."""
LEAST_ROUND = 0.35
"""Short by long diameter."""
LEAST_LENGTH_MM = 20.0
LONGEST_MM = 90.0
"""Above the place where it parts; what is higher may be the larynx."""
NEAR_FORK_MM = 8.0
SLOPE_MM = 30.0
"""Length over which the course is taken as straight."""


@dataclass(frozen=True)
class Section:
    """The trachea in one slice."""

    index: int
    centre_mm: tuple[float, float]
    covariance_mm2: NDArray[np.float64]
    area_mm2: float

    @property
    def diameters_mm(self) -> tuple[float, float]:
        """Short and long diameter of the ellipse with the same second moments."""
        short, long = np.sqrt(np.maximum(np.linalg.eigvalsh(self.covariance_mm2), 0.0)) * 4.0
        return float(short), float(long)


def trachea(scan: Scan) -> list[Section]:
    """Sections at right angles to the trachea's course, from bottom to top; none if not in view."""
    if scan.flat:
        return []
    airway = scan.masks.labels == Label.AIRWAY
    if not airway.any():
        return []
    x, y = (np.flatnonzero(airway.any(axis=axes)) for axes in ((1, 2), (0, 2)))
    box = (slice(max(0, x[0] - 4), x[-1] + 5), slice(max(0, y[0] - 4), y[-1] + 5))
    sections = [_section(scan, box, index) for index in range(airway.shape[2])]
    run = _longest(sections, scan.spacing_mm[2])
    return _straightened(run, scan.spacing_mm[2])


def trachea_measured(scan: Scan) -> list[Measurement]:
    """Typical and least cross-section, and least diameter; empty where none is in view."""
    run = trachea(scan)
    if not run:
        return []
    areas = [section.area_mm2 for section in run]
    shorts = [section.diameters_mm[0] for section in run]
    middle = rounded(float(np.median(areas)))
    narrow, thin = run[int(np.argmin(areas))], run[int(np.argmin(shorts))]
    least, short = rounded(narrow.area_mm2), rounded(thin.diameters_mm[0])
    length = written(rounded(len(run) * scan.spacing_mm[2]), "mm")
    typical = f"Over {length} of its length, the trachea's median cross-section area is"
    return [
        _measured("median cross-section area", middle, "mm2", len(run), f"{typical} #."),
        _measured(
            *("least cross-section area", least, "mm2", len(run)),
            f"The trachea's least cross-section area is #, {scan.level(narrow.index)}.",
        ),
        _measured(
            *("least diameter", short, "mm", len(run)),
            f"The trachea's least diameter is #, {scan.level(thin.index)}.",
        ),
    ]


def _measured(what: str, value: float, unit: str, slices: int, text: str) -> Measurement:
    return Measurement(
        name=f"trachea, {what}",
        value=value,
        unit=unit,
        site="trachea",
        based_on=with_error(f"{spaced(slices)} slices", f"trachea, {what.split(' ', 1)[1]}"),
        text=text.replace("#", written(value, unit)),
    )


def _section(scan: Scan, box: tuple[slice, slice], index: int) -> Section | None:
    """The airway's main piece in a slice, if it is alone, round and of a trachea's size."""
    from scipy import ndimage

    plane = scan.masks.labels[box[0], box[1], index]
    labels, count = ndimage.label(plane == Label.AIRWAY)
    if count == 0:
        return None
    pieces = np.bincount(labels.ravel())
    pieces[0] = 0
    main = int(pieces.argmax())
    if pieces[main] < ALONE * pieces.sum():
        return None
    lung = (plane == Label.RIGHT_LUNG) | (plane == Label.LEFT_LUNG)
    around = ndimage.binary_dilation(labels == main, np.ones((3, 3)), iterations=2) & ~lung
    hu = scan.hu[box[0], box[1], index].astype(np.float64)
    gas = np.where(around, np.clip((WALL_HU - hu) / (WALL_HU - GAS_HU), 0.0, 1.0), 0.0)
    gas[gas < 0.15] = 0.0
    section = _moments(gas, scan.spacing_mm, index)
    short, long = section.diameters_mm
    fits = AREA_MM2[0] <= section.area_mm2 <= AREA_MM2[1] and short >= LEAST_ROUND * long
    return section if fits else None


def _moments(gas: NDArray[np.float64], spacing_mm: tuple[float, ...], index: int) -> Section:
    total = float(gas.sum())
    places = [np.arange(size) * step for size, step in zip(gas.shape, spacing_mm, strict=False)]
    x, y = (gas.sum(axis=1) @ places[0] / total, gas.sum(axis=0) @ places[1] / total)
    dx, dy = places[0] - x, places[1] - y
    mixed = float(dx @ gas @ dy) / total
    # A voxel's own width is part of the spread of what was sampled with it.
    own = [step**2 / 12.0 for step in spacing_mm[:2]]
    spread = (gas.sum(axis=1) @ dx**2 / total - own[0], gas.sum(axis=0) @ dy**2 / total - own[1])
    covariance = np.array([[spread[0], mixed], [mixed, spread[1]]])
    area = total * spacing_mm[0] * spacing_mm[1]
    return Section(index, (float(x), float(y)), covariance, area)


def _longest(sections: list[Section | None], step_mm: float) -> list[Section]:
    """The longest unbroken run, without what is near the fork and what may be the larynx."""
    runs: list[list[Section]] = [[]]
    for section in sections:
        if section is None:
            runs.append([])
        elif runs[-1] and _jumps(runs[-1][-1], section, step_mm):
            runs.append([section])
        else:
            runs[-1].append(section)
    run = max(runs, key=len)
    if run and run[0].index > 0:
        run = run[round(NEAR_FORK_MM / step_mm) :]
    run = run[: max(1, round(LONGEST_MM / step_mm))]
    enough = len(run) >= 3 and len(run) * step_mm >= LEAST_LENGTH_MM
    return run if enough else []


def _jumps(one: Section, other: Section, step_mm: float) -> bool:
    moved = np.hypot(*np.subtract(one.centre_mm, other.centre_mm))
    sizes = sorted((one.area_mm2, other.area_mm2))
    return bool(moved > 2.0 + 1.2 * step_mm or sizes[1] > 2.0 * sizes[0])


def _straightened(run: list[Section], step_mm: float) -> list[Section]:
    """Sections as seen along the course."""
    if not run:
        return []
    places = np.array([section.centre_mm for section in run])
    heights = np.array([section.index for section in run]) * step_mm
    straight = []
    for section, height in zip(run, heights, strict=True):
        near = np.abs(heights - height) <= max(SLOPE_MM / 2, 1.5 * step_mm)
        course = np.polyfit(heights[near], places[near], 1)[0]
        straight.append(_turned(section, course))
    return straight


def _turned(section: Section, course: NDArray[Any]) -> Section:
    """Shorten the section along the direction in which the course leans."""
    lean = float(np.hypot(*course))
    cosine = 1.0 / np.sqrt(1.0 + lean**2)
    along = np.asarray(course) / lean if lean > 1e-6 else np.zeros(2)
    shorten = np.eye(2) + (cosine - 1.0) * np.outer(along, along)
    covariance = shorten @ section.covariance_mm2 @ shorten
    return Section(section.index, section.centre_mm, covariance, section.area_mm2 * cosine)
