"""CT and MR volumes from DICOM and NIfTI, turned to RAS.

Reader processes do everything that touches a file. One of them reads the headers and plans the
volume; then all of them decode slices, as no decoder here lets two threads of one process work;
the calling process puts the parts together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import FileTooLarge, UnusableGeometry
from specialists.readers import limits, nifti, worker
from specialists.readers.archive import Entry, Member, open_file
from specialists.readers.dicom import decode_pixels, is_dicom, read_dataset
from specialists.readers.frames import AIR_HU, Frame, Meaning, frames, values
from specialists.readers.orientation import Facing, closest_axes, facing_view, ras_empty
from specialists.readers.resampling import regrid
from specialists.readers.selection import select
from specialists.readers.slices import by_position, main_group, stack
from specialists.readers.transport import transported

__all__ = ["Volume", "read_volume"]

_FEWEST_SLICES = 4


@dataclass(frozen=True)
class Volume:
    """A scan as an array with its place in the body."""

    array: NDArray[Any]
    """Shape (x, y, z), int16 or float32, RAS+: x grows to the patient's right, y to anterior,
    z to superior (closest axes, for oblique scans)."""
    affine: NDArray[np.float64]
    """Shape (4, 4): index to mm in RAS."""
    spacing_mm: tuple[float, float, float]
    modality: str | None
    """DICOM Modality code; None for NIfTI, which has none."""
    unit: str | None
    """'HU' for CT from DICOM; None where values have no known unit."""
    notes: tuple[str, ...] = ()
    """What was found and done on the way: missing slices, tilt, …"""


@transported
@dataclass(frozen=True)
class _Slice:
    """What a reader process needs to decode one slice."""

    path: Path
    entry: tuple[Any, ...] | None
    """Fields of an archive's `Entry`."""
    frame: int
    slope: float
    intercept: float
    padding: tuple[int, int] | None
    air: bool

    @property
    def member(self) -> Member:
        return Member(self.path, None if self.entry is None else Entry(*self.entry))

    @property
    def meaning(self) -> Meaning:
        return Meaning(self.slope, self.intercept, self.padding, self.air)


@transported
@dataclass(frozen=True)
class _Scan:
    """What is known of a volume beside its voxels."""

    affine: NDArray[np.float64]
    modality: str | None
    unit: str | None
    notes: tuple[str, ...]

    def volume(self, array: NDArray[Any]) -> Volume:
        spacing = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return Volume(
            array=array,
            affine=self.affine,
            spacing_mm=(spacing[0], spacing[1], spacing[2]),
            modality=self.modality,
            unit=self.unit,
            notes=self.notes,
        )


@transported
@dataclass(frozen=True)
class _Voxels:
    """A volume that one reader process read alone."""

    reversed_axes: NDArray[Any]
    """Shape (z, y, x): a message is in C order, NIfTI in Fortran order."""
    scan: _Scan


_Places = tuple[tuple[_Slice, ...], ...]


@transported
@dataclass(frozen=True)
class _Plan:
    """A DICOM volume before its slices are decoded."""

    places: _Places
    """Slices in order; where there is more than one at a place, they should be copies."""
    rows: int
    columns: int
    dtype: str
    fill: int
    shape: tuple[int, int, int]
    """Columns, rows and slices of the result."""
    facing: Facing
    shifts: NDArray[np.float64] | None
    grid: NDArray[np.float64] | None
    scan: _Scan
    workers: int


def read_volume(paths: Sequence[Path], series: str | None = None) -> Volume:
    """Read a volume.

    Args:
        paths: A NIfTI file; or DICOM: a folder, a ZIP archive, slices of a series, one slice, or
            an enhanced multi-frame file.
        series: Which series, where there are several; as `inspect` named it.

    Returns:
        The volume. CT from DICOM is in HU, its padding set to −1024. Values are int16 where
        that holds them all (CT saturates there), otherwise float32.

    Raises:
        SeveralSeries: If there are several series and none was chosen.
        MixedPatients: If files are of more than one patient.
        UnusableGeometry: If the slices do not form a volume; see `specialists.readers.slices`.
        FileTooLarge: If there are more voxels than the limits allow.
        UnreadableFile: Any other class below it that says what is wrong.
    """
    opened = worker.run(f"{__name__}:open_volume", [Path(path) for path in paths], series)
    if isinstance(opened, _Voxels):
        return opened.scan.volume(opened.reversed_axes.T)
    return _assemble(opened)


def open_volume(paths: Sequence[Path], series: str | None) -> _Voxels | _Plan:
    """In a reader process: read a NIfTI file, or plan a DICOM volume."""
    if len(paths) == 1 and paths[0].is_file() and _is_nifti(paths[0]):
        return _read_nifti(paths[0])
    return _plan_dicom(paths, series)


def _is_nifti(path: Path) -> bool:
    with open_file(path) as content:
        head = content.read(132)
    # Content before name: a DICOM file that is called .nii is still DICOM.
    return not is_dicom(head) and nifti.is_nifti(path)


def _read_nifti(path: Path) -> _Voxels:
    stored, header = nifti.read(path)
    facing, affine = closest_axes(header.affine, header.shape)
    array = ras_empty(header.shape, facing, stored.dtype)
    np.copyto(facing_view(array, facing), stored)
    return _Voxels(array.T, _Scan(affine, None, None, header.notes))


def _plan_dicom(paths: Sequence[Path], series: str | None) -> _Plan:
    slices, notes = select(paths, series)
    found = [(each.member, frame) for each in slices for frame in frames(each.header)]
    kept, left_out = main_group([frame.plane for _, frame in found])
    found = [found[index] for index in kept]
    planes = [frame.plane for _, frame in found]
    places = by_position(planes)
    stacked = stack([planes[place[0]] for place in places])
    _refuse_large(stacked.shape)
    facing, affine = closest_axes(stacked.affine, stacked.shape)
    meanings = [frame.meaning for _, frame in found]
    unit = "HU" if all(meaning.hounsfield for meaning in meanings) else None
    modality = str(slices[0].header.get("Modality") or "") or None
    notes = [*notes, *left_out, *_copies(places), *stacked.notes, *_values(modality, unit)]
    return _Plan(
        places=tuple(tuple(_slice(*found[index]) for index in place) for place in places),
        rows=planes[0].rows,
        columns=planes[0].columns,
        dtype="int16" if all(frame.integral for _, frame in found) else "float32",
        fill=AIR_HU if modality == "CT" else 0,
        shape=stacked.shape,
        facing=facing,
        shifts=stacked.shifts,
        grid=stacked.places,
        scan=_Scan(affine, modality, unit, tuple(notes)),
        workers=limits.active().workers,
    )


def _slice(member: Member, frame: Frame) -> _Slice:
    meaning = frame.meaning
    entry = None if member.entry is None else astuple(member.entry)
    return _Slice(
        member.path,
        entry,
        frame.index,
        meaning.slope,
        meaning.intercept,
        meaning.padding,
        meaning.air,
    )


def _copies(places: Sequence[Sequence[int]]) -> list[str]:
    count = sum(len(place) - 1 for place in places)
    return [f"{count} duplicate slice{'s' * (count > 1)} left out"] if count else []


def _values(modality: str | None, unit: str | None) -> list[str]:
    if modality == "CT" and unit is None:
        return ["the header does not say that values are HU"]
    return []


def _refuse_large(shape: tuple[int, int, int]) -> None:
    allowed = limits.active().megapixels
    if math.prod(shape) > allowed * 1e6:
        raise FileTooLarge(
            f"The volume has {math.prod(shape) / 1e6:,.0f} million voxels; "
            f"at most {allowed:,.0f} million are read."
        )


def _assemble(plan: _Plan) -> Volume:
    array = ras_empty(plan.shape, plan.facing, np.dtype(plan.dtype))
    view = facing_view(array, plan.facing)
    plain = plan.shifts is None and plan.grid is None
    size = (plan.columns, plan.rows, len(plan.places))
    slices = view if plain else np.empty(size, dtype=plan.dtype, order="F")
    _decode_all(plan, slices)
    if not plain:
        regrid(slices, view, plan.shifts, plan.grid, plan.fill)
    return plan.scan.volume(array)


def _decode_all(plan: _Plan, slices: NDArray[Any]) -> None:
    def decode(part: tuple[int, int]) -> None:
        start, end = part
        job = (plan.places[start:end], plan.rows, plan.columns, plan.dtype)
        decoded = worker.run(f"{__name__}:decode_slices", *job)
        np.copyto(slices[:, :, start:end], decoded.T)

    parts = _parts(plan)
    with ThreadPoolExecutor(len(parts)) as pool:
        for _ in pool.map(decode, parts):
            pass


def _parts(plan: _Plan) -> list[tuple[int, int]]:
    """Equal shares for the reader processes; the frames of one file stay together."""
    count = len(plan.places)
    files = {each.path if each.entry is None else each.entry for p in plan.places for each in p}
    shares = 1 if len(files) < count else min(plan.workers, math.ceil(count / _FEWEST_SLICES))
    ends = np.linspace(0, count, shares + 1).astype(int).tolist()
    return list(pairwise(ends))


def decode_slices(places: _Places, rows: int, columns: int, dtype: str) -> NDArray[Any]:
    """In a reader process: decode slices.

    Returns:
        Shape (slices, rows, columns).

    Raises:
        UnusableGeometry: If slices at the same place differ, or one has another size than its
            header says.
    """
    out = np.empty((len(places), rows, columns), dtype=dtype)
    decoder = _Decoder()
    for index, place in enumerate(places):
        first, *copies = (decoder.decode(each, rows, columns, out.dtype) for each in place)
        if not all(np.array_equal(first, copy) for copy in copies):
            raise UnusableGeometry(
                "Several different slices lie at the same place (phases, echoes or time points "
                "in one series?); name the files of one of them."
            )
        out[index] = first
    return out


class _Decoder:
    """Decodes slices, and keeps the frames of the last file that held several."""

    def __init__(self) -> None:
        self._member: Member | None = None
        self._stored: NDArray[Any] = np.empty((0, 0, 0))

    def decode(self, each: _Slice, rows: int, columns: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        if each.member != self._member:
            # Freed first: two multi-frame files need not be in memory at a time.
            self._stored = np.empty((0, 0, 0))
            self._stored = decode_pixels(read_dataset(each.member))
            self._member = each.member
        stored = self._stored.reshape(-1, *self._stored.shape[-2:])
        if stored.shape[1:] != (rows, columns) or each.frame >= len(stored):
            raise UnusableGeometry("A slice has another size than its header says.")
        return values(stored[each.frame], each.meaning, dtype)
