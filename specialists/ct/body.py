"""The body without table and clothes, and the inner side of its muscle wall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from specialists.ct.morphology import (
    Mask,
    Spacing,
    closed,
    components,
    filled,
    grown,
    medians,
    opened,
    shrunk,
    sizes,
)

__all__ = ["BODY_HU", "body_mask", "muscle_wall"]

BODY_HU = -300.0
"""Above: tissue. About half way between air and fat or muscle at the skin."""
SHEET_MM = 4.0
"""Half the thickness under which a thing is a sheet: table top, blanket, cable."""
LIMB_MM = 12.0
"""A separate part of the body holds a ball of this radius; a table rail does not."""
SKIN_MM = 3.0
THIN_WALL_MM = 12.0
LEAST_HOLE_MM2 = 300.0
SOLID_SHARE = 0.4
"""Of what surrounds a section of lung, so much belongs to the body's solid parts."""
FOAM_HU = -960.0
WALL_GAP_MM = 18.0


def body_mask(hu: NDArray[np.float32], spacing_mm: Spacing) -> Mask:
    """Find the body, with all that it encloses.

    Args:
        hu: Shape (x, y, z), on the working grid.
        spacing_mm: Of that grid.
    """
    tissue = hu > BODY_HU
    solid = _parts(opened(tissue, SHEET_MM, spacing_mm, planar=True), spacing_mm)
    whole = filled(solid)
    whole |= _behind_thin_wall(hu, tissue, whole, spacing_mm)
    reach = grown(whole, 2 * SHEET_MM, spacing_mm, planar=True)
    regained = opened(tissue & reach, SHEET_MM / 2, spacing_mm, planar=True) | whole
    return filled(_touching(regained, whole))


def muscle_wall(hu: NDArray[np.float32], body: Mask, inner: Mask, spacing_mm: Spacing) -> Mask:
    """The space inside muscle and bone: what fat outside it is subcutaneous.

    Args:
        hu: Shape (x, y, z), on the working grid.
        body: The body.
        inner: Lungs and gas, which lie inside.
        spacing_mm: Of that grid.
    """
    lean = ((hu > -30) & shrunk(body, SKIN_MM, spacing_mm, planar=True)) | inner
    firm = opened(lean, SHEET_MM / 2, spacing_mm, planar=True)
    labels, count = components(firm)
    counts = sizes(labels, count)
    keep = counts >= 0.02 * max(1, int(counts.max()))
    keep[0] = False
    return filled(closed(keep[labels], WALL_GAP_MM, spacing_mm, planar=True)) & body


def _behind_thin_wall(
    hu: NDArray[np.float32], tissue: Mask, whole: Mask, spacing_mm: Spacing
) -> Mask:
    """Lung that only a thin chest wall parts from the air outside, with that wall.

    The foam in a table is as dense as lung; but the body's solid parts do not surround it.
    """
    from scipy import ndimage

    holes, count = components(filled(tissue) & ~tissue & ~whole, planar=True)
    if count == 0:
        return np.zeros_like(whole)
    ring = ndimage.maximum_filter(holes, size=(3, 3, 1))
    ring[holes > 0] = 0
    around = np.maximum(np.bincount(ring.ravel(), minlength=count + 1), 1)
    solid = np.bincount(ring[whole], minlength=count + 1) / around
    middle = medians(hu, holes, count)
    large = sizes(holes, count) * spacing_mm[0] * spacing_mm[1] >= LEAST_HOLE_MM2
    keep = large & (solid >= SOLID_SHARE) & (middle > FOAM_HU)
    keep[0] = False
    lung: Mask = keep[holes]
    return lung | (tissue & grown(lung, THIN_WALL_MM, spacing_mm, planar=True))


def _parts(solid: Mask, spacing_mm: Spacing) -> Mask:
    """The largest component, and others as thick as a limb."""
    labels, count = components(solid)
    if count == 0:
        return solid
    counts = sizes(labels, count)
    keep = np.zeros(count + 1, bool)
    keep[int(counts.argmax())] = True
    thick = shrunk(filled(solid), LIMB_MM, spacing_mm, planar=True)
    deep = np.bincount(labels[thick], minlength=count + 1)
    keep |= (deep > 0) & (counts >= 0.01 * counts.max())
    keep[0] = False
    result: Mask = keep[labels]
    return result


def _touching(mask: Mask, seed: Mask) -> Mask:
    labels, count = components(mask)
    keep = np.bincount(labels[seed], minlength=count + 1) > 0
    keep[0] = False
    result: Mask = keep[labels]
    return result
