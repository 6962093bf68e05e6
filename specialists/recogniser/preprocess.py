"""From any picture to the recogniser's input; shared by training and inference."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

SIZE = 96
WIDEST = 2.0


def squarer(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pad a very long picture, (rows, columns, 3), to sides of 2 to 1 in its border's colour."""
    rows, columns = picture.shape[:2]
    wanted = int(-(-max(rows, columns) // WIDEST))
    more = (max(0, wanted - rows), max(0, wanted - columns))
    if not any(more):
        return picture
    edges = (picture[[0, -1]].reshape(-1, 3), picture[:, [0, -1]].reshape(-1, 3))
    canvas = np.empty((rows + more[0], columns + more[1], 3), np.uint8)
    canvas[:] = np.median(np.concatenate(edges), axis=0).astype(np.uint8)
    top, left = more[0] // 2, more[1] // 2
    canvas[top : top + rows, left : left + columns] = picture
    return canvas


def shrink(picture: ArrayLike, size: int = SIZE) -> NDArray[np.uint8]:
    """Stretch a picture to a square, after padding it where one side is over twice the other.

    Args:
        picture: Shape (rows, columns, 3), uint8 sRGB; grey images with three equal channels.
        size: Rows and columns of the result.

    Returns:
        Shape (size, size, 3).

    Raises:
        ValueError: If the shape or type is another, or a side is below 8 pixels.
    """
    array = np.asarray(picture)
    if (
        array.ndim != 3
        or array.shape[2] != 3
        or array.dtype != np.uint8
        or min(array.shape[:2]) < 8
    ):
        raise ValueError("a picture must be uint8 (rows, columns, 3) of at least 8 x 8 pixels")
    image = Image.fromarray(np.ascontiguousarray(squarer(array)))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3))


def scale(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Map 0..255 to about -2..2, the network's range; any shape."""
    return np.asarray((pictures.astype(np.float32) / 255 - 0.5) * 4, np.float32)


def preprocess(picture: ArrayLike, size: int = SIZE) -> NDArray[np.float32]:
    """Prepare one picture.

    Args:
        picture: Shape (rows, columns, 3), uint8 sRGB, any aspect.
        size: Rows and columns of the network's input.

    Returns:
        Shape (3, size, size), -2 to 2.

    Raises:
        ValueError: As `shrink`.
    """
    return np.ascontiguousarray(scale(shrink(picture, size)).transpose(2, 0, 1))
