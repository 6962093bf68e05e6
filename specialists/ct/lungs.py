"""Left and right lung, and the gas in the body that is not lung.

Gas in bowel, stomach and airways has the density of air; a lung at the same size of voxel has
not. What is as thin as air and, within its axial slice, surrounded by tissue is therefore not
lung. The rest of the air in the body is lung where it takes much of the body's section, or lies
along the ribs and goes on beyond the top of the scan (the base of a lung), or is close to such a
part.
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
    medians,
    shrunk,
    sizes,
)
from specialists.ct.sides import middle_of, part_sides

__all__ = ["LUNG_HU", "Lungs", "air_level", "find_lungs"]

LUNG_HU = -400.0
"""Below: air, or lung. Half way between inflated lung and soft tissue."""
PURE_MARGIN_HU = 60.0
"""As thin as air: not more than this above the scan's own air."""
UNMIXED_HU = -800.0
EMPHYSEMA_MARGIN_HU = 25.0
EMPHYSEMA_SHARE = 0.04
TISSUE_SHARE = 0.62
LEAST_LUNG_CM3 = 3.0
WHOLE_SHARE = 0.08
"""Of the body's section, over the height of a whole lung."""
RIB_HU = 200.0
NEAR_RIB_MM = 25.0
RIB_SHARE = 0.5
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


def find_lungs(hu: NDArray[np.float32], body: Mask, air_hu: float, spacing_mm: Spacing) -> Lungs:
    """Find lungs and other gas.

    Args:
        hu: Shape (x, y, z), on the working grid.
        body: The body, filled.
        air_hu: Of air in this scan, from `air_level`.
        spacing_mm: Of that grid.
    """
    air = body & (hu < LUNG_HU)
    pure = _enclosed_gas(hu, air, body, air_hu, spacing_mm)
    rim = grown(pure, max(2.0, min(spacing_mm[:2])), spacing_mm) & air
    found = _lung_parts(hu, air & ~rim, body, spacing_mm)
    whole = closed(found, VESSEL_MM, spacing_mm, planar=True)
    whole = filled(whole) & body & ~pure
    gas = air & ~whole
    middle = middle_of(body)
    right, left, by_plane = part_sides(whole, middle, spacing_mm)
    return Lungs(right, left, _airway(gas, right, left, spacing_mm), gas, by_plane)


def _enclosed_gas(
    hu: NDArray[np.float32], air: Mask, body: Mask, air_hu: float, spacing_mm: Spacing
) -> Mask:
    """Gas of air's own density that tissue surrounds."""
    pure = air & _thin(hu, air_hu)
    # Noise breaks an emphysematous lung into specks: they are joined before they are judged.
    pure = closed(pure, max(spacing_mm[:2]), spacing_mm, planar=True) & air
    labels, count = components(pure, planar=True)
    if count == 0:
        return pure
    share = _tissue_share(hu, labels, count, spacing_mm)
    share[_destroyed_lung(hu, labels, count, body, air_hu)] = 0.0
    enclosed: Mask = (share > TISSUE_SHARE)[labels] & pure
    return _by_majority(pure, enclosed)


def _thin(hu: NDArray[np.float32], air_hu: float) -> Mask:
    """As thin as air on average over the neighbours that are not mixed with tissue."""
    from scipy import ndimage

    unmixed = hu < UNMIXED_HU
    total = ndimage.uniform_filter(np.where(unmixed, hu, np.float32(0)), 3)
    share = ndimage.uniform_filter(unmixed.astype(np.float32), 3)
    # A share below half a voxel in 27 is what rounding leaves of none.
    mean = np.where(share > 0.5 / 27, total / np.maximum(share, 0.01), np.float32(0))
    thin: Mask = unmixed & (mean < air_hu + PURE_MARGIN_HU)
    return thin


def _destroyed_lung(
    hu: NDArray[np.float32], labels: Labels, count: int, body: Mask, air_hu: float
) -> NDArray[np.int64]:
    """Sections as large as a lung and not quite as thin as air: emphysema."""
    from scipy import ndimage

    across = body.sum(axis=(0, 1))
    boxes = ndimage.find_objects(labels)
    areas = sizes(labels, count)
    found = []
    for label in np.flatnonzero(areas >= EMPHYSEMA_SHARE * max(1, int(across.min()))):
        box = boxes[label - 1]
        if areas[label] < EMPHYSEMA_SHARE * across[box[2].start]:
            continue
        middle = float(np.median(hu[box][labels[box] == label]))
        if middle > air_hu + EMPHYSEMA_MARGIN_HU:
            found.append(label)
    return np.array(found, np.int64)


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
    ring[inner == ring] = 0
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
    near_bone = grown(body & (hu > RIB_HU), NEAR_RIB_MM, spacing_mm, planar=True)
    sure = likely & (cm3 >= least) & _wide(labels, count, body, near_bone)
    sure[0] = False
    near = grown(sure[labels], 10.0, spacing_mm)
    beside = np.bincount(labels[near], minlength=count + 1) > 0
    keep = sure | (likely & beside & (cm3 >= 0.1))
    keep[0] = False
    result: Mask = keep[labels]
    return result


def _wide(labels: Labels, count: int, body: Mask, near_bone: Mask) -> NDArray[np.bool_]:
    """Takes much of the body's section; or lies along the ribs, still wide at the scan's top."""
    from scipy import ndimage

    result = np.zeros(count + 1, bool)
    across = body.sum(axis=(0, 1))
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[box] == label
        area = part.sum(axis=(0, 1))
        ribbed = part[near_bone[box]].sum() >= RIB_SHARE * part.sum()
        reaches_top = box[2].stop >= labels.shape[2] - 1
        cut = ribbed and reaches_top and area[-2:].max() >= 0.4 * area.max()
        whole = area.sum() >= WHOLE_SHARE * across[box[2]].sum()
        result[label] = cut or whole
    return result


def _like_lung(
    hu: NDArray[np.float32], labels: Labels, count: int, spacing_mm: Spacing
) -> NDArray[np.bool_]:
    """Neither as thin as air nor as dense as stool, and not a cell in bone."""
    from scipy import ndimage

    inside = shrunk(labels > 0, min(spacing_mm[:2]), spacing_mm, planar=True)
    core = np.where(inside, labels, 0)
    has_core = sizes(core, count)[1:] > 0
    value = np.where(has_core, medians(hu, core, count)[1:], medians(hu, labels, count)[1:])
    spread = ndimage.maximum_filter(labels, size=5)
    spread[labels > 0] = 0
    around = np.bincount(spread.ravel(), minlength=count + 1)[1:]
    bony = np.bincount(spread[hu > 250], minlength=count + 1)[1:]
    result = np.zeros(count + 1, bool)
    result[1:] = (value < -500) & (bony < 0.3 * np.maximum(around, 1))
    return result


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
