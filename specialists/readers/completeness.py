"""Is a DICOM picture all there, and no larger than is read? Told before anything is decoded."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO

from specialists.errors import FileTooLarge, TruncatedFile, UnreadableFile, UnsupportedFormat
from specialists.readers import limits
from specialists.readers.elements import value

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["check_picture", "picture_size"]

# Waveforms, presentation states, reports, documents, plans (PS3.4 B.5), media directories.
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_WITHOUT_PIXELS = ("9.", "11.", "88.", "104.", "481.3", "481.4", "481.5", "481.8")
_DIRECTORY = "1.2.840.10008.1.3.10"
_TILED_MODALITY = "SM"
_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEM, _END_OF_ITEMS = 0xFFFEE000, 0xFFFEE0DD


def check_picture(dataset: Dataset, content: BinaryIO) -> None:
    """Hold the header against the limits and against what is really there."""
    size = picture_size(dataset)
    end = _end(content)
    pixels = _find_pixels(dataset, content)
    if size is None and _has_no_pixels(dataset):
        raise UnsupportedFormat("The DICOM file holds no picture (a report, plan or directory).")
    if size is None:
        raise TruncatedFile("The DICOM file ends before its picture is described.")
    rows, columns, frames = size
    if rows <= 0 or columns <= 0 or frames <= 0:
        raise UnreadableFile("The header gives the picture no rows or no columns.")
    tiled = value(dataset, "Modality") == _TILED_MODALITY
    if not tiled and rows * columns * frames > limits.active().megapixels * 1e6:
        raise FileTooLarge(
            f"The picture has {rows} x {columns} x {frames} pixels; "
            f"at most {limits.active().megapixels:.0f} million are read."
        )
    if pixels is None:
        raise TruncatedFile("The DICOM file ends before its pixels.")
    start, length = pixels
    if length == _UNDEFINED_LENGTH:
        _check_fragments(content, start, end)
    elif start + length > end or length < _native_bytes(dataset, rows * columns * frames):
        raise TruncatedFile("The DICOM file ends within its pixels.")


def _has_no_pixels(dataset: Dataset) -> bool:
    uid = str(value(dataset, "SOPClassUID") or "")
    uid = uid or str(dataset.file_meta.get("MediaStorageSOPClassUID") or "")
    return uid == _DIRECTORY or uid.removeprefix(_STORAGE).startswith(_WITHOUT_PIXELS)


def picture_size(dataset: Dataset) -> tuple[int, int, int] | None:
    """Rows, columns and frames as the header gives them; None where it describes no picture."""
    rows, columns = value(dataset, "Rows"), value(dataset, "Columns")
    if rows is None and columns is None:
        return None
    try:
        return int(rows or 0), int(columns or 0), int(value(dataset, "NumberOfFrames") or 1)
    except (TypeError, ValueError):
        raise UnreadableFile("The header's picture size is not a number.") from None


def _end(content: BinaryIO) -> int:
    here = content.tell()
    content.seek(0, os.SEEK_END)
    end = content.tell()
    content.seek(here)
    return end


def _find_pixels(dataset: Dataset, content: BinaryIO) -> tuple[int, int] | None:
    """Where the pixel data start and their length; the content stands at their tag."""
    implicit, little = dataset.original_encoding
    order = "<" if little in (True, None) else ">"
    head = content.read(12)
    if len(head) < 8:
        return None
    group, element = struct.unpack(order + "HH", head[:4])
    if (group << 16 | element) not in _PIXEL_TAGS:
        return None
    if implicit:
        return content.tell() - 4, struct.unpack(order + "I", head[4:8])[0]
    if len(head) < 12:
        return None
    return content.tell(), struct.unpack(order + "I", head[8:12])[0]


def _native_bytes(dataset: Dataset, pixels: int) -> int:
    """The least that uncompressed pixels take, in bytes."""
    samples, depth = value(dataset, "SamplesPerPixel") or 1, value(dataset, "BitsAllocated") or 8
    bits = pixels * int(samples) * int(depth)
    if value(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
        bits = bits * 2 // 3
    return bits // 8


def _check_fragments(content: BinaryIO, start: int, end: int) -> None:
    """Go from fragment to fragment of encapsulated pixels (PS3.5 A.4) to their end mark."""
    position, fragments = start, 0
    while position + 8 <= end:
        content.seek(position)
        group, element, length = struct.unpack("<HHI", content.read(8))
        tag = group << 16 | element
        if tag == _END_OF_ITEMS and fragments > 1:
            return
        position += 8 + length
        fragments += 1
        if tag != _ITEM or length == _UNDEFINED_LENGTH or position > end:
            break
    else:
        if fragments > 1 and position == end:
            return
    raise TruncatedFile("The DICOM file ends within its pixels.")
