"""The levels of a whole slide: which tiles they have, and their pixels. Runs in a reader process.

Tiles are decoded one by one with Pillow and pydicom, so that a slide is never held as a whole.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from specialists.errors import FileTooLarge, UnreadableFile, UnsupportedFormat
from specialists.readers.elements import numbers, value

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["Level", "dicom_level", "dicom_stain", "tiff_levels", "tiff_um_per_px"]

Pixels = NDArray[np.uint8]

_MOST_TILE_PIXELS = 4096 * 4096
_JPEG, _J2K = 7, (33003, 33005, 34712)
_ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00%c"
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
    """One resolution of a slide, in tiles of one size."""

    rows: int
    columns: int
    tile_rows: int
    tile_columns: int
    tile: Callable[[int, int], Pixels | None]
    """Pixels of the tile at a place of the grid; None where nothing was scanned."""

    def region(self, top: int, left: int, rows: int, columns: int) -> Pixels:
        """Return uint8 sRGB (rows, columns, 3); white outside the slide."""
        result = np.full((rows, columns, 3), 255, np.uint8)
        bottom, right = min(top + rows, self.rows), min(left + columns, self.columns)
        for down in range(max(top, 0) // self.tile_rows, -(-bottom // self.tile_rows)):
            for across in range(max(left, 0) // self.tile_columns, -(-right // self.tile_columns)):
                found = self.tile(down, across)
                if found is not None:
                    place = (down * self.tile_rows - top, across * self.tile_columns - left)
                    _paste(result, found, place)
        result[max(self.rows - top, 0) :] = 255
        result[:, max(self.columns - left, 0) :] = 255
        return result


def _paste(target: Pixels, source: Pixels, place: tuple[int, int]) -> None:
    spans = []
    for start, there, here in zip(place, target.shape[:2], source.shape[:2], strict=True):
        first, last = max(start, 0), min(start + here, there)
        spans.append((slice(first, last), slice(first - start, last - start)))
    if all(span.stop > span.start for span, _ in spans):
        target[spans[0][0], spans[1][0]] = source[spans[0][1], spans[1][1]]


def tiff_levels(content: BinaryIO) -> tuple[list[Level], str]:
    """Read the directories of a tiled TIFF or SVS.

    Returns:
        Levels from fine to coarse, and the first description.

    Raises:
        UnsupportedFormat: If it is not tiled, or compressed in a way that is not read here.
    """
    import tifffile

    with tifffile.TiffFile(content) as file:
        first: Any = file.pages.first
        pages: list[Any] = [page for page in file.pages if getattr(page, "is_tiled", False)]
        shape = first.imagelength / first.imagewidth
        # A label or macro picture in tiles has another shape than the slide.
        kept = [p for p in pages if abs(p.imagelength / p.imagewidth / shape - 1) < 0.05]
        levels = [_tiff_level(content, page) for page in kept]
        description = str(first.description or "")
    if not levels:
        raise UnsupportedFormat("The slide is not stored in tiles.")
    return sorted(levels, key=lambda level: -level.rows), description


def _tiff_level(content: BinaryIO, page: Any) -> Level:
    compression, photometric = int(page.compression), int(page.photometric)
    rows, columns = int(page.tilelength), int(page.tilewidth)
    if rows * columns > _MOST_TILE_PIXELS:
        raise FileTooLarge("The slide's tiles are too large.")
    if compression not in (1, _JPEG, *_J2K) or page.samplesperpixel != 3 or page.bitspersample != 8:
        raise UnsupportedFormat("The slide is compressed or coloured in a way that is not read.")
    across = -(-int(page.imagewidth) // columns)
    places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    tables = bytes(page.jpegtables or b"")

    def tile(down: int, right: int) -> Pixels | None:
        number = down * across + right
        if number >= len(places) or places[number][1] == 0:
            return None
        content.seek(places[number][0])
        data = content.read(places[number][1])
        if compression == 1:
            return np.frombuffer(data, np.uint8, rows * columns * 3).reshape(rows, columns, 3)
        if compression == _JPEG:
            return _decoded(_whole_jpeg(data, tables, is_rgb=photometric == 2), "JPEG")
        return _decoded(data, "JPEG2000", is_ycc=compression == 33003)

    return Level(int(page.imagelength), int(page.imagewidth), rows, columns, tile)


def _whole_jpeg(data: bytes, tables: bytes, *, is_rgb: bool) -> bytes:
    """Put the shared tables and the colour transform into a tile's stream (TIFF TechNote 2)."""
    marker = _ADOBE % (0 if is_rgb else 1)
    return b"\xff\xd8" + marker + tables[2:-2] + data[2:]


def _decoded(data: bytes, form: str, *, is_ycc: bool = False) -> Pixels:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=[form]) as opened:
        if opened.width * opened.height > _MOST_TILE_PIXELS:
            raise FileTooLarge("The slide's tiles are too large.")
        picture = opened.convert("RGB")
    if is_ycc:
        picture = Image.frombytes("YCbCr", picture.size, picture.tobytes()).convert("RGB")
    return np.asarray(picture, np.uint8)


def tiff_um_per_px(description: str) -> float | None:
    """Micrometres a pixel from a scanner's description; half of that of 20x at 40x."""
    found = re.search(r"MPP\s*=\s*([\d.]+)", description)
    if found and 0.05 < float(found[1]) < 100:
        return float(found[1])
    power = re.search(r"AppMag\s*=\s*([\d.]+)", description)
    return 10 / float(power[1]) if power and float(power[1]) > 0 else None


def dicom_level(dataset: Dataset) -> tuple[Level, float | None]:
    """One DICOM whole-slide image, and its micrometres a pixel.

    Raises:
        UnreadableFile: If the frames' places are missing.

    Source: DICOM PS3.3 C.8.12.4 and C.7.6.17.
    """
    from pydicom.pixels.decoders.base import get_decoder

    rows, columns = int(dataset.Rows), int(dataset.Columns)
    frames = int(value(dataset, "NumberOfFrames") or 1)
    height = int(value(dataset, "TotalPixelMatrixRows") or rows)
    width = int(value(dataset, "TotalPixelMatrixColumns") or columns)
    if rows * columns > _MOST_TILE_PIXELS:
        raise FileTooLarge("The slide's tiles are too large.")
    numbers_ = _frame_numbers(dataset, frames, -(-width // columns))
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)

    def tile(down: int, across: int) -> Pixels | None:
        number = numbers_.get((down, across))
        if number is None:
            return None
        array, _ = decoder.as_array(dataset, index=number, raw=False)
        if array.dtype != np.uint8 or array.ndim != 3:
            raise UnreadableFile("The slide is not stored in colours of 8 bits.")
        return np.ascontiguousarray(array[..., :3])

    return Level(height, width, rows, columns, tile), _dicom_um_per_px(dataset)


def _frame_numbers(dataset: Dataset, frames: int, across: int) -> dict[tuple[int, int], int]:
    """Which frame lies at which place of the grid."""
    groups = value(dataset, "PerFrameFunctionalGroupsSequence")
    if value(dataset, "DimensionOrganizationType") == "TILED_FULL" or not groups:
        return {divmod(number, across): number for number in range(frames)}
    places = {}
    for number, group in enumerate(groups):
        found = value(group, "PlanePositionSlideSequence")
        if not found:
            raise UnreadableFile("The slide does not say where its frames lie.")
        top = int(found[0].RowPositionInTotalImagePixelMatrix) - 1
        left = int(found[0].ColumnPositionInTotalImagePixelMatrix) - 1
        places[top // int(dataset.Rows), left // int(dataset.Columns)] = number
    return places


def _dicom_um_per_px(dataset: Dataset) -> float | None:
    shared: Sequence[Dataset] | None = value(dataset, "SharedFunctionalGroupsSequence")
    measures = value(shared[0], "PixelMeasuresSequence") if shared else None
    spacing = numbers(measures[0], "PixelSpacing") if measures else ()
    return spacing[0] * 1000 if spacing and spacing[0] > 0 else None


def dicom_stain(dataset: Dataset) -> str | None:
    """The stain where the header names one that is not H&E; of its text nothing else is kept."""
    texts = [str(value(dataset, name) or "") for name in ("SeriesDescription", "StudyDescription")]
    texts += _meanings(dataset)
    told = " ".join(texts).lower()
    return next((name for name, words in _OTHER_STAINS.items() if re.search(words, told)), None)


def _meanings(dataset: Dataset) -> list[str]:
    found: list[str] = []

    def collect(_: Dataset, element: Any) -> None:
        if element.keyword == "CodeMeaning":
            found.append(str(element.value))

    for keyword in ("SpecimenDescriptionSequence", "OpticalPathSequence"):
        for item in value(dataset, keyword) or ():
            item.walk(collect)
    return found
