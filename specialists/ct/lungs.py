"""Left and right lung, and the gas in the body that is not lung.

Gas in bowel, stomach and airways has the density of air; a lung at the same size of voxel has
not. What is as thin as air and, within its axial slice, surrounded by tissue is therefore not
lung. The rest of the air in the body is lung where it is large, or reaches the top of the scan
(a lung that the scan cuts is cut from above by its top, or is the upper part), or touches such
a part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.ct.morphology import (
    Labels,
    Mask,
    Spacing,
    closed,
    components,
    filled,
    grown,
    shrunk,
    sizes,
)

__all__ = ["LUNG_HU", "Lungs", "air_level", "find_lungs"]

LUNG_HU = -400.0
"""Below: air, or lung. Half way between inflated lung and soft tissue."""
PURE_MARGIN_HU = 60.0
"""As thin as air: not more than this above the scan's own air."""
TISSUE_SHARE = 0.62
LEAST_LUNG_CM3 = 3.0
WHOLE_SHARE = 0.08
"""Of the body's section, over the height of a whole lung."""
VESSEL_MM = 6.0


@dataclass(frozen=True)
class Lungs:
    """Masks on the working grid; `gas` is all air in the body that is not lung."""

    right: Mask
    left: Mask
    airway: Mask
    gas: Mask
    split_by_plane: bool = False
    """The lungs touched so widely that the body's middle plane had to part them."""


def air_level(hu: NDArray[np.float32], body: Mask) -> float:
    """The HU of air in this scan, from around the body; -1000 where none is seen."""
    around = hu[~body & (hu > -1100) & (hu < -900)]
    if around.size < 100:
        return -1000.0
    return float(np.clip(np.median(around), -1030.0, -960.0))


def find_lungs(hu: NDArray[np.float32], body: Mask, spacing_mm: Spacing) -> Lungs:
    """Find lungs and other gas.

    Args:
        hu: Shape (x, y, z), on the working grid.
        body: The body, filled.
        spacing_mm: Of that grid.
    """
    air = body & (hu < LUNG_HU)
    pure = _enclosed_gas(hu, air, air_level(hu, body), spacing_mm)
    rim = grown(pure, max(2.0, min(spacing_mm[:2])), spacing_mm) & air
    found = _lung_parts(hu, air & ~rim, body, spacing_mm)
    whole = closed(found, VESSEL_MM, spacing_mm, planar=True)
    whole = filled(whole) & body & ~pure
    gas = air & ~whole
    middle = _middle(body)
    right, left, by_plane = _sides(whole, middle, spacing_mm)
    return Lungs(right, left, _airway(gas, right, left, spacing_mm), gas, by_plane)


def _enclosed_gas(hu: NDArray[np.float32], air: Mask, air_hu: float, spacing_mm: Spacing) -> Mask:
    """Gas of air's own density that tissue surrounds."""
    pure = air & (hu < air_hu + PURE_MARGIN_HU)
    labels, count = components(pure, planar=True)
    if count == 0:
        return pure
    share = _tissue_share(hu, labels, count, spacing_mm)
    enclosed: Mask = (share > TISSUE_SHARE)[labels] & pure
    return _by_majority(pure, enclosed)


def _tissue_share(
    hu: NDArray[np.float32], labels: Labels, count: int, spacing_mm: Spacing
) -> NDArray[np.float64]:
    """How much of each component's surroundings in its slice is tissue.

    The voxels that touch it are left out: they hold both.
    """
    from scipy import ndimage

    near = [max(1, round(2.0 / size)) for size in spacing_mm[:2]]
    inner = ndimage.maximum_filter(labels, size=[2 * n + 1 for n in near] + [1])
    ring = ndimage.maximum_filter(labels, size=[2 * n + 3 for n in near] + [1])
    ring[inner > 0] = 0
    around = np.bincount(ring.ravel(), minlength=count + 1)
    tissue = np.bincount(ring[hu > LUNG_HU], minlength=count + 1)
    share: NDArray[np.float64] = tissue / np.maximum(around, 1)
    share[0] = 0.0
    return share


def _by_majority(pure: Mask, enclosed: Mask) -> Mask:
    """A pocket of which most is enclosed is enclosed as a whole."""
    labels, count = components(pure)
    counts = np.maximum(sizes(labels, count), 1)
    most = np.bincount(labels[enclosed], minlength=count + 1) > 0.7 * counts
    most[0] = False
    result: Mask = most[labels] | enclosed
    return result


def _lung_parts(hu: NDArray[np.float32], air: Mask, body: Mask, spacing_mm: Spacing) -> Mask:
    labels, count = components(air)
    if count == 0:
        return air
    voxel_cm3 = float(np.prod(spacing_mm)) / 1000.0
    cm3 = sizes(labels, count) * voxel_cm3
    likely = _like_lung(hu, labels, count, spacing_mm)
    least = LEAST_LUNG_CM3 if air.shape[2] > 1 else 0.4 * LEAST_LUNG_CM3
    sure = likely & (cm3 >= least) & _wide(labels, count, body)
    sure[0] = False
    near = grown(sure[labels], 10.0, spacing_mm)
    beside = np.bincount(labels[near], minlength=count + 1) > 0
    keep = sure | (likely & beside & (cm3 >= 0.1))
    keep[0] = False
    result: Mask = keep[labels]
    return result


def _wide(labels: Labels, count: int, body: Mask) -> NDArray[np.bool_]:
    """Takes much of the body's section over its height, or is still wide at the top of the scan."""
    from scipy import ndimage

    result = np.zeros(count + 1, bool)
    across = body.sum(axis=(0, 1))
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        area = (labels[box] == label).sum(axis=(0, 1))
        reaches_top = box[2].stop >= labels.shape[2] - 1
        cut = reaches_top and area[-2:].max() >= 0.4 * area.max()
        whole = area.sum() >= WHOLE_SHARE * across[box[2]].sum() and len(area) > 1
        result[label] = cut or whole
    return result


def _like_lung(
    hu: NDArray[np.float32], labels: Labels, count: int, spacing_mm: Spacing
) -> NDArray[np.bool_]:
    """Neither as thin as air nor as dense as stool, and not a cell in bone."""
    from scipy import ndimage

    index = np.arange(1, count + 1)
    inside = shrunk(labels > 0, min(spacing_mm[:2]), spacing_mm, planar=True)
    core = np.where(inside, labels, 0)
    has_core = np.bincount(core.ravel(), minlength=count + 1)[1:] > 0
    median = np.asarray(ndimage.median(hu, np.asarray(core), index), np.float64)
    overall = np.asarray(ndimage.median(hu, labels, index), np.float64)
    value = np.where(has_core, median, overall)
    spread = ndimage.maximum_filter(labels, size=5)
    spread[labels > 0] = 0
    around = np.bincount(spread.ravel(), minlength=count + 1)[1:]
    bony = np.bincount(spread[hu > 250], minlength=count + 1)[1:]
    result = np.zeros(count + 1, bool)
    result[1:] = (value < -500) & (bony < 0.3 * np.maximum(around, 1))
    return result


def _middle(body: Mask) -> NDArray[np.float64]:
    """The body's middle along x (index) in each slice."""
    from scipy import ndimage

    index = np.arange(body.shape[0])[:, None]
    area = body.sum(axis=1)
    filled_slices = np.maximum(area.sum(axis=0), 1)
    middle = (area * index).sum(axis=0) / filled_slices
    middle[area.sum(axis=0) == 0] = (body.shape[0] - 1) / 2
    result: NDArray[np.float64] = ndimage.uniform_filter1d(middle, min(15, len(middle)))
    return result


def _sides(
    lungs: Mask, middle: NDArray[np.float64], spacing_mm: Spacing
) -> tuple[Mask, Mask, bool]:
    """Part the lungs: x grows to the patient's right."""
    to_right = np.arange(lungs.shape[0])[:, None, None] > middle[None, None, :]
    to_right = np.broadcast_to(to_right, lungs.shape)
    for radius in (0.0, 2.0, 4.0, 6.0, 9.0, 12.0):
        core = shrunk(lungs, radius, spacing_mm) if radius else lungs
        right, left, crossing = _seeds(core, to_right)
        if crossing == 0:
            return *_regrown(lungs, right, left, to_right, spacing_mm), False
    return lungs & to_right, lungs & ~to_right, True


def _seeds(core: Mask, to_right: Mask) -> tuple[Mask, Mask, int]:
    """Give each component the side that it lies on; count those that lie on both."""
    labels, count = components(core)
    counts = np.maximum(sizes(labels, count), 1)
    share = np.bincount(labels[core & to_right], minlength=count + 1) / counts
    large = counts > 0.02 * counts.sum()
    crossing = int(((share > 0.12) & (share < 0.88) & large).sum())
    right = share > 0.5
    right[0] = False
    left = share <= 0.5
    left[0] = False
    return right[labels], left[labels], crossing


def _regrown(
    lungs: Mask, right: Mask, left: Mask, to_right: Mask, spacing_mm: Spacing
) -> tuple[Mask, Mask]:
    """Let both sides grow within the lungs until all is given away."""
    step = max(spacing_mm[:2])
    for _ in range(12):
        open_ = lungs & ~right & ~left
        if not open_.any():
            return right, left
        wider = grown(right, step, spacing_mm) & open_
        left = left | (grown(left, step, spacing_mm) & open_ & ~wider)
        right = right | wider
    rest = lungs & ~right & ~left
    return right | (rest & to_right), left | (rest & ~to_right)


def _airway(gas: Mask, right: Mask, left: Mask, spacing_mm: Spacing) -> Mask:
    """Gas between the lungs that runs along the body: trachea and main bronchi."""
    between = _between(right, left)
    labels, count = components(gas)
    if count == 0 or not between.any():
        return np.zeros_like(gas)
    counts = np.maximum(sizes(labels, count), 1)
    inside = np.bincount(labels[between], minlength=count + 1) / counts
    keep = np.zeros(count + 1, bool)
    for label in np.flatnonzero(inside > 0.5):
        if label == 0:
            continue
        length = np.flatnonzero((labels == label).any(axis=(0, 1)))
        keep[label] = (length[-1] - length[0] + 1) * spacing_mm[2] >= 25.0
    result: Mask = keep[labels]
    return result


def _between(right: Mask, left: Mask) -> Mask:
    """Columns between the lungs, in slices with both, and in those above the lungs."""
    result = np.zeros_like(right)
    both = right.any(axis=(0, 1)) & left.any(axis=(0, 1))
    if not both.any():
        return result
    index = np.arange(right.shape[0])
    for z in np.flatnonzero(both):
        inner_right = _centre(right[:, :, z], index)
        inner_left = _centre(left[:, :, z], index)
        result[int(inner_left) + 1 : int(inner_right), :, z] = True
    top = int(np.flatnonzero(both)[-1])
    result[:, :, top + 1 :] = result[:, :, top : top + 1]
    return result


def _centre(mask: Mask, index: NDArray[np.int64]) -> float:
    return float((mask.sum(axis=1) * index).sum() / mask.sum())
