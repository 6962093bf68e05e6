"""PNG, JPEG and TIFF: their headers, and their pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from specialists.errors import FileTooLarge, TruncatedFile, UnreadableFile, UnsupportedFormat
from specialists.readers import limits
from specialists.readers.archive import open_file

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImageHeader", "decode", "image_header"]

_SLIDE_PIXELS = 64e6
# Scanners' own kinds of TIFF, by the name that tifffile has for them.
_SCANNERS = {"svs": "SVS", "ndpi": "NDPI", "scn": "SCN", "bif": "BIF", "philips": "Philips TIFF"}
_MOST_PAGES = 10_000
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"
_CUT = "The picture ends before its content does."


@dataclass(frozen=True)
class ImageHeader:
    """What a picture is, before any of it is decoded."""

    format: str
    """PNG, JPEG, TIFF, SVS or another scanner's kind of TIFF."""
    rows: int
    columns: int
    pages: int = 1
    is_slide: bool = False
    spacing_mm: tuple[float, float] | None = None


def image_header(content: BinaryIO, form: str) -> ImageHeader:
    """Read a picture's header and check that the picture is all there and not too large.

    Raises:
        TruncatedFile: If it ends too early.
        FileTooLarge: If it has more pixels than the limits allow.
        UnreadableFile: If its structure is damaged.
    """
    read = {"PNG": _png, "JPEG": _jpeg, "TIFF": _tiff}[form]
    try:
        header = read(content)
    except (struct.error, IndexError, EOFError):
        raise TruncatedFile(_CUT) from None
    if header.rows <= 0 or header.columns <= 0:
        raise UnreadableFile("The picture has no rows or no columns.")
    if not header.is_slide and header.rows * header.columns > limits.active().megapixels * 1e6:
        raise FileTooLarge(
            f"The picture has {header.rows} x {header.columns} pixels; "
            f"at most {limits.active().megapixels:.0f} million are read."
        )
    return header


def decode(path: Path, form: str) -> tuple[Image, tuple[str, ...]]:
    """Decode a picture's first page, turned as its EXIF orientation says.

    Returns:
        A Pillow image in whichever mode the file has, and notes.

    Raises:
        TruncatedFile: If it ends too early.
        UnreadableFile: If no decoder makes sense of it.
    """
    from PIL import Image, ImageOps

    with open_file(path) as content:
        header = image_header(content, form)
        if header.is_slide:
            raise UnsupportedFormat("This is a whole slide, which is not read as one picture.")
        Image.MAX_IMAGE_PIXELS = None  # checked above, against this project's own limit
        content.seek(0)
        try:
            with Image.open(content, formats=[form]) as opened:
                opened.load()
                picture = ImageOps.exif_transpose(_upright_white(opened))
        except (MemoryError, RecursionError):
            raise
        except Exception as error:  # noqa: BLE001 - codecs raise what they like
            cut = "truncated" in str(error)
            raise (TruncatedFile(_CUT) if cut else UnreadableFile(_DAMAGED)) from None
    notes = (f"only the first of {header.pages} pages was read",) if header.pages > 1 else ()
    return picture, notes


_DAMAGED = "The picture could not be decoded: it is damaged or stored in an unusual way."
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0


def _upright_white(picture: Image) -> Image:
    """Turn a 16-bit TIFF that stores white as zero; Pillow does so only up to 8 bits."""
    tags = getattr(picture, "tag_v2", None)
    if tags is None or tags.get(_PHOTOMETRIC) != _WHITE_IS_ZERO or "16" not in picture.mode:
        return picture
    import numpy as np
    from PIL import Image

    return Image.fromarray(np.uint16(65535) - np.asarray(picture, dtype=np.uint16))


def _png(content: BinaryIO) -> ImageHeader:
    """Go from chunk to chunk (PNG 5.3) to the end mark."""
    content.seek(8)
    length, name, columns, rows = struct.unpack(">I4sII", content.read(16))
    if name != b"IHDR" or length != 13:
        raise UnreadableFile("The PNG file does not start with its header.")
    position = 8
    while name != b"IEND":
        content.seek(position)
        length, name = struct.unpack(">I4s", content.read(8))
        position += 12 + length
    content.seek(0, 2)
    if content.tell() < position:
        raise TruncatedFile(_CUT)
    return ImageHeader("PNG", rows, columns)


def _jpeg(content: BinaryIO) -> ImageHeader:
    """Go from marker to marker (ITU-T T.81 B.1) to the scan; its end must follow."""
    size = None
    content.seek(2)
    while True:
        prefix, marker = struct.unpack("BB", content.read(2))
        if prefix != 0xFF:
            raise UnreadableFile("The JPEG file's structure is damaged.")
        if marker == 0xFF:
            content.seek(-1, 1)
            continue
        if marker in _WITHOUT_LENGTH:
            continue
        if marker == _START_OF_SCAN:
            break
        (length,) = struct.unpack(">H", content.read(2))
        if marker in _START_OF_FRAME:
            _, *size = struct.unpack(">BHH", content.read(5))
            content.seek(-5, 1)
        content.seek(length - 2, 1)
    if size is None:
        raise UnreadableFile("The JPEG file does not say how large it is.")
    if _END_OF_IMAGE not in content.read():
        raise TruncatedFile(_CUT)
    return ImageHeader("JPEG", size[0], size[1])


def _tiff(content: BinaryIO) -> ImageHeader:
    """Read the directories; a whole slide is told by its scanner or its size."""
    import tifffile

    content.seek(0, 2)
    end = content.tell()
    content.seek(0)
    try:
        with tifffile.TiffFile(content) as file:
            pages = len(file.pages)
            if pages > _MOST_PAGES:
                raise FileTooLarge(f"The TIFF file has more than {_MOST_PAGES} pages.")
            page = file.pages.first
            scanner = next((name for name in _SCANNERS if getattr(page, f"is_{name}")), None)
            description = str(page.description or "")
            rows, columns, tiled = page.imagelength, page.imagewidth, page.is_tiled
            places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    except (MemoryError, RecursionError, FileTooLarge):
        raise
    except Exception:  # noqa: BLE001 - damage shows in many ways
        raise TruncatedFile(_CUT) from None
    if not places or any(start + count > end for start, count in places):
        raise TruncatedFile(_CUT)
    if scanner is not None:
        spacing = _aperio_spacing(description) if scanner == "svs" else None
        return ImageHeader(_SCANNERS[scanner], rows, columns, pages, True, spacing)
    is_slide = bool(tiled) and rows * columns > _SLIDE_PIXELS
    return ImageHeader("TIFF", rows, columns, pages, is_slide)


def _aperio_spacing(description: str) -> tuple[float, float] | None:
    """Row and column spacing in mm from the scanner's 'MPP = 0.499'."""
    for field in description.split("|"):
        name, _, text = field.partition("=")
        if name.strip() == "MPP":
            try:
                return (float(text) / 1000,) * 2
            except ValueError:
                return None
    return None
