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


def _resized(cells: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    coarse = Image.fromarray(cells).resize((SMOOTH, SMOOTH), Image.Resampling.BOX)
    return np.array(coarse.resize(size, Image.Resampling.BICUBIC), np.float32)
