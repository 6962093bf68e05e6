"""Pictures as an encoder wants them, equal to the transforms of torchvision that the cards name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from specialists.encoders.table import Encoder

__all__ = ["cut", "prepared"]

Picture = NDArray[np.uint8]


def prepared(encoder: Encoder, pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """Resize, cut and normalise pictures (rows, columns, 3) of any size: (n, 3, side, side)."""
    square = np.stack([cut(encoder, picture) for picture in pictures])
    mean = np.asarray(encoder.normal.mean, np.float32)
    std = np.asarray(encoder.normal.std, np.float32)
    scaled = (square.astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)


def cut(encoder: Encoder, picture: Picture) -> Picture:
    """Make a picture the encoder's square: its shorter side is resized, its centre cut out."""
    side = encoder.pixels
    if picture.shape[:2] == (side, side):
        return picture
    if encoder.stretched:
        from specialists.siglip.pixels import resize

        return resize(picture, side)
    resized = _resized(picture, encoder.shorter or side, encoder.interpolation)
    top, left = (round((length - side) / 2.0) for length in resized.shape[:2])
    return resized[top : top + side, left : left + side]


def _resized(picture: Picture, shorter: int, interpolation: str) -> Picture:
    from PIL import Image

    rows, columns = picture.shape[:2]
    if rows <= columns:
        size = (int(shorter * columns / rows), shorter)
    else:
        size = (shorter, int(shorter * rows / columns))
    if size == (columns, rows):
        return picture
    way = Image.Resampling[interpolation.upper()]
    return np.asarray(Image.fromarray(picture).resize(size, way))
