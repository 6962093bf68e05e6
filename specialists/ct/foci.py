"""Small dense things in soft tissue, found without a label volume of the whole scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Foci", "group", "noise_hu"]


@dataclass(frozen=True)
class Foci:
    """Dense foci away from bone."""

    above_hu: float
    least_mm3: float
    """Smaller ones were left out."""
    volumes_mm3: tuple[float, ...]
    """Largest first."""
    voxels: int


def group(
    indices: NDArray[np.int64],
    shape: tuple[int, ...],
    voxel_mm3: float,
    least_mm3: float,
    above_hu: float,
) -> Foci:
    """Join voxels that touch, corners included.

    Args:
        indices: Flat (C order) indices of dense voxels, any order.
        shape: Of the volume (x, y, z).
        voxel_mm3: Volume of a voxel.
        least_mm3: Foci below this, or of a single voxel, are left out.
        above_hu: The threshold that the voxels were found with.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    least = max(least_mm3, 2 * voxel_mm3)
    if indices.size == 0:
        return Foci(above_hu, least, (), 0)
    order = np.sort(indices)
    rows, columns = _neighbours(order, shape)
    count = order.size
    graph = coo_array((np.ones(rows.size, np.int8), (rows, columns)), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    sizes = np.bincount(labels)
    kept = np.sort(sizes[sizes * voxel_mm3 >= least - 1e-9])[::-1]
    volumes = tuple(float(size * voxel_mm3) for size in kept)
    return Foci(above_hu, least, volumes, int(kept.sum()))


def noise_hu(hu: NDArray[Any]) -> float:
    """Noise of soft tissue in the middle slice: spread of the steps between neighbours.

    Args:
        hu: Shape (x, y, z).
    """
    plane = hu[:, :, hu.shape[2] // 2].astype(np.float32)
    soft = (plane > -29) & (plane < 150)
    steps = (plane[1:] - plane[:-1])[soft[1:] & soft[:-1]]
    if steps.size < 100:
        return 0.0
    return float(np.median(np.abs(steps))) * 1.4826 / float(np.sqrt(2.0))


def _neighbours(
    order: NDArray[np.int64], shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of positions in `order` whose voxels touch."""
    place = np.stack(np.unravel_index(order, shape))
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    steps = [(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]
    for step in steps[14:]:
        moved = place + np.array(step)[:, None]
        inside = ((moved >= 0) & (moved < np.array(shape)[:, None])).all(axis=0)
        target = np.ravel_multi_index(tuple(moved[:, inside]), shape)
        found = np.searchsorted(order, target)
        found = np.minimum(found, order.size - 1)
        hit = order[found] == target
        pairs.append((np.flatnonzero(inside)[hit], found[hit]))
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
