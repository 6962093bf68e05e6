"""From pictures to the squares that MedGemma sees, and from its boxes back to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import InvalidInput
from specialists.schema import Box

__all__ = ["WHOLE", "Square", "eight_bits", "square"]

Pixels = NDArray[np.uint8]

WHOLE = 1000
"""MedGemma's boxes go from 0 to this along either edge of the square."""


@dataclass(frozen=True)
class Square:
    """A picture with zeros beside it, as many as make it square."""

    pixels: Pixels
    """Shape (edge, edge, 3), sRGB. The processor scales it to its own size (896)."""
    top: int
    """Rows of zeros above the picture."""
    left: int
    rows: int
    """Of the picture itself."""
    columns: int

    @property
    def edge(self) -> int:
        """Rows and columns of the square."""
        return int(self.pixels.shape[0])

    def box(self, corners: Sequence[float]) -> Box | None:
        """Turn a box of the square into pixels of the picture.

        Args:
            corners: y0, x0, y1, x1, 0 to 1000 of the square's edge; in any order of the two.

        Returns:
            The part of it that lies on the picture; None where none does.
        """
        y0, x0, y1, x1 = (value * self.edge / WHOLE for value in corners)
        top, bottom = sorted((y0 - self.top, y1 - self.top))
        left, right = sorted((x0 - self.left, x1 - self.left))
        top, bottom = max(top, 0.0), min(bottom, float(self.rows))
        left, right = max(left, 0.0), min(right, float(self.columns))
        if bottom <= top or right <= left:
            return None
        return Box(
            left=round(left, 1), top=round(top, 1), right=round(right, 1), bottom=round(bottom, 1)
        )


def square(picture: NDArray[Any]) -> Square:
    """Pad a picture with zeros to a square: half of them on either side, the odd one last.

    Args:
        picture: Shape (rows, columns), (rows, columns, 1), (…, 3) or (…, 4), uint8. What is
            transparent becomes black, as the zeros beside it are.

    Raises:
        InvalidInput: If it is of another shape or type.
    """
    rgb = _three(picture)
    rows, columns = rgb.shape[:2]
    edge = max(rows, columns)
    top, left = (edge - rows) // 2, (edge - columns) // 2
    padded = np.zeros((edge, edge, 3), np.uint8)
    padded[top : top + rows, left : left + columns] = rgb
    return Square(padded, top, left, rows, columns)


def _three(picture: NDArray[Any]) -> Pixels:
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or 0 in picture.shape:
        raise InvalidInput("A picture is 8-bit grey, RGB or RGBA, and not empty.")
    if picture.ndim == 2:
        picture = picture[..., None]
    bands = picture.shape[2]
    if bands == 1:
        return np.repeat(picture, 3, axis=2)
    if bands == 4:
        opacity = picture[..., 3:].astype(np.uint16)
        return ((picture[..., :3] * opacity + 127) // 255).astype(np.uint8)
    if bands != 3:
        raise InvalidInput("A picture has one, three or four samples a pixel.")
    return picture


def eight_bits(brightness: NDArray[np.float32]) -> Pixels:
    """Turn a film's brightness, 0 to 1 over its full bit depth, into 0 to 255, rounded."""
    return np.rint(np.clip(brightness, 0, 1) * 255).astype(np.uint8)
