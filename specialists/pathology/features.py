"""Colour, texture and nuclei of a histology tile as numbers: what the heads reason from.

Training and inference share this file, so that they can't drift apart.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy import ndimage

from specialists.measures import Floats

SIZE = 224

# Rows: haematoxylin, eosin, residual (Ruifrok and Johnston 2001).
STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
STAINS = STAINS / np.linalg.norm(STAINS, axis=1, keepdims=True)
UNMIXING = np.linalg.inv(STAINS)

_PERCENTILES = (5, 25, 50, 75, 95)
_SCALES = (1.0, 2.0, 4.0, 8.0)


def preprocess(tile: ArrayLike, size: int = SIZE) -> NDArray[np.uint8]:
    """Crop a tile to its central square and resample it.

    Args:
        tile: Shape (rows, columns, 3), uint8 sRGB.
        size: Rows and columns of the result.

    Returns:
        Shape (size, size, 3).

    Raises:
        ValueError: If the array is another shape or type, or a side is below 32 pixels.
    """
    array = np.asarray(tile)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise ValueError("a tile must be uint8 (rows, columns, 3)")
    side = min(array.shape[:2])
    if side < 32:
        raise ValueError("a tile must have at least 32 x 32 pixels")
    top, left = (array.shape[0] - side) // 2, (array.shape[1] - side) // 2
    square = np.ascontiguousarray(array[top : top + side, left : left + side])
    if side == size:
        return square
    return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BICUBIC))


def stains(tile: NDArray[np.uint8]) -> Floats:
    """Unmix into optical densities of haematoxylin, eosin and what is neither.

    Args:
        tile: Shape (rows, columns, 3), uint8 sRGB.

    Returns:
        Same shape; 0 where the glass is clear.

    Source: Ruifrok and Johnston 2001, Quantification of histochemical staining.
    """
    density = -np.log((tile.astype(np.float64) + 1) / 256)
    return np.asarray(density @ UNMIXING)


def describe(tile: NDArray[np.uint8]) -> Floats:
    """Describe a tile of `preprocess`; the same for every rotation by 90 degrees and mirroring.

    Returns:
        Shape (features,), float64.
    """
    unmixed = stains(tile)
    haematoxylin, eosin, residual = np.moveaxis(unmixed, -1, 0)
    density = -np.log((tile.mean(axis=2) + 1) / 256)
    values = tile.astype(np.float64)
    saturation = (values.max(axis=2) - values.min(axis=2)) / np.maximum(values.max(axis=2), 1)
    planes = (haematoxylin, eosin, residual, density, saturation)
    parts = [
        *(_spread(plane) for plane in planes),
        *(_bands(plane) for plane in (haematoxylin, eosin, density)),
        *(_patterns(plane, radius) for plane in (haematoxylin, density) for radius in (1, 2, 4)),
        _direction(density),
        _pieces(haematoxylin, _otsu(haematoxylin)),
        _pieces(haematoxylin, 0.35),
        _pieces(-density, -0.22),
        _correlations(planes),
    ]
    return np.asarray(np.nan_to_num(np.concatenate(parts)), np.float64)


# Keeps the correlation of an even plane defined.
_JITTER = np.random.default_rng(0).normal(0, 1e-6, (5, SIZE * SIZE))
_UPPER = np.triu_indices(5, 1)


def _correlations(planes: Sequence[Floats]) -> Floats:
    together = np.stack([plane.ravel() for plane in planes]) + _JITTER
    return np.asarray(np.asarray(np.corrcoef(together))[_UPPER])


def _spread(plane: Floats) -> Floats:
    deviation = plane.std()
    skewness = ((plane - plane.mean()) ** 3).mean() / max(deviation, 1e-6) ** 3
    return np.array([plane.mean(), deviation, skewness, *np.percentile(plane, _PERCENTILES)])


def _bands(plane: Floats) -> Floats:
    """Energy of differences of Gaussians from fine to coarse, and how much it varies in space."""
    blurred = [plane, *(ndimage.gaussian_filter(plane, scale) for scale in _SCALES)]
    told = []
    for fine, coarse in pairwise(blurred):
        band = fine - coarse
        energy = np.abs(band)
        cells = energy.reshape(8, SIZE // 8, 8, SIZE // 8).mean(axis=(1, 3))
        told += [
            np.log(energy.mean() + 1e-5),
            (band**3).mean() / max(float(band.std()), 1e-6) ** 3,
            (band**4).mean() / max(float(band.std()), 1e-6) ** 4,
            cells.std() / max(float(cells.mean()), 1e-6),
        ]
    told.append(np.log(blurred[-1].std() + 1e-5))
    return np.array(told)


def _patterns(plane: Floats, radius: int) -> Floats:
    """Histogram of rotation-invariant uniform local binary patterns.

    Source: Ojala, Pietikainen, Maenpaa 2002.
    """
    smooth = ndimage.gaussian_filter(plane, radius / 2)
    around = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
    inner = smooth[radius:-radius, radius:-radius]
    rows, columns = inner.shape
    bits = np.stack(
        [smooth[radius * (1 + y) :, radius * (1 + x) :][:rows, :columns] > inner for y, x in around]
    )
    changes = (bits != np.roll(bits, 1, axis=0)).sum(axis=0)
    codes = np.where(changes <= 2, bits.sum(axis=0), 9)
    return np.bincount(codes.ravel(), minlength=10) / codes.size


def _direction(plane: Floats) -> Floats:
    """How far structures run in one direction, from near to far (structure tensor)."""
    down, across = np.gradient(ndimage.gaussian_filter(plane, 1.5))
    told = []
    for scale in (3.0, 8.0, 20.0):
        yy, xx, xy = (
            ndimage.gaussian_filter(product, scale)
            for product in (down * down, across * across, down * across)
        )
        coherence = np.hypot(yy - xx, 2 * xy) / np.maximum(yy + xx, 1e-9)
        told += [coherence.mean(), coherence.std()]
    return np.array(told)


def _pieces(plane: Floats, limit: float) -> Floats:
    """Number, sizes and shapes of the connected places above a limit."""
    mask = ndimage.binary_opening(plane > limit, iterations=1)
    labels, count = ndimage.label(mask)
    if count == 0:
        return np.zeros(7)
    areas = np.bincount(labels.ravel())[1:].astype(np.float64)
    edge = mask & ~ndimage.binary_erosion(mask)
    depth = ndimage.distance_transform_edt(mask)
    return np.array(
        [
            mask.mean(),
            np.log1p(count),
            np.log1p(areas.mean()),
            np.log1p(areas.max()),
            np.log1p(areas.std()),
            edge.sum() / mask.sum(),
            np.log1p(depth.max()),
        ]
    )


def _otsu(plane: Floats) -> float:
    """The limit that separates two groups of values best.

    Source: Otsu 1979.
    """
    counts, edges = np.histogram(plane, 128)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(middles[np.argmax(np.nan_to_num(between))])
