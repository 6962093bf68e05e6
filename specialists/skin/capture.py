"""Tells dermoscopy from a plain photograph by what the two ways of taking a picture leave in it.

A dermatoscope touches the skin, or crosses polarisers, under its own white light: there is little
glint or relief, light falls evenly and colour noise is low. A telephone sees glints, shadows and
the light of the room.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from specialists.skin.preprocess import preprocess

__all__ = ["CLIP", "FEATURES", "describe", "standardise"]

Floats = NDArray[np.float64]

FEATURES = (
    "redness of the surroundings",
    "yellowness of the surroundings",
    "colour noise",
    "peakedness of fine relief",
    "slope of the light",
    "glint of coarse relief",
)
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
CLIP = 4.0
"""Deviations beyond which a feature counts no more."""


def to_lab(picture: NDArray[np.uint8]) -> Floats:
    """Convert sRGB (..., 3) to CIE L*a*b* under D65.

    Source: IEC 61966-2-1 and CIE 15.
    """
    share = picture.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = linear @ TO_XYZ.T / TO_XYZ.sum(axis=1)
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def describe(picture: NDArray[np.uint8]) -> Floats:
    """Measure a picture.

    Args:
        picture: Shape (rows, columns, 3), sRGB, any size.

    Returns:
        Shape (len(FEATURES),).
    """
    from scipy.ndimage import uniform_filter

    lab = to_lab(preprocess(picture))
    smooth = {1: lab} | {
        width: uniform_filter(lab, (width, width, 0), mode="nearest") for width in (3, 5, 9, 33)
    }
    fine, coarse = smooth[3] - smooth[5], smooth[5] - smooth[9]
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in lab.shape[:2]), indexing="ij")
    ring = (np.maximum(abs(y), abs(x)) > 0.7) & (np.hypot(y, x) < 1.1)
    light = smooth[33][..., 0]
    slope = np.hypot((light * x).mean() / (x * x).mean(), (light * y).mean() / (y * y).mean())
    return np.array(
        [
            np.median(lab[ring, 1]),
            np.median(lab[ring, 2]),
            np.log(fine[..., 1:].std() + 0.05),
            np.log(_moment(fine[..., 0], 4)),
            slope,
            _moment(coarse[..., 0], 3),
        ]
    )


def _moment(values: Floats, order: int) -> float:
    """Return the standardised moment about zero; 1 and 0 for nothing at all."""
    power = float((values**2).mean())
    if power < 1e-9:
        return float(order % 2 == 0)
    return float((values**order).mean() / power ** (order / 2))


def standardise(features: Floats, centre: Floats, spread: Floats) -> Floats:
    """Centre and scale features (..., features), and hold what is far out."""
    return np.asarray(np.clip((features - centre) / spread, -CLIP, CLIP))
