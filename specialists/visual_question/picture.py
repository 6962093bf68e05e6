"""The picture that a question is about, as a viewer shows it."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from specialists.base import Picture, Source
from specialists.readers import read_photograph, read_radiograph, read_volume
from specialists.readers.slide import read_slide

__all__ = ["film", "picture", "pixels", "slices"]

PLANES = ("sagittal", "coronal", "axial")
"""Of slices stacked along x, y and z."""


def film(source: Source) -> NDArray[np.float32]:
    """Shape (rows, columns), 0 to 1, bone bright."""
    return read_radiograph(source.paths, series=source.series).pixels


def pixels(source: Source) -> NDArray[np.uint8]:
    """Shape (rows, columns, 3), sRGB; of a volume its middle slice."""
    kind = source.manifest.kind
    if kind == "radiograph":
        return _grey(film(source))
    if kind == "volume":
        volume = read_volume(source.paths, series=source.series)
        axis = _slice_axis(volume.array.shape)
        across = volume.array.shape[axis] // 2
        middle = np.asarray(np.take(volume.array, across, axis), np.float32)
        low, high = (-160, 240) if volume.unit == "HU" else np.percentile(middle, (1, 99))
        # Patient right on the left and front up, as slices are shown.
        upright = middle.T[::-1, ::-1]
        scaled = (upright - low) / max(float(high - low), 1e-6)
        return _grey(np.asarray(scaled, np.float32))
    if kind == "slide":
        return read_slide(source.paths, field_um=112.0, most=0, series=source.series).thumbnail
    return read_photograph(source.paths, series=source.series).pixels


def slices(source: Source) -> str | None:
    """In which plane a volume's slices lie: None where no axis is plainly theirs."""
    shape = read_volume(source.paths, series=source.series).array.shape
    axis = _slice_axis(shape)
    return PLANES[axis] if 2 * shape[axis] < sorted(shape)[1] else None


def _slice_axis(shape: tuple[int, ...]) -> int:
    """The axis that the slices are stacked along: the much shorter one, else head to feet."""
    shortest = int(np.argmin(shape))
    return shortest if 2 * shape[shortest] < sorted(shape)[1] else 2


def _grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    eight = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.repeat(eight[..., None], 3, axis=2)


def picture(shown: NDArray[np.uint8]) -> Picture:
    """A small PNG of (rows, columns, 3)."""
    image = Image.fromarray(np.ascontiguousarray(shown))
    image.thumbnail((560, 560))
    buffer = BytesIO()
    image.quantize(128).save(buffer, "PNG", optimize=True)
    return Picture("The image that the question is about", buffer.getvalue())
