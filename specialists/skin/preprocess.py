"""From a picture to what the skin network takes.

Training and inference share this file, so that they can't drift apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["SIZE", "content", "preprocess"]

SIZE = 160
LONGEST = 4 / 3
"""Greatest ratio of the sides that is kept."""


def content(rows: int, columns: int) -> tuple[slice, slice]:
    """Return the middle rows and columns, with sides of at most 4 : 3."""
    tall, wide = min(rows, int(columns * LONGEST + 0.5)), min(columns, int(rows * LONGEST + 0.5))
    top, left = (rows - tall) // 2, (columns - wide) // 2
    return slice(top, top + tall), slice(left, left + wide)


def preprocess(picture: NDArray[np.uint8], size: int = SIZE) -> NDArray[np.uint8]:
    """Cut to at most 4 : 3 and stretch to a square: the training pictures exist only so.

    Args:
        picture: Shape (rows, columns, 3), sRGB.
        size: Rows and columns of the result.

    Returns:
        Shape (size, size, 3), sRGB.
    """
    rows, columns = content(*picture.shape[:2])
    inside = picture[rows, columns]
    if inside.shape[:2] == (size, size):
        return np.ascontiguousarray(inside)
    square = Image.fromarray(inside).resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(square)
