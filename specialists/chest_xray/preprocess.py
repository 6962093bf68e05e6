"""From a chest film of any size and aspect to the reference network's input.

Training and inference share this file, so that they can't drift apart.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

SIZE = 192
MAXIMUM_CROP = 0.2


def _border(flat: NDArray[np.bool_]) -> int:
    """Return how many leading rows are flat, at most `MAXIMUM_CROP` of them."""
    limit = int(len(flat) * MAXIMUM_CROP)
    run = int(np.argmin(flat)) if not flat.all() else 0
    return min(run, limit)


def _edges(film: NDArray[np.float32]) -> tuple[int, int]:
    """Return the first row of the content and the row after its last."""
    low, high = np.percentile(film, (5, 95), axis=1)
    flat = (high - low < 0.06) & ((high < 0.1) | (low > 0.9))
    return _border(flat), len(film) - _border(flat[::-1])


def content(film: NDArray[np.float32]) -> tuple[slice, slice]:
    """Find the film within the even black or white border of a collimator or scanner.

    Args:
        film: Shape (rows, columns), 0 to 1.

    Returns:
        Rows and columns to keep; at most a fifth is left out at each side.
    """
    rows = slice(*_edges(film))
    return rows, slice(*_edges(film[rows].T))


def normalise(film: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stretch the 1st to 99th percentile to 0..1, then centre.

    Args:
        film: Shape (rows, columns), any linear scale.

    Returns:
        Same shape, zero mean and unit deviation; zeros for an even image.
    """
    low, high = np.percentile(film, (1, 99))
    clipped = np.clip((film - low) / max(float(high - low), 1e-6), 0, 1)
    return np.asarray((clipped - clipped.mean()) / max(float(clipped.std()), 1e-3), np.float32)


def resize(film: NDArray[np.float32], size: int = SIZE) -> NDArray[np.float32]:
    """Stretch to a square: the paediatric training films exist only so.

    Args:
        film: Shape (rows, columns).
        size: Rows and columns of the result.
    """
    image = Image.fromarray(np.ascontiguousarray(film, dtype=np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def darkness(film: ArrayLike) -> float:
    """Return how bright the darkest fifth of the film's middle is at most, 0 to 1.

    Args:
        film: Shape (rows, columns), as `preprocess` takes it: as stored, before any stretching.
    """
    array = np.asarray(film, dtype=np.float32)
    inside = array[content(array)]
    rows, columns = inside.shape
    middle = inside[rows // 5 : 4 * rows // 5, columns // 6 : 5 * columns // 6]
    return float(np.percentile(middle, 20))


def preprocess(film: ArrayLike, size: int = SIZE) -> NDArray[np.float32]:
    """Prepare one film.

    Args:
        film: Shape (rows, columns), 0 to 1, bright where dense (as MONOCHROME2 is shown), of
            any aspect.
        size: Rows and columns of the network's input.

    Returns:
        Shape (1, size, size), zero mean and unit deviation.

    Raises:
        ValueError: If `film` has no two axes of at least 16, or has values that are not finite.
    """
    array = np.asarray(film, dtype=np.float32)
    if array.ndim != 2 or min(array.shape) < 16:
        raise ValueError("a film must have two axes of at least 16 pixels")
    if not np.isfinite(array).all():
        raise ValueError("a film must have finite values only")
    return normalise(resize(array[content(array)], size))[None]
