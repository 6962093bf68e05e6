"""Whole slides: a thumbnail, where tissue lies, and tiles of it at a stated field of view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from specialists.errors import FileTooLarge
from specialists.readers import worker
from specialists.readers.archive import open_file
from specialists.readers.slide_levels import Level, dicom_levels, tiff_levels
from specialists.readers.transport import transported

__all__ = ["Slide", "load_slide", "read_slide", "tissue"]

Pixels = NDArray[np.uint8]

_THUMBNAIL = 900
_MOST_PIXELS_READ = 120e6
_ASSUMED_UM_PER_PX = 0.5
_COARSEST = 2.0
_LEAST_TISSUE = 0.5


@transported
@dataclass(frozen=True)
class Slide:
    """What is kept of a slide."""

    thumbnail: Pixels
    """Shape (rows, columns, 3), sRGB."""
    tissue: NDArray[np.bool_]
    """Shape (rows, columns) of the thumbnail."""
    tiles: Pixels
    """Shape (n, size, size, 3), sRGB; none where the slide is too coarse for the field."""
    corners: NDArray[np.int64]
    """Shape (n, 2): row and column of each tile's first pixel on the finest level."""
    field_px: int
    """Edge of a tile in pixels of the finest level."""
    rows: int
    columns: int
    um_per_px: float | None
    """Of the finest level; None where the file does not say."""
    places: int
    """Fields with tissue, of which the tiles are a sample."""
    stain: str | None = None
    """Where the header names a stain other than H&E."""
    too_coarse: bool = False
    notes: tuple[str, ...] = ()


def read_slide(
    paths: Sequence[Path],
    *,
    field_um: float,
    size: int = 224,
    most: int = 48,
    seed: int = 0,
    series: str | None = None,
) -> Slide:
    """Read a whole slide: tiled TIFF, a scanner's kind of it (SVS, NDPI, …) or DICOM.

    An embedded colour profile is not applied. Where the file does not say how large its pixels
    are, 0.5 µm is assumed, with a note.

    Args:
        paths: One file, or those of one DICOM series.
        field_um: Edge of a tile in micrometres.
        size: Rows and columns of the tiles.
        most: Number of tiles; a sample in reading order where there is more tissue.
        seed: Of the sample.
        series: Which series of an archive.

    Raises:
        UnreadableFile: A class of it, that says what is wrong.
        LimitExceeded: If reading takes more memory or time than it may.
    """
    named = [Path(path) for path in paths]
    options = (float(field_um), size, most, seed, series)
    slide: Slide = worker.run("specialists.readers.slide:load_slide", named, *options)
    return slide


def load_slide(
    paths: Sequence[Path], field_um: float, size: int, most: int, seed: int, series: str | None
) -> Slide:
    """As `read_slide`; runs in a reader process."""
    from specialists.readers.series import choose
    from specialists.readers.sniff import identify

    path = Path(paths[0])
    if len(paths) == 1 and path.is_file():
        with open_file(path) as content:
            is_tiff = identify(content, path.name) == "TIFF"
        if is_tiff:
            levels, um = tiff_levels(path)
            return _sampled(levels, um, field_um, size, most, seed, None)
    levels, um, stain = dicom_levels(choose([Path(one) for one in paths], series))
    return _sampled(levels, um, field_um, size, most, seed, stain)


def _sampled(
    levels: Sequence[Level],
    um: float | None,
    field_um: float,
    size: int,
    most: int,
    seed: int,
    stain: str | None,
) -> Slide:
    finest, coarsest = levels[0], levels[-1]
    notes = () if um else ("the file does not say how large its pixels are; 0.5 µm was assumed",)
    field = max(1, round(field_um / (um or _ASSUMED_UM_PER_PX)))
    thumbnail = _thumbnail(coarsest)
    mask = tissue(thumbnail)
    too_coarse = field * _COARSEST < size
    corners = _corners(mask, finest, field)
    chosen = _chosen(len(corners), 0 if too_coarse else most, seed)
    tiles = [_tile(levels, corner, field, size) for corner in corners[chosen]]
    return Slide(
        thumbnail,
        mask,
        np.stack(tiles) if tiles else np.zeros((0, size, size, 3), np.uint8),
        corners[chosen],
        field,
        finest.rows,
        finest.columns,
        um,
        len(corners),
        stain,
        too_coarse,
        notes,
    )


def _thumbnail(level: Level) -> Pixels:
    """Reduce a level by a whole number, band by band."""
    from PIL import Image

    if level.rows * level.columns > _MOST_PIXELS_READ:
        raise FileTooLarge("The slide has no level small enough for an overview.")
    factor = max(1, -(-max(level.rows, level.columns) // _THUMBNAIL))
    bands = []
    step = factor * max(1, 1024 // factor)
    for top in range(0, level.rows, step):
        band = level.region(top, 0, min(step, level.rows - top), level.columns)
        bands.append(np.asarray(Image.fromarray(band).reduce(factor)))
    return np.concatenate(bands)


def tissue(thumbnail: Pixels) -> NDArray[np.bool_]:
    """Find tissue by its colour: Otsu's limit on the saturation, between 0.04 and 0.15.

    Args:
        thumbnail: Shape (rows, columns, 3), sRGB.

    Returns:
        Shape (rows, columns); specks are left out and gaps closed.

    Source: Otsu 1979.
    """
    from scipy import ndimage

    values = thumbnail.astype(np.float64)
    bright = values.max(axis=2)
    saturation = (bright - values.min(axis=2)) / np.maximum(bright, 1)
    limit = float(np.clip(_otsu(saturation), 0.04, 0.15))
    found = (saturation > limit) & (bright > 40)
    opened = ndimage.binary_opening(found, iterations=1)
    return np.asarray(ndimage.binary_closing(opened, iterations=2) | opened)


def _otsu(plane: NDArray[np.float64]) -> float:
    counts, edges = np.histogram(plane, 128)
    middles = (edges[:-1] + edges[1:]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    apart = sums / np.maximum(below, 1) - (sums[-1] - sums) / np.maximum(above, 1)
    return float(middles[np.argmax(below * above * apart**2)])


def _corners(mask: NDArray[np.bool_], level: Level, field: int) -> NDArray[np.int64]:
    """First pixels of the fields, in reading order, of which at least half is tissue."""
    scale = mask.shape[0] / level.rows
    found = []
    for top in range(0, max(level.rows - field, 0) + 1, field):
        for left in range(0, max(level.columns - field, 0) + 1, field):
            rows = slice(int(top * scale), max(int((top + field) * scale), int(top * scale) + 1))
            first = int(left * scale)
            part = mask[rows, first : max(int((left + field) * scale), first + 1)]
            if part.size and part.mean() >= _LEAST_TISSUE:
                found.append((top, left))
    return np.array(found, np.int64).reshape(-1, 2)


def _chosen(count: int, most: int, seed: int) -> NDArray[np.intp]:
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def _tile(levels: Sequence[Level], corner: NDArray[np.int64], field: int, size: int) -> Pixels:
    """Read a field from the coarsest level that is fine enough, and resample it."""
    from PIL import Image

    finest = levels[0]
    enough = [one for one in levels if field * one.rows / finest.rows >= size]
    level = enough[-1] if enough else finest
    ratio = level.rows / finest.rows
    edge = max(1, round(field * ratio))
    region = level.region(round(corner[0] * ratio), round(corner[1] * ratio), edge, edge)
    return np.asarray(Image.fromarray(region).resize((size, size), Image.Resampling.BICUBIC))
