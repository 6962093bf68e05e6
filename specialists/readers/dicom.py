"""Opening DICOM files that are not trusted.

Sizes are checked before anything is unpacked or decoded. Messages say nothing of a file's
content but its kind and size.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from specialists.errors import TruncatedFile, UnreadableFile, UnsupportedFormat
from specialists.readers import limits
from specialists.readers.archive import Member, inflate
from specialists.readers.completeness import check_picture
from specialists.readers.elements import value

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["decode_pixels", "is_dicom", "read_dataset", "read_header"]

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
        check_picture(dataset, plain.content)
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
