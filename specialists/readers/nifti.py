"""NIfTI-1 and NIfTI-2 single files (.nii, .nii.gz), read in a reader process.

The header is read and checked first; after that exactly as many bytes are unpacked as it
announces, so a small file can't grow into more than the limits allow.

Source: https://nifti.nimh.nih.gov (nifti1.h, nifti2.h).
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from specialists.errors import (
    EmptyFile,
    FileTooLarge,
    MislabelledFile,
    TruncatedFile,
    UnreadableFile,
    UnsupportedFormat,
    UnusableGeometry,
)
from specialists.readers import limits
from specialists.readers.archive import open_file

__all__ = ["Header", "is_nifti", "read", "read_header"]

_SIZES = {348: "Nifti1Header", 540: "Nifti2Header"}
_SHORTEST = 348
_CHUNK = 4 * 2**20
_MM = {1: 1000.0, 3: 0.001}
_SPACING_MM = (0.001, 200.0)
_SKEW = 0.02
_PAIR = "A NIfTI pair (.hdr and .img) is not read; a single file (.nii or .nii.gz) would be."


@dataclass(frozen=True)
class Header:
    """What a NIfTI header says, checked."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    affine: NDArray[np.float64]
    """Index to mm in RAS, as stored: not yet turned to the closest axes."""
    slope: float
    intercept: float
    offset: int
    notes: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the voxels."""
        return math.prod(self.shape) * self.dtype.itemsize


def is_nifti(path: Path) -> bool:
    """Whether a file claims to be NIfTI or its ancestor ANALYZE, by content or by name."""
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")):
        return True
    try:
        with _opened(path) as stream:
            start = stream.read(_SHORTEST)
    except UnreadableFile:
        return False
    return _version(start) is not None and _magic(start)[:1] == b"n"


def read_header(path: Path) -> Header:
    """Read and check a header alone.

    Raises:
        UnreadableFile: Any class below it that says what is wrong.
    """
    with _opened(path) as stream:
        return _header(stream)


def read(path: Path) -> tuple[NDArray[Any], Header]:
    """Read voxels, scaled, with the axes as they are stored.

    Returns:
        Shape (x, y, z), Fortran order: int16 where that holds every value exactly, otherwise
        float32; and the header, with a note more where values were not finite.
    """
    with _opened(path) as stream:
        header = _header(stream)
        raw = _voxels(stream, header)
    array = _scaled(raw, header.slope, header.intercept)
    replaced = _make_finite(array)
    if replaced:
        note = f"{replaced} voxels without a number set to the lowest value"
        header = replace(header, notes=(*header.notes, note))
    return array, header


def _make_finite(array: NDArray[Any]) -> int:
    if array.dtype.kind != "f":
        return 0
    finite = np.isfinite(array)
    count = int(array.size - finite.sum())
    if count == array.size:
        raise UnreadableFile("No voxel of the volume holds a number.")
    if count:
        array[~finite] = array[finite].min()
    return count


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open plain or compressed; damage of the compression becomes an error of the tree."""
    with open_file(path) as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            with gzip.GzipFile(fileobj=file) if packed else nullcontext(file) as stream:
                yield cast(BinaryIO, stream)
        except EOFError as error:
            raise TruncatedFile("The compressed file ends before its content does.") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableFile("The compressed file is damaged.") from error


def _version(start: bytes) -> tuple[str, str] | None:
    """Class of header and byte order, by the size that stands first."""
    for order in ("<", ">"):
        size = int(np.frombuffer(start[:4], f"{order}i4")[0]) if len(start) >= 4 else 0
        if size in _SIZES:
            return _SIZES[size], order
    return None


def _magic(start: bytes) -> bytes:
    version = _version(start)
    return start[344:348] if version and version[0] == "Nifti1Header" else start[4:12]


def _header(stream: BinaryIO) -> Header:
    start = stream.read(_SHORTEST)
    version = _version(start)
    if not start:
        raise EmptyFile("The file is empty.")
    if version is None:
        raise MislabelledFile("The file is named as NIfTI, but its content is not NIfTI.")
    if version[0] == "Nifti2Header":
        start += stream.read(540 - _SHORTEST)
    if len(start) < (540 if version[0] == "Nifti2Header" else _SHORTEST):
        raise TruncatedFile("The NIfTI header is cut off.")
    magic = _magic(start)
    if magic[:3] in (b"ni1", b"ni2"):
        raise UnsupportedFormat(_PAIR)
    if magic[:3] not in (b"n+1", b"n+2"):
        raise UnsupportedFormat(
            "The file has the size of an ANALYZE header and no NIfTI mark; its left and right "
            "can't be told. NIfTI (.nii or .nii.gz) would be read."
        )
    return _checked(start, version)


def _checked(start: bytes, version: tuple[str, str]) -> Header:
    import nibabel

    raw = getattr(nibabel, version[0])(start, endianness=version[1], check=False)
    shape = _shape(raw)
    dtype = _dtype(raw)
    _refuse_large(shape, dtype)
    affine, notes = _affine(raw)
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    if not math.isfinite(slope) or slope == 0:
        slope, intercept = 1.0, 0.0
    offset = float(raw["vox_offset"])
    if not (math.isfinite(offset) and len(start) <= offset <= 2**31):
        offset = len(start) + 4
    return Header(
        shape=shape,
        dtype=dtype,
        affine=affine,
        slope=slope,
        intercept=intercept if math.isfinite(intercept) else 0.0,
        offset=int(offset),
        notes=notes,
    )


def _shape(raw: Any) -> tuple[int, int, int]:
    dim = [int(size) for size in raw["dim"]]
    sizes = dim[1 : dim[0] + 1]
    if not 1 <= dim[0] <= 7 or min(sizes) < 1:
        raise UnreadableFile("The NIfTI header gives sizes that are not possible.")
    volumes = math.prod(sizes[3:])
    if volumes > 1:
        raise UnusableGeometry(
            f"The file holds {volumes} volumes (time points or channels); a file with one would "
            "be read."
        )
    if len(sizes) < 2:
        raise UnusableGeometry("The file holds a row of values, not a volume.")
    return sizes[0], sizes[1], sizes[2] if len(sizes) > 2 else 1


def _dtype(raw: Any) -> np.dtype[Any]:
    from nibabel.spatialimages import HeaderDataError

    try:
        dtype: np.dtype[Any] = raw.get_data_dtype()
    except HeaderDataError as error:
        raise UnsupportedFormat("The NIfTI header names no known type of voxel.") from error
    if dtype.kind not in "iuf" or not 1 <= dtype.itemsize <= 8:
        raise UnsupportedFormat("The voxels are colours, bits or complex, not plain numbers.")
    return dtype


def _refuse_large(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> None:
    voxels = math.prod(shape)
    allowed = limits.active()
    if voxels > allowed.megapixels * 1e6 or voxels * dtype.itemsize > allowed.unpacked_mib * 2**20:
        raise FileTooLarge(
            f"The volume has {voxels / 1e6:,.0f} million voxels; at most "
            f"{allowed.megapixels:,.0f} million in {allowed.unpacked_mib:,.0f} MiB are read."
        )


def _affine(raw: Any) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The sform where its code is set, else qform, else voxel sizes alone."""
    from nibabel.spatialimages import HeaderDataError

    try:
        affine = np.array(raw.get_best_affine(), dtype=np.float64)
    except (HeaderDataError, ValueError) as error:
        raise UnusableGeometry("The NIfTI orientation is not a rotation.") from error
    notes: tuple[str, ...] = ()
    if int(raw["sform_code"]) <= 0 and int(raw["qform_code"]) <= 0:
        notes = ("no orientation in the file: left and right are assumed",)
    affine[:3] *= _MM.get(int(raw["xyzt_units"]) & 7, 1.0)
    _check_affine(affine)
    return affine, notes


def _check_affine(affine: NDArray[np.float64]) -> None:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.all(np.isfinite(affine)):
        raise UnusableGeometry("The NIfTI orientation holds values that are not numbers.")
    if spacing.min() < _SPACING_MM[0] or spacing.max() > _SPACING_MM[1]:
        raise UnusableGeometry("The voxel sizes of the NIfTI header are not those of a body scan.")
    axes = affine[:3, :3] / spacing
    if np.abs(axes.T @ axes - np.eye(3)).max() > _SKEW:
        raise UnusableGeometry(
            "The axes of the volume are not at right angles (a tilted gantry?); a volume "
            "resampled to right angles would be read."
        )


def _voxels(stream: BinaryIO, header: Header) -> NDArray[Any]:
    _skip(stream, header.offset - stream.tell())
    buffer = np.empty(header.nbytes, dtype=np.uint8)
    view = memoryview(buffer.data)
    while view.nbytes:
        chunk = stream.read(min(view.nbytes, _CHUNK))
        if not chunk:
            share = 1 - view.nbytes / header.nbytes
            raise TruncatedFile(f"The file ends after {share:.0%} of its voxels.")
        view[: len(chunk)] = chunk
        view = view[len(chunk) :]
    # One byte more makes the decompressor compare its checksum.
    stream.read(1)
    return buffer.view(header.dtype).reshape(header.shape, order="F")


def _skip(stream: BinaryIO, count: int) -> None:
    if count < 0:
        raise UnreadableFile("The NIfTI header says that the voxels start inside the header.")
    while count:
        passed = len(stream.read(min(count, _CHUNK)))
        if passed == 0:
            raise TruncatedFile("The file ends before its voxels start.")
        count -= passed


def _scaled(raw: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    if raw.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        ends = sorted(int(end) * int(slope) + int(intercept) for end in (raw.min(), raw.max()))
        if ends[0] >= -(2**15) and ends[1] < 2**15:
            if (slope, intercept) == (1, 0):
                return raw.astype(np.int16, copy=False)
            return _by_slice(raw, slope, intercept, np.dtype(np.int16))
    return _by_slice(raw, slope, intercept, np.dtype(np.float32))


def _by_slice(
    raw: NDArray[Any], slope: float, intercept: float, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """In double precision, a slice at a time, so that no second volume is in memory."""
    out = np.empty(raw.shape, dtype=dtype, order="F")
    with np.errstate(over="ignore", invalid="ignore"):
        for index in range(raw.shape[2]):
            out[:, :, index] = raw[:, :, index].astype(np.float64) * slope + intercept
    return out
