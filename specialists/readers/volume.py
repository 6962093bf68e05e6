"""CT and MR volumes from DICOM and NIfTI, turned to RAS.

Reader processes do everything that touches a file. One of them reads the headers and plans the
volume; then all of them decode slices, as no decoder here lets two threads of one process work;
the calling process puts the parts together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.readers import worker
from specialists.readers.orientation import facing_view, ras_empty
from specialists.readers.resampling import regrid
from specialists.readers.volume_worker import Plan, Scan, Voxels

__all__ = ["Slices", "Volume", "read_axial", "read_volume"]

_WORKER = "specialists.readers.volume_worker"
_FEWEST_SLICES = 4
_UP = 2
"""The RAS axis from feet to head."""


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
    opened = worker.run(f"{_WORKER}:open_volume", [Path(path) for path in paths], series)
    if isinstance(opened, Voxels):
        return _volume(opened.scan, opened.reversed_axes.T)
    return _assemble(opened)


@dataclass(frozen=True)
class Slices:
    """Some axial slices of a scan, from head to feet, as a viewer shows them."""

    array: NDArray[Any]
    """Shape (slices, rows, columns): front of the body first, the patient's right first."""
    places: tuple[int, ...]
    """Which of the scan's slices they are, counted from the head from 0."""
    count: int
    """Slices of the whole scan."""
    modality: str | None
    unit: str | None
    notes: tuple[str, ...] = ()


def read_axial(
    paths: Sequence[Path],
    choose: Callable[[int], Sequence[int]],
    series: str | None = None,
) -> Slices:
    """Read some axial slices; of a plain stack of them, no others are decoded.

    Args:
        paths: As `read_volume` takes them.
        choose: Given how many slices there are, which are wanted, counted from the head from 0.
        series: Which series, where there are several.

    Raises:
        UnreadableFile: As `read_volume` does.
    """
    opened = worker.run(f"{_WORKER}:open_volume", [Path(path) for path in paths], series)
    if isinstance(opened, Voxels):
        return _axial(_volume(opened.scan, opened.reversed_axes.T), choose)
    if opened.shifts is not None or opened.grid is not None or opened.facing[2][0] != _UP:
        return _axial(_assemble(opened), choose)
    count = len(opened.places)
    wanted = tuple(choose(count))
    # Stored slices go up or down; those wanted are counted from the head.
    upward = opened.facing[2][1] > 0
    stored = [count - 1 - place if upward else place for place in wanted]
    part = replace(
        opened,
        places=tuple(opened.places[place] for place in stored),
        shape=(*opened.shape[:2], len(stored)),
        facing=(*opened.facing[:2], (_UP, -1)),
    )
    volume = _assemble(part)
    shown = _axial(volume, range)
    return replace(shown, places=wanted, count=count)


def _axial(volume: Volume, choose: Callable[[int], Sequence[int]]) -> Slices:
    count = volume.array.shape[_UP]
    wanted = tuple(choose(count))
    upright = volume.array[::-1, ::-1, ::-1].transpose(2, 1, 0)
    array = np.ascontiguousarray(upright[list(wanted)])
    return Slices(array, wanted, count, volume.modality, volume.unit, volume.notes)


def _assemble(plan: Plan) -> Volume:
    array = ras_empty(plan.shape, plan.facing, np.dtype(plan.dtype))
    view = facing_view(array, plan.facing)
    plain = plan.shifts is None and plan.grid is None
    size = (plan.columns, plan.rows, len(plan.places))
    slices = view if plain else np.empty(size, dtype=plan.dtype, order="F")
    _decode_all(plan, slices)
    if not plain:
        regrid(slices, view, plan.shifts, plan.grid, plan.fill)
    return _volume(plan.scan, array)


def _decode_all(plan: Plan, slices: NDArray[Any]) -> None:
    def decode(part: tuple[int, int]) -> None:
        start, end = part
        job = (plan.places[start:end], plan.rows, plan.columns, plan.dtype)
        decoded = worker.run(f"{_WORKER}:decode_slices", *job)
        np.copyto(slices[:, :, start:end], decoded.T)

    parts = _parts(plan)
    with ThreadPoolExecutor(len(parts)) as pool:
        for _ in pool.map(decode, parts):
            pass


def _parts(plan: Plan) -> list[tuple[int, int]]:
    """Equal shares for the reader processes; the frames of one file stay together."""
    count = len(plan.places)
    files = {each.path if each.entry is None else each.entry for p in plan.places for each in p}
    shares = 1 if len(files) < count else min(plan.workers, math.ceil(count / _FEWEST_SLICES))
    ends = np.linspace(0, count, shares + 1).astype(int).tolist()
    return list(pairwise(ends))


def _volume(scan: Scan, array: NDArray[Any]) -> Volume:
    spacing = np.linalg.norm(scan.affine[:3, :3], axis=0).tolist()
    return Volume(
        array=array,
        affine=scan.affine,
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        modality=scan.modality,
        unit=scan.unit,
        notes=scan.notes,
    )
