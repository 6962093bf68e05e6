"""Patches of a whole slide: 896 pixels, at 5x, 10x or 20x, in the order of the slide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.base import Source
from specialists.errors import NotAccepted
from specialists.readers.slide import Slide, read_slide

__all__ = ["MOST", "Tissue", "patches"]

MOST = 126
EDGE = 896
UM_PER_PX = {20: 0.5, 10: 1.0, 5: 2.0}
"""Micrometres a pixel by magnification, the finest first."""


@dataclass(frozen=True)
class Tissue:
    """What of a slide is shown."""

    slide: Slide
    magnification: int
    notes: tuple[str, ...]

    @property
    def pictures(self) -> tuple[NDArray[np.uint8], ...]:
        """Each (896, 896, 3)."""
        return tuple(self.slide.tiles)


def patches(source: Source, most: int = MOST, seed: int = 0) -> Tissue:
    """Take the finest magnification at which all tissue fits, else a sample at the coarsest.

    Args:
        source: A slide.
        most: Patches, never more than 126.
        seed: Of the sample, which keeps the slide's order.

    Raises:
        NotAccepted: If there is no tissue, or the slide is too coarse for 5x.
    """
    most = min(most, MOST)
    chosen = _magnification(source, most)
    um = UM_PER_PX[chosen]
    slide = read_slide(
        source.paths, field_um=um * EDGE, size=EDGE, most=most, seed=seed, series=source.series
    )
    if slide.too_coarse:
        raise NotAccepted("The slide is too coarse: MedGemma reads tissue at 5x or finer.")
    if not len(slide.tiles):
        raise NotAccepted("No patch of the slide is mostly tissue.")
    told = f"{len(slide.tiles)} of {slide.places} patches with tissue were shown, at {chosen}x."
    stain = (f"The header names another stain than H&E: {slide.stain}.",) if slide.stain else ()
    return Tissue(slide, chosen, (told, *stain, *slide.notes))


def _magnification(source: Source, most: int) -> int:
    for chosen, um in UM_PER_PX.items():
        seen = read_slide(source.paths, field_um=um * EDGE, size=EDGE, most=0, series=source.series)
        if not seen.too_coarse and 0 < seen.places <= most:
            return chosen
    return min(UM_PER_PX)
