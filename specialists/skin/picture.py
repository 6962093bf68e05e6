"""The picture with the places that speak for the likeliest diagnosis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from specialists.base import Picture
from specialists.pictures import Layout, beside, png

__all__ = ["TITLE", "draw"]

TITLE = "Skin lesion with what speaks for the likeliest diagnosis"
LONGER_SIDE = 480
COOL = np.array([30.0, 200.0, 255.0])
OPACITY = 0.55
INK = (232, 234, 237)
GROUND = (14, 16, 20)
GAP, LINE = 8, 24


def draw(picture: NDArray[np.uint8], evidence: NDArray[np.float32], lines: list[str]) -> Picture:
    """Draw a picture beside itself with its evidence map.

    Args:
        picture: Shape (rows, columns, 3), sRGB.
        evidence: Shape (rows, columns), 0 to 1.
        lines: What stands below, in short lines.

    Returns:
        A PNG of less than 700 KB: the picture, and the same with the map in blue, a colour that
        skin does not have.
    """
    image = Image.fromarray(picture)
    scale = LONGER_SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    plain = np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.float32)
    heat = np.asarray(Image.fromarray(evidence).resize(size, Image.Resampling.BILINEAR))
    share = (heat * OPACITY)[..., None]
    marked = plain * (1 - share) + COOL * share
    both = np.concatenate([plain, np.zeros((size[1], GAP, 3)), marked], axis=1)
    canvas = Image.new("RGB", (both.shape[1], size[1] + LINE * len(lines) + 16), GROUND)
    canvas.paste(Image.fromarray(np.rint(both).clip(0, 255).astype(np.uint8)), (0, 0))
    pen = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        pen.text((10, size[1] + 8 + LINE * number), line, INK, ImageFont.load_default(15))
    panels = beside(*size, GAP, ("Photograph", "With the evidence"))
    return Picture(TITLE, png(canvas, Layout(panels, note=" ".join(lines))))
