"""Volumes as the slices that MedGemma sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.base import Source
from specialists.errors import MislabelledFile
from specialists.medgemma.pixels import square
from specialists.medgemma.slices import ct_colours, mr_greys, places
from specialists.readers.volume import read_axial, read_volume

__all__ = ["Seen", "ct_slices", "mr_slices"]

_SHORTER = 2
"""An axis that is so many times shorter than the others is the one slices were stacked along."""


@dataclass(frozen=True)
class Seen:
    """What of a volume is shown."""

    pictures: tuple[NDArray[np.uint8], ...]
    """Each (edge, edge, 3), padded to a square."""
    places: tuple[int, ...]
    """Of the scan's slices, from 0."""
    count: int
    notes: tuple[str, ...]

    @property
    def told(self) -> str:
        """How many slices of how many."""
        if len(self.places) == self.count:
            return f"All {self.count} slices were seen."
        return f"{len(self.places)} of the {self.count} slices were seen."


def ct_slices(source: Source) -> Seen:
    """At most 85 axial slices through three windows, from head to feet.

    Raises:
        MislabelledFile: If the values are not Hounsfield units.
        UnreadableFile: As the reader does.
    """
    read = read_axial(source.paths, places, series=source.series)
    _check_hounsfield(read.array)
    shown = tuple(square(ct_colours(one)).pixels for one in read.array)
    return Seen(shown, read.places, read.count, read.notes)


def mr_slices(source: Source) -> Seen:
    """At most 85 slices of the series in grey, from the volume's least to its greatest value."""
    volume = read_volume(source.paths, series=source.series)
    stack, ends = _along_slices(volume.array), (volume.array.min(), volume.array.max())
    chosen = places(len(stack))
    shown = tuple(square(mr_greys(stack[place], ends)).pixels for place in chosen)
    return Seen(shown, tuple(chosen), len(stack), volume.notes)


def _along_slices(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Turn (x, y, z) so that slices come first, upright as a viewer shows them."""
    shortest = int(np.argmin(array.shape))
    plain = _SHORTER * array.shape[shortest] < sorted(array.shape)[1]
    axis = shortest if plain else 2
    # Axial: front up, the patient's right on the left. Coronal and sagittal: head up.
    turned = array[::-1, ::-1, ::-1].transpose(axis, *(one for one in (2, 1, 0) if one != axis))
    return np.asarray(turned)


def _check_hounsfield(values: NDArray[np.generic]) -> None:
    """Any CT has air or fat below water, and something near it."""
    low, high = float(values.min()), float(values.max())
    if low > -20 or high < -200 or high - low < 100:
        raise MislabelledFile(
            "The values are not Hounsfield units: a CT has tissue near 0 and fat or air below."
        )
