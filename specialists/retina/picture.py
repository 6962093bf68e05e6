"""The photograph beside a map of the spots that the grade rests on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from specialists.base import Picture
from specialists.pictures import Layout, beside, png
from specialists.retina.lesions import Maps, components
from specialists.retina.preprocess import Booleans, Floats, Fundus

__all__ = ["Spots", "draw", "find_spots"]

RED_LEVEL, BRIGHT_LEVEL = 0.09, 0.12
LEAST_AREA = 3
RED_INK, BRIGHT_INK, MARK_INK = (60, 220, 255), (90, 255, 90), (255, 255, 255)
INK = (232, 234, 237)
GROUND = (14, 16, 20)
FOOTER = 66


class Spots(NamedTuple):
    """Masks of candidates, of shape (rows, WIDTH), and how many there are."""

    red: Booleans
    bright: Booleans
    red_count: int
    bright_count: int


def _kept(values: Floats, level: float) -> tuple[Booleans, int]:
    labels, count = components(values > level)
    large = np.bincount(labels.ravel(), minlength=count + 1) >= LEAST_AREA
    large[0] = False
    return np.asarray(large[labels]), int(large.sum())


def find_spots(maps: Maps) -> Spots:
    """Choose the candidates that are strong enough to be shown."""
    red, red_count = _kept(maps.red, RED_LEVEL)
    bright, bright_count = _kept(maps.bright, BRIGHT_LEVEL)
    return Spots(red, bright, red_count, bright_count)


def _outlined(rgb: NDArray[np.uint8], mask: Booleans, ink: tuple[int, int, int]) -> None:
    """Draw a line about the parts of a mask."""
    from scipy.ndimage import binary_dilation

    near = binary_dilation(mask, iterations=2)
    rgb[binary_dilation(near) & ~near] = ink


def draw(fundus: Fundus, maps: Maps, spots: Spots, caption: str) -> Picture:
    """Draw the lesion map.

    Args:
        fundus: The prepared photograph.
        maps: Its candidate maps.
        spots: What is outlined.
        caption: A line to stand under the picture.

    Returns:
        A PNG: the photograph, and beside it the same with dark red spots outlined in blue,
        bright spots in green, the optic disc and the macula marked.
    """
    marked = fundus.rgb.copy()
    _outlined(marked, spots.red, RED_INK)
    _outlined(marked, spots.bright, BRIGHT_INK)
    gap = np.zeros((len(marked), 8, 3), np.uint8)
    both = Image.fromarray(np.concatenate([fundus.rgb, gap, marked], axis=1))
    canvas = Image.new("RGB", (both.width, both.height + FOOTER), GROUND)
    canvas.paste(both, (0, 0))
    pen = ImageDraw.Draw(canvas)
    shift = fundus.rgb.shape[1] + 8
    for (row, column), name in zip(
        (maps.landmarks.disc, maps.landmarks.macula), ("disc", "macula"), strict=True
    ):
        x, y = column + shift, row
        pen.ellipse((x - 5, y - 5, x + 5, y + 5), outline=MARK_INK)
        pen.text((x + 8, y - 8), name, MARK_INK, ImageFont.load_default(13))
    key = (
        f"Blue: {spots.red_count} dark red spots. Green: {spots.bright_count} bright spots. "
        "Candidates found by contrast, not confirmed lesions."
    )
    for line, words in enumerate((caption, key)):
        pen.text((12, both.height + 10 + 26 * line), words, INK, ImageFont.load_default(16))
    rows, columns = fundus.rgb.shape[:2]
    panels = beside(columns, rows, 8, ("Photograph", "With candidate lesions"))
    layout = Layout(panels, note=f"{caption} {key}")
    return Picture("Fundus photograph with candidate lesions outlined", png(canvas, layout))
