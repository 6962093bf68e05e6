"""The part of reading a volume that runs in a reader process: planning and decoding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import FileTooLarge, UnusableGeometry
from specialists.readers import limits, nifti
from specialists.readers.archive import Entry, Member, open_file
from specialists.readers.dicom import decode_pixels, is_dicom, read_dataset
from specialists.readers.frames import AIR_HU, Frame, Meaning, frames, values
from specialists.readers.orientation import Facing, closest_axes, facing_view, ras_empty
from specialists.readers.selection import select
from specialists.readers.slices import by_position, main_group, stack
from specialists.readers.transport import transported

__all__ = ["Places", "Plan", "Scan", "SliceJob", "Voxels", "decode_slices", "open_volume"]


@transported
@dataclass(frozen=True)
class SliceJob:
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
        """Where the slice lies."""
        return Member(self.path, None if self.entry is None else Entry(*self.entry))

    @property
    def meaning(self) -> Meaning:
        """What its stored values mean."""
        return Meaning(self.slope, self.intercept, self.padding, self.air)


@transported
@dataclass(frozen=True)
class Scan:
    """What is known of a volume beside its voxels."""

    affine: NDArray[np.float64]
    modality: str | None
    unit: str | None
    notes: tuple[str, ...]


@transported
@dataclass(frozen=True)
class Voxels:
    """A volume that one reader process read alone."""

    reversed_axes: NDArray[Any]
    """Shape (z, y, x): a message is in C order, NIfTI in Fortran order."""
    scan: Scan


Places = tuple[tuple[SliceJob, ...], ...]


@transported
@dataclass(frozen=True)
class Plan:
    """A DICOM volume before its slices are decoded."""

    places: Places
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
    scan: Scan
    workers: int


def open_volume(paths: Sequence[Path], series: str | None) -> Voxels | Plan:
    """In a reader process: read a NIfTI file, or plan a DICOM volume."""
    if len(paths) == 1 and paths[0].is_file() and _is_nifti(paths[0]):
        return _read_nifti(paths[0])
    return _plan_dicom(paths, series)


def _is_nifti(path: Path) -> bool:
    with open_file(path) as content:
        head = content.read(132)
    # Content before name: a DICOM file that is called .nii is still DICOM.
    return not is_dicom(head) and nifti.is_nifti(path)


def _read_nifti(path: Path) -> Voxels:
    stored, header = nifti.read(path)
    facing, affine = closest_axes(header.affine, header.shape)
    array = ras_empty(header.shape, facing, stored.dtype)
    np.copyto(facing_view(array, facing), stored)
    return Voxels(array.T, Scan(affine, None, None, header.notes))


def _plan_dicom(paths: Sequence[Path], series: str | None) -> Plan:
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
    return Plan(
        places=tuple(tuple(_slice(*found[index]) for index in place) for place in places),
        rows=planes[0].rows,
        columns=planes[0].columns,
        dtype="int16" if all(frame.integral for _, frame in found) else "float32",
        fill=AIR_HU if modality == "CT" else 0,
        shape=stacked.shape,
        facing=facing,
        shifts=stacked.shifts,
        grid=stacked.places,
        scan=Scan(affine, modality, unit, tuple(notes)),
        workers=limits.active().workers,
    )


def _slice(member: Member, frame: Frame) -> SliceJob:
    meaning = frame.meaning
    entry = None if member.entry is None else astuple(member.entry)
    return SliceJob(
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


def decode_slices(places: Places, rows: int, columns: int, dtype: str) -> NDArray[Any]:
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

    def decode(self, each: SliceJob, rows: int, columns: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        if each.member != self._member:
            # Freed first: two multi-frame files need not be in memory at a time.
            self._stored = np.empty((0, 0, 0))
            self._stored = decode_pixels(read_dataset(each.member))
            self._member = each.member
        stored = self._stored.reshape(-1, *self._stored.shape[-2:])
        if stored.shape[1:] != (rows, columns) or each.frame >= len(stored):
            raise UnusableGeometry("A slice has another size than its header says.")
        return values(stored[each.frame], each.meaning, dtype)
