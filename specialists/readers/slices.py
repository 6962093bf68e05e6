"""Do these slices form a volume, and where does it lie?

Plain geometry on DICOM patient coordinates (LPS, mm): which slices belong together, in which
order, how far apart, and whether they are stacked straight. Nothing here sees a pixel.

What is decided here, and why:

- Order comes from the projection of Image Position on the slice normal; file names and instance
  numbers are not looked at.
- Up to `ROUNDING` of the slice spacing, positions count as equally spaced: scanners round them.
- A stack with missing slices or unequal spacing is put on an equally spaced grid, so that one
  number holds between all slices and volumes in mm³ come out right. Gaps that would have to be
  filled over more than `LARGEST_FILLED_MM` are refused: that would be invented anatomy.
- A tilted gantry shifts each slice against the one before. Up to `LARGEST_TILT_DEG` (scanners
  tilt to 30) the slices are shifted back; above it they are not a volume of this kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.errors import UnusableGeometry

__all__ = ["Plane", "Stack", "by_position", "main_group", "stack"]

ROUNDING = 0.1
SAME_POSITION_MM = 0.01
SAME_DIRECTION = 2e-3
LARGEST_FILLED_MM = 20.0
LARGEST_TILT_DEG = 35.0
LARGEST_SCATTER_MM = 1.0
STRAY_SLICES = 3
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """Where one slice lies."""

    position: Vector
    """Image Position (Patient) (0020,0032): centre of the first pixel, shape (3,)."""
    orientation: Vector
    """Image Orientation (Patient) (0020,0037): along a row, then along a column, shape (6,)."""
    spacing: tuple[float, float]
    """Pixel Spacing (0028,0030): between rows, between columns."""
    rows: int
    columns: int
    depth: float | None = None
    """Spacing Between Slices or Slice Thickness: used only where there is one slice."""
    localizer: bool = False
    """Image Type (0008,0008) says LOCALIZER."""

    def __post_init__(self) -> None:
        along_row, along_column = self.orientation[:3], self.orientation[3:]
        lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
        if not np.all(np.isfinite([*self.position, *self.orientation, *self.spacing])):
            raise UnusableGeometry("A slice's position or spacing is not a number.")
        if (
            max(abs(length - 1) for length in lengths) > 0.01
            or abs(along_row @ along_column) > 0.01
        ):
            raise UnusableGeometry("A slice's orientation is not a pair of perpendicular axes.")
        if min(self.spacing) <= 0:
            raise UnusableGeometry("A slice's pixel spacing is not positive.")

    @property
    def normal(self) -> Vector:
        """Unit vector that the rows and columns are perpendicular to."""
        cross = np.cross(self.orientation[:3], self.orientation[3:])
        return np.asarray(cross / np.linalg.norm(cross), dtype=np.float64)


@dataclass(frozen=True)
class Stack:
    """How slices, already in order, become an array indexed (column, row, slice)."""

    affine: Vector
    """Shape (4, 4): index of the resulting array to mm in RAS."""
    shape: tuple[int, int, int]
    """Columns, rows and slices of the resulting array."""
    notes: tuple[str, ...] = ()
    shifts: Vector | None = None
    """Shape (slices, 2): columns and rows to move each slice by; None where none moves."""
    places: Vector | None = None
    """Shape (resulting slices,): where each lies among the given ones; None where one to one."""


def main_group(planes: Sequence[Plane]) -> tuple[list[int], list[str]]:
    """Find the slices that belong together; leave out localizers and stray slices.

    Returns:
        Positions in `planes`, in their order there, and notes on what was left out.

    Raises:
        UnusableGeometry: If more than one group could be the volume.
    """
    notes: list[str] = []
    kept = [index for index, plane in enumerate(planes) if not plane.localizer]
    if kept and len(kept) < len(planes):
        notes.append(f"{_slices(len(planes) - len(kept))} marked as localizer left out")
    groups = _groups(planes, kept or list(range(len(planes))))
    groups.sort(key=len, reverse=True)
    main, others = groups[0], groups[1:]
    if others and not _are_stray(planes, main, others):
        counts = ", ".join(str(len(group)) for group in groups[:6])
        raise UnusableGeometry(
            f"The slices have {len(groups)} different sizes, pixel spacings or orientations "
            f"(slices of each: {counts}); a volume needs one. Name the files of one of them."
        )
    if others:
        notes.append(f"{_slices(sum(map(len, others)))} of another orientation left out")
    return sorted(main), notes


def _groups(planes: Sequence[Plane], indices: Sequence[int]) -> list[list[int]]:
    groups: list[list[int]] = []
    for index in indices:
        fitting = (group for group in groups if _alike(planes[group[0]], planes[index]))
        group = next(fitting, None)
        if group is None:
            groups.append([index])
        else:
            group.append(index)
    return groups


def _alike(one: Plane, other: Plane) -> bool:
    return (
        (one.rows, one.columns) == (other.rows, other.columns)
        and np.allclose(one.spacing, other.spacing, rtol=1e-3)
        and _parallel(one, other)
    )


def _parallel(one: Plane, other: Plane) -> bool:
    return bool(np.abs(one.orientation - other.orientation).max() <= SAME_DIRECTION)


def _are_stray(
    planes: Sequence[Plane], main: Sequence[int], others: Sequence[Sequence[int]]
) -> bool:
    """A few slices across the others are scouts; slices of another size are a second volume."""
    count = sum(map(len, others))
    across = all(not _parallel(planes[main[0]], planes[group[0]]) for group in others)
    return across and count <= STRAY_SLICES and len(main) > STRAY_SLICES * count


def by_position(planes: Sequence[Plane]) -> list[list[int]]:
    """Sort parallel slices along their normal.

    Returns:
        One list for each place, from the lowest projection on the normal to the highest; a list
        of more than one holds the slices that lie at the same place.
    """
    depths = _depths(planes)
    places: list[list[int]] = []
    for index in np.argsort(depths, kind="stable").tolist():
        if places and depths[index] - depths[places[-1][0]] <= SAME_POSITION_MM:
            places[-1].append(index)
        else:
            places.append([index])
    return places


def _depths(planes: Sequence[Plane]) -> Vector:
    return np.array([plane.position for plane in planes]) @ planes[0].normal


def stack(planes: Sequence[Plane]) -> Stack:
    """Fit slices together.

    Args:
        planes: Parallel slices of one size, in order, no two at the same place.

    Raises:
        UnusableGeometry: If they are scattered, tilted too far or have too large a gap.
    """
    shifts, tilt_notes = _tilt(planes)
    step, places, gap_notes = _spacing(planes)
    first = planes[0]
    low, high = np.zeros(2), np.zeros(2)
    if shifts is not None:
        low, high = np.floor(shifts.min(axis=0)), np.ceil(shifts.max(axis=0))
        shifts = shifts - low
    columns, rows = (np.array([first.columns, first.rows]) + high - low).astype(int).tolist()
    return Stack(
        affine=_affine(first, step, low),
        shape=(columns, rows, len(planes) if places is None else len(places)),
        notes=(*tilt_notes, *gap_notes),
        shifts=shifts,
        places=places,
    )


def _affine(first: Plane, step: float, start: Vector) -> Vector:
    """DICOM PS3.3 equation C.7.6.2.1-1, with the first index at `start`, turned to RAS."""
    affine = np.eye(4)
    affine[:3, 0] = _unit(first.orientation[:3]) * first.spacing[1]
    affine[:3, 1] = _unit(first.orientation[3:]) * first.spacing[0]
    affine[:3, 2] = first.normal * step
    affine[:3, 3] = first.position + affine[:3, :2] @ start
    return _TO_RAS @ affine


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float64)


def _tilt(planes: Sequence[Plane]) -> tuple[Vector | None, list[str]]:
    """How far each slice has slid along rows and columns against the first, in pixels."""
    if len(planes) < 2:
        return None, []
    first = planes[0]
    axes = np.stack([_unit(first.orientation[:3]), _unit(first.orientation[3:])])
    pixel = np.array([first.spacing[1], first.spacing[0]])
    slid = (np.array([plane.position for plane in planes]) - first.position) @ axes.T
    depths = _depths(planes) - _depths(planes[:1])
    per_mm = _slope(depths, slid)
    scatter = slid - slid.mean(axis=0) - np.outer(depths - depths.mean(), per_mm)
    if np.abs(scatter).max() > max(LARGEST_SCATTER_MM, pixel.max()):
        raise UnusableGeometry("The slices do not lie on one line: they are shifted sideways.")
    degrees = float(np.degrees(np.arctan(np.linalg.norm(per_mm))))
    if np.all(np.abs(per_mm) * depths[-1] <= 0.5 * pixel):
        return None, []
    if degrees > LARGEST_TILT_DEG:
        raise UnusableGeometry(
            f"The slices are tilted by {degrees:.0f} degrees against the direction they are "
            f"stacked in; up to {LARGEST_TILT_DEG:.0f} can be corrected."
        )
    note = f"gantry tilt of {degrees:.1f} degrees corrected by shifting the slices"
    return np.outer(depths, per_mm) / pixel, [note]


def _slope(depths: Vector, slid: Vector) -> Vector:
    """Least squares: mm along rows and columns for each mm along the normal."""
    centred = depths - depths.mean()
    return np.asarray(centred @ (slid - slid.mean(axis=0)) / (centred @ centred))


def _spacing(planes: Sequence[Plane]) -> tuple[float, Vector | None, list[str]]:
    """Distance of slices, and where resulting slices lie among the given ones."""
    if len(planes) < 2:
        return _single_depth(planes[0])
    depths = _depths(planes)
    gaps = np.diff(depths)
    length = float(depths[-1] - depths[0])
    mean = length / len(gaps)
    even = depths[0] + mean * np.arange(len(planes))
    if np.abs(depths - even).max() <= ROUNDING * mean:
        return mean, None, []
    multiples = _multiples(gaps)
    count = round(length / float(np.median(gaps))) if multiples is None else int(multiples.sum())
    step = length / count
    _refuse_large_gaps(gaps, step, count)
    grid = depths[0] + step * np.arange(count + 1)
    places = np.interp(grid, depths, np.arange(len(planes), dtype=np.float64))
    return step, places, [_gap_note(gaps, step, missing=multiples is not None)]


def _multiples(gaps: Vector) -> Vector | None:
    """Gaps counted in the smallest one, if they are all whole: then slices are missing."""
    counted = gaps / gaps.min()
    whole = np.rint(counted)
    if np.abs(counted - whole).max() > ROUNDING or whole.sum() > _most_slices(gaps):
        return None
    return np.asarray(whole)


def _most_slices(gaps: Vector) -> int:
    """At least about every second slice must be real."""
    return 2 * len(gaps) + 2


def _single_depth(plane: Plane) -> tuple[float, None, list[str]]:
    if plane.depth is not None and np.isfinite(plane.depth) and plane.depth > 0:
        return plane.depth, None, ["single slice: its thickness stands for the slice spacing"]
    return 1.0, None, ["single slice of unknown thickness: 1 mm assumed"]


def _refuse_large_gaps(gaps: Vector, step: float, count: int) -> None:
    widest = float(gaps.max())
    if widest - step > LARGEST_FILLED_MM or count > _most_slices(gaps):
        raise UnusableGeometry(
            f"Slices are missing: the largest gap is {widest:.1f} mm where slices are "
            f"{step:.1f} mm apart. That is too much to fill; name the files of one part."
        )


def _gap_note(gaps: Vector, step: float, *, missing: bool) -> str:
    resampled = f"resampled to {step:.2f} mm"
    if missing:
        count = round(float(gaps.sum()) / step) - len(gaps)
        return f"{_slices(count)} missing (largest gap {gaps.max():.1f} mm): {resampled}"
    return f"unequal slice spacing ({gaps.min():.2f} to {gaps.max():.2f} mm): {resampled}"


def _slices(count: int) -> str:
    return f"{count} slice" if count == 1 else f"{count} slices"
