"""Opening DICOM files that are not trusted.

Sizes are checked before anything is unpacked or decoded. Messages say nothing of a file's
content but its kind and size.
"""

from __future__ import annotations

import io
import math
import os
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from specialists.errors import FileTooLarge, TruncatedFile, UnreadableFile, UnsupportedFormat
from specialists.readers import limits
from specialists.readers.archive import Member, inflate

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = [
    "decode_pixels",
    "is_dicom",
    "numbers",
    "picture_size",
    "read_dataset",
    "read_header",
    "value",
]

_DEFLATED = "1.2.840.10008.1.2.1.99"
_NATIVE = {
    "1.2.840.10008.1.2": "implicit, little endian",
    "1.2.840.10008.1.2.1": "explicit, little endian",
    "1.2.840.10008.1.2.2": "explicit, big endian",
    _DEFLATED: "deflated",
}
# Decoders in the order of trust for each compression; pydicom falls back to the others.
_ENCODED = {
    "1.2.840.10008.1.2.4.50": "pillow",
    "1.2.840.10008.1.2.4.51": "gdcm",
    "1.2.840.10008.1.2.4.57": "gdcm",
    "1.2.840.10008.1.2.4.70": "gdcm",
    "1.2.840.10008.1.2.4.80": "gdcm",
    "1.2.840.10008.1.2.4.81": "gdcm",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
    "1.2.840.10008.1.2.5": "pydicom",
}
_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEM, _END_OF_ITEMS = 0xFFFEE000, 0xFFFEE0DD
_SIZE_KEYWORDS = (
    "SOPClassUID",
    "Modality",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "BitsAllocated",
    "PhotometricInterpretation",
)
# Waveforms, presentation states, reports, documents, plans (PS3.4 B.5), media directories.
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_WITHOUT_PIXELS = ("9.", "11.", "88.", "104.", "481.3", "481.4", "481.5", "481.8")
_DIRECTORY = "1.2.840.10008.1.3.10"
_TILED_MODALITY = "SM"


def is_dicom(head: bytes) -> bool:
    """Whether a file that starts like this is DICOM, with or without its preamble."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 8:
        return False
    group, element = struct.unpack("<HH", head[:4])
    if (group, element) not in {(2, 0), (2, 1), (2, 2), (8, 0), (8, 1), (8, 5), (8, 8), (8, 0x16)}:
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    return explicit or struct.unpack("<I", head[4:8])[0] <= 256


def value(dataset: Dataset, keyword: str) -> Any:
    """An element's value; None where it is absent, empty or not what its type demands."""
    try:
        found = dataset.get(keyword)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - a value that its own type does not allow, in many ways
        return None
    return None if found is None or found == "" else found


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """An element's finite numbers; empty where it has none."""
    found = value(dataset, keyword)
    if found is None or isinstance(found, str):
        return ()
    try:
        floats = tuple(float(item) for item in (found if hasattr(found, "__len__") else [found]))
    except (TypeError, ValueError):
        return ()
    return floats if all(math.isfinite(item) for item in floats) else ()


def read_header(member: Member, keywords: Sequence[str]) -> Dataset:
    """Read some elements of a file, and check that its pixels are all there and not too many.

    Args:
        member: The file.
        keywords: DICOM keywords of the elements that are wanted; others are not kept.

    Raises:
        UnreadableFile: A class of it, that says what is wrong.
    """
    import pydicom

    with member.open() as content:
        plain = _plain(content)
        dataset = pydicom.dcmread(
            plain.content,
            stop_before_pixels=True,
            force=True,
            specific_tags=[*_SIZE_KEYWORDS, *keywords],
        )
        _adopt(dataset, plain.transfer_syntax)
        _check_picture(dataset, plain.content)
    return dataset


def read_dataset(member: Member) -> Dataset:
    """Read a whole file; pixels stay encoded. Sizes are checked as `read_header` does."""
    import pydicom

    read_header(member, ())
    with member.open() as content:
        plain = _plain(content)
        dataset = pydicom.dcmread(plain.content, force=True)
        _adopt(dataset, plain.transfer_syntax)
    return dataset


def decode_pixels(dataset: Dataset, *, rgb: bool = False) -> NDArray[Any]:
    """Decode the stored values.

    Args:
        dataset: From `read_dataset`.
        rgb: Convert colours that are stored as luminance and chrominance to RGB.

    Returns:
        (frames x) rows x columns (x samples): axes of length one for frames and samples are left
        out. Stored values, before any lookup table or rescaling; signed where the file says so.

    Raises:
        UnreadableFile: If no decoder makes sense of the pixels.
    """
    from pydicom.pixels.decoders.base import get_decoder

    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    plugin = _ENCODED.get(str(dataset.file_meta.TransferSyntaxUID), "")
    options: dict[str, Any] = {"raw": not rgb, "correct_unused_bits": _has_unused_bits(dataset)}
    array: NDArray[Any] | None = None
    for choice in dict.fromkeys((plugin, "")):
        try:
            array, _ = decoder.as_array(dataset, decoding_plugin=choice, **options)
            break
        except (MemoryError, RecursionError):
            raise
        except Exception:  # noqa: BLE001 - a codec's own error; the next one is tried
            continue
    if array is None:
        raise UnreadableFile("The pixels could not be decoded: they are damaged or unusual.")
    return np.ascontiguousarray(array)


def _has_unused_bits(dataset: Dataset) -> bool:
    """Whether bits beyond the stored ones are to be dropped.

    They hold an overlay in old files, and no sign in some signed ones. Otherwise dropping them
    would wrap pixels round that a wrong Bits Stored calls too large.
    """
    if value(dataset, "PixelRepresentation") == 1:
        return True
    overlays = [(group << 16) | 0x0102 for group in range(0x6000, 0x6020, 2)]
    return any(int(dataset[tag].value or 0) > 0 for tag in overlays if tag in dataset)


class _Plain:
    """A file's content from its first element on readable, after any inflating."""

    def __init__(self, content: BinaryIO, transfer_syntax: str | None) -> None:
        self.content = content
        self.transfer_syntax = transfer_syntax


def _plain(content: BinaryIO) -> _Plain:
    content.seek(0)
    head = content.read(132)
    content.seek(132 if head[128:] == b"DICM" else 0)
    transfer_syntax = _skip_meta(content)
    if transfer_syntax == _DEFLATED:
        limit = int(limits.active().unpacked_mib * 2**20)
        return _Plain(io.BytesIO(inflate(content.read(), limit)), transfer_syntax)
    if transfer_syntax not in _NATIVE and transfer_syntax not in _ENCODED and transfer_syntax:
        raise UnsupportedFormat(
            "The DICOM file is compressed in a way that is not read here (video, or unknown)."
        )
    content.seek(0)
    return _Plain(content, transfer_syntax)


def _skip_meta(content: BinaryIO) -> str | None:
    """Go past the file meta information (PS3.10 7.1) and return the transfer syntax."""
    transfer_syntax = None
    while True:
        start = content.tell()
        head = content.read(8)
        if len(head) < 8 or head[:2] != b"\x02\x00":
            content.seek(start)
            return transfer_syntax
        length = int.from_bytes(head[6:8], "little")
        if head[4:6] in {b"OB", b"OW", b"UN", b"UT", b"SQ"}:
            length = int.from_bytes(content.read(4), "little")
        value = content.read(length)
        if len(value) < length:
            raise TruncatedFile("The DICOM file ends within its header.")
        if head[2:4] == b"\x10\x00":
            transfer_syntax = value.rstrip(b"\0 ").decode("ascii", "replace")


def _adopt(dataset: Dataset, transfer_syntax: str | None) -> None:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    if transfer_syntax:
        dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    elif "TransferSyntaxUID" not in dataset.file_meta:
        implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = UID(
            "1.2.840.10008.1.2" if implicit in (True, None) else "1.2.840.10008.1.2.1"
        )


def _check_picture(dataset: Dataset, content: BinaryIO) -> None:
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
