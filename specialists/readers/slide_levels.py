"""The levels of a whole slide. Runs in a reader process.

OpenSlide reads the scanners' TIFF files (SVS, NDPI, SCN, BIF, Philips) and plain tiled TIFF,
wsidicom reads DICOM; both decode only the tiles that are asked for, so that a slide is never held
as a whole. What a damaged file does to OpenSlide, which is a C library, ends the reader process
and nothing else.

Slides that are spread over several files (MRXS, VMS) are not read: such a file names others, which
nobody has allowed to be opened, and it can't be handed over alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import BackendUnavailable, FileTooLarge, UnreadableFile, UnsupportedFormat
from specialists.readers.dicom import read_header
from specialists.readers.elements import value

if TYPE_CHECKING:
    from pydicom import Dataset

    from specialists.readers.archive import Member

__all__ = ["Level", "dicom_levels", "tiff_levels"]

Pixels = NDArray[np.uint8]

_MOST_TILE_PIXELS = 4096 * 4096
_INSTALL = 'Reading whole slides needs OpenSlide and wsidicom: pip install "wardround[slides]".'
_WORDS = (
    "SeriesDescription", "StudyDescription", "SpecimenDescriptionSequence", "OpticalPathSequence",
)  # fmt: skip
_OPAQUE = 255
# Words for stains that are not haematoxylin and eosin; only the name here goes any further.
_OTHER_STAINS = {
    "Congo red": r"congo",
    "periodic acid-Schiff": r"\bpas\b|periodic",
    "trichrome": r"trichrom|masson",
    "silver": r"silver|reticulin|gomori|\bgms\b",
    "Giemsa": r"giemsa",
    "Papanicolaou": r"papanicolaou|\bpap\b",
    "immunohistochemistry": r"\bihc\b|immunohisto|\bki-?67\b|\bher2\b|\bdab\b|\bcd\d+\b",
    "fluorescence": r"fluoresc|\bdapi\b|\bfish\b",
}


@dataclass(frozen=True)
class Level:
    """One resolution of a slide."""

    rows: int
    columns: int
    read: Callable[[int, int, int, int], Pixels]
    """Pixels from top, left, rows and columns, all within the level."""

    def region(self, top: int, left: int, rows: int, columns: int) -> Pixels:
        """Return uint8 sRGB (rows, columns, 3); white outside the slide."""
        if top >= 0 and left >= 0 and top + rows <= self.rows and left + columns <= self.columns:
            return self.read(top, left, rows, columns)
        result = np.full((rows, columns, 3), 255, np.uint8)
        first, start = max(top, 0), max(left, 0)
        height, width = (
            min(top + rows, self.rows) - first,
            min(left + columns, self.columns) - start,
        )
        if height > 0 and width > 0:
            place = (
                slice(first - top, first - top + height),
                slice(start - left, start - left + width),
            )
            result[place] = self.read(first, start, height, width)
        return result


def tiff_levels(path: Path) -> tuple[list[Level], float | None]:
    """Open a tiled TIFF or a scanner's own kind of it.

    Returns:
        Levels from fine to coarse, and the finest one's micrometres a pixel; half of those of
        20x are taken at 40x where only the magnification is said.

    Raises:
        UnsupportedFormat: If OpenSlide reads no slide from it.
        FileTooLarge: If its tiles are too large to be decoded one by one.
        BackendUnavailable: If OpenSlide is not installed.
    """
    try:
        import openslide
    except ImportError as error:
        raise BackendUnavailable(_INSTALL) from error
    try:
        slide = openslide.OpenSlide(path)
    except openslide.OpenSlideUnsupportedFormatError:
        raise UnsupportedFormat(
            "The slide is not stored in tiles, or compressed or coloured in a way that is not read."
        ) from None
    _check_tiles(_tile_sizes(slide))
    return [_tiff_level(slide, number) for number in range(slide.level_count)], _um(
        slide.properties
    )


def _tile_sizes(slide: Any) -> Iterator[tuple[int, int]]:
    for number in range(slide.level_count):
        names = (f"openslide.level[{number}].tile-{side}" for side in ("width", "height"))
        width, height = (int(slide.properties.get(name, 0)) for name in names)
        yield width, height


def _check_tiles(sizes: Iterator[tuple[int, int]]) -> None:
    if any(width * height > _MOST_TILE_PIXELS for width, height in sizes):
        raise FileTooLarge("The slide's tiles are too large.")


def _tiff_level(slide: Any, number: int) -> Level:
    from PIL import Image

    columns, rows = slide.level_dimensions[number]
    scale = slide.level_downsamples[number]

    def read(top: int, left: int, height: int, width: int) -> Pixels:
        place = round(left * scale), round(top * scale)
        region = slide.read_region(place, number, (width, height))
        if region.getchannel("A").getextrema() == (_OPAQUE, _OPAQUE):
            return np.asarray(region.convert("RGB"))
        white = Image.new("RGB", region.size, "white")
        white.paste(region, mask=region.getchannel("A"))
        return np.asarray(white)

    return Level(rows, columns, read)


def _um(properties: Mapping[str, str]) -> float | None:
    told = _positive(properties.get("openslide.mpp-x"))
    power = _positive(properties.get("openslide.objective-power"))
    return told or (10 / power if power else None)


def _positive(text: str | None) -> float | None:
    """A number in which micrometres a pixel or a magnification are plausible."""
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    return number if 0.05 < number < 400 else None


def dicom_levels(members: Sequence[Member]) -> tuple[list[Level], float | None, str | None]:
    """Open the files of a DICOM whole-slide series.

    Returns:
        Levels from fine to coarse, the finest one's micrometres a pixel, and the stain if it is
        another than H&E.

    Raises:
        UnsupportedFormat: If no whole-slide image is among the files.
        FileTooLarge: If its tiles are too large to be decoded one by one.
        UnreadableFile: If wsidicom makes no sense of it.
        BackendUnavailable: If wsidicom is not installed.

    Source: DICOM PS3.3 C.8.12.4.
    """
    try:
        import wsidicom
        import wsidicom.errors
        from PIL import Image
    except ImportError as error:
        raise BackendUnavailable(_INSTALL) from error
    Image.MAX_IMAGE_PIXELS = _MOST_TILE_PIXELS  # of a frame, whatever the header says of it
    lenient = wsidicom.config.Settings(
        strict_tile_size_check=False, strict_specimen_identifier_check=False
    )
    try:
        slide = wsidicom.WsiDicom.open([_located(one) for one in members], settings=lenient)
    except wsidicom.errors.WsiDicomNotFoundError:
        raise UnsupportedFormat("No whole-slide image is among the files.") from None
    found = sorted(slide.levels, key=lambda level: -level.size.height)
    _check_tiles((level.tile_size.width, level.tile_size.height) for level in found)
    if any((one.samples_per_pixel, one.bits) != (3, 8) for one in found[0].datasets):
        raise UnreadableFile("The slide is not stored in colours of 8 bits.")
    um = _positive(str(found[0].mpp.width)) if found[0].mpp else None
    return [_dicom_level(slide, level) for level in found], um, _stain(members)


def _located(member: Member) -> Any:
    """Where wsidicom finds a file; an archive's entry is unpacked into memory."""
    if member.entry is None:
        return member.path
    from upath import UPath

    place = UPath(f"memory://slide/{abs(hash(member))}.dcm")
    with member.open() as content:
        place.write_bytes(content.read())
    return place


def _dicom_level(slide: Any, level: Any) -> Level:
    def read(top: int, left: int, height: int, width: int) -> Pixels:
        found = slide.read_region((left, top), level.level, (width, height))
        return np.asarray(found.convert("RGB"))

    return Level(level.size.height, level.size.width, read)


def _stain(members: Sequence[Member]) -> str | None:
    """The stain where a header names one that is not H&E; of its text nothing else is kept."""
    told = " ".join(text for one in members for text in _texts(read_header(one, _WORDS))).lower()
    return next((name for name, words in _OTHER_STAINS.items() if re.search(words, told)), None)


def _texts(header: Dataset) -> list[str]:
    found = [str(value(header, name) or "") for name in ("SeriesDescription", "StudyDescription")]

    def collect(_: Dataset, element: Any) -> None:
        if element.keyword == "CodeMeaning":
            found.append(str(element.value))

    for keyword in ("SpecimenDescriptionSequence", "OpticalPathSequence"):
        for item in value(header, keyword) or ():
            item.walk(collect)
    return found
