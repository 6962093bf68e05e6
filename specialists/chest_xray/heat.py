"""Lays what the model's parts found where over the film."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

INSIDE = 0.05
"""Share of the film at each side that the texture models don't see."""
SMOOTH = 12
"""Cells a side to which both maps are brought: finer detail would not be meant."""


def laid(
    seen: NDArray[np.float32], felt: NDArray[np.float32], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Add both maps.

    Args:
        seen: The network's, over the whole film.
        felt: The texture models', over the film without its rim.
        size: Columns and rows of the film.

    Returns:
        Shape (rows, columns): log odds that a place adds, times the number of places.
    """
    columns, rows = size
    rim = round(columns * INSIDE), round(rows * INSIDE)
    result = _resized(seen, size)
    inner = _resized(felt, (columns - 2 * rim[0], rows - 2 * rim[1]))
    result[rim[1] : rows - rim[1], rim[0] : columns - rim[0]] += inner
    return result


def spread(
    near: NDArray[np.float32], box: tuple[float, float, float, float], side: int
) -> NDArray[np.float32]:
    """Lay a close-up's map over the film without its rim, keeping the mean.

    Args:
        near: Shape (FINE, FINE), over the close-up without its rim.
        box: Left, top, right and bottom of the close-up, as shares of the film.
        side: Rows and columns of the result.
    """
    left, top, right, bottom = box
    inner = [
        (place + INSIDE * (high - low) * sign - INSIDE) / (1 - 2 * INSIDE) * side
        for place, low, high, sign in (
            *((left, left, right, 1), (top, top, bottom, 1)),
            *((right, left, right, -1), (bottom, top, bottom, -1)),
        )
    ]
    first_x, first_y, last_x, last_y = (min(side, max(0, round(place))) for place in inner)
    size = max(1, last_x - first_x), max(1, last_y - first_y)
    result = np.zeros((side, side), np.float32)
    part = np.asarray(Image.fromarray(near).resize(size, Image.Resampling.BOX))
    part = part[: side - first_y, : side - first_x]
    result[first_y : first_y + len(part), first_x : first_x + part.shape[1]] = part
    return result * np.float32(side * side / part.size)


def _resized(cells: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    coarse = Image.fromarray(cells).resize((SMOOTH, SMOOTH), Image.Resampling.BOX)
    return np.array(coarse.resize(size, Image.Resampling.BICUBIC), np.float32)
