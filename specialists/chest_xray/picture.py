"""The film with the places that the model's decision rests on."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from specialists.base import Picture

__all__ = ["draw"]

LONGER_SIDE = 900
WARM = np.array([255.0, 120.0, 40.0])
OPACITY = 0.45
INK = (232, 234, 237)
GROUND = (14, 16, 20)
FOOTER = 46


def draw(film: NDArray[np.float32], evidence: NDArray[np.float32], caption: str) -> Picture:
    """Draw a film with its evidence map.

    Args:
        film: Shape (rows, columns), 0 to 1, bright where dense.
        evidence: Same shape, 0 to 1.
        caption: A line to stand under the film.

    Returns:
        A PNG: the film beside the same film with the map in orange.
    """
    grey, heat = _shrunk(film), _shrunk(evidence)
    plain = np.repeat(grey[..., None] * 255, 3, axis=2)
    share = (heat * OPACITY)[..., None]
    marked = plain * (1 - share) + WARM * share
    both = np.concatenate([plain, np.zeros((len(grey), 8, 3)), marked], axis=1)
    canvas = Image.new("RGB", (both.shape[1], both.shape[0] + FOOTER), GROUND)
    canvas.paste(Image.fromarray(np.rint(both).astype(np.uint8)), (0, 0))
    pen = ImageDraw.Draw(canvas)
    pen.text((12, both.shape[0] + 12), caption, INK, ImageFont.load_default(17))
    buffer = BytesIO()
    canvas.save(buffer, "PNG", compress_level=4)
    return Picture("Chest film with what the decision rests on", buffer.getvalue())


def _shrunk(values: NDArray[np.float32]) -> NDArray[np.float32]:
    scale = LONGER_SIDE / 1.6 / max(values.shape)
    size = (max(1, round(values.shape[1] * scale)), max(1, round(values.shape[0] * scale)))
    small = Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return np.asarray(small, np.float32).clip(0, 1)
