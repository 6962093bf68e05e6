"""Bone, and bright soft structures (contrast) that are not bone."""

from __future__ import annotations

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
    opened,
    shrunk,
    sizes,
)

__all__ = ["BONE_HU", "bone_mask", "contrast_mask", "enhanced_cm3"]

BONE_HU = 160.0
CORTEX_HU = 250.0
MARROW_HU = 80.0
CONTRAST_HU = 130.0
EVEN_HU = 80.0
ENHANCED_HU = 85.0
GAP_MM = 7.0
LEAST_BONE_CM3 = 0.2
DEEP_BONE_CM3 = 3.0
IN_WALL_MM = 30.0
NEAR_MM = 12.0
LEAST_CONTRAST_CM3 = 5.0


def contrast_mask(hu: NDArray[np.float32], body: Mask, spacing_mm: Spacing) -> Mask:
    """Thick, bright and even: vessels, kidneys or bowel with contrast agent.

    Bone is never even: its cortex is far above its middle value.

    Args:
        hu: Shape (x, y, z), on the working grid.
        body: The body.
        spacing_mm: Of that grid.
    """
    from scipy import ndimage

    bright = body & (hu > CONTRAST_HU)
    thick = opened(bright, 4.0, spacing_mm, planar=True)
    labels, count = components(thick)
    large = sizes(labels, count) * float(np.prod(spacing_mm)) / 1000.0 >= LEAST_CONTRAST_CM3
    keep = np.zeros(count + 1, bool)
    boxes = ndimage.find_objects(labels)
    for label in np.flatnonzero(large):
        box = boxes[label - 1]
        values = hu[box][labels[box] == label]
        middle, high = np.percentile(values, [50, 95])
        keep[label] = high - middle < EVEN_HU and middle < 700
    result: Mask = keep[labels]
    return result


def enhanced_cm3(hu: NDArray[np.float32], body: Mask, bone: Mask, spacing_mm: Spacing) -> float:
    """Volume of thick soft tissue above 85 HU, which no organ reaches without contrast agent."""
    bright = body & ~grown(bone, 4.0, spacing_mm) & (hu > ENHANCED_HU) & (hu < 700)
    thick = opened(bright, 6.0, spacing_mm, planar=True)
    return float(thick.sum()) * float(np.prod(spacing_mm)) / 1000.0


def bone_mask(
    hu: NDArray[np.float32], body: Mask, wall: Mask, contrast: Mask, spacing_mm: Spacing
) -> Mask:
    """Bone with its marrow.

    A small dense thing deep inside the muscle wall is a stone or a calcification rather than
    bone; in the wall it is a rib's section.

    Args:
        hu: Shape (x, y, z), on the working grid.
        body: The body.
        wall: The space inside the muscle wall.
        contrast: What is bright and not bone.
        spacing_mm: Of that grid.
    """
    deep = shrunk(wall, IN_WALL_MM, spacing_mm, planar=True)
    dense = body & (hu > BONE_HU) & ~grown(contrast, 2.5, spacing_mm)
    labels, count = components(dense)
    counts = sizes(labels, count)
    cm3 = counts * float(np.prod(spacing_mm)) / 1000.0
    cortex = np.bincount(labels[dense & (hu > CORTEX_HU)], minlength=count + 1)
    inside = np.bincount(labels[dense & deep], minlength=count + 1)
    in_wall = (inside < 0.5 * np.maximum(counts, 1)) & (cm3 >= LEAST_BONE_CM3)
    main = (cm3 >= DEEP_BONE_CM3) & (cortex >= 0.05 * counts)
    keep = main | (in_wall & (cortex > 0)) | _behind(labels, count, main, spacing_mm)
    keep[0] = False
    kept: Mask = keep[labels]
    framed = filled(closed(kept, GAP_MM, spacing_mm))
    return (kept | (framed & (hu > MARROW_HU) & body)) & ~contrast


def _behind(
    labels: Labels, count: int, main: NDArray[np.bool_], spacing_mm: Spacing
) -> NDArray[np.bool_]:
    """Small pieces close to the skeleton and behind its middle: vertebral processes."""
    main = main.copy()
    main[0] = False
    skeleton = main[labels]
    depth = skeleton.sum(axis=0)
    place = np.arange(labels.shape[1])[:, None]
    middle = (depth * place).sum(axis=0) / np.maximum(depth.sum(axis=0), 1)
    behind = place[None] < middle[None, None, :]
    near = grown(skeleton, NEAR_MM, spacing_mm)
    counts = np.maximum(sizes(labels, count), 1)
    close = np.bincount(labels[near], minlength=count + 1) > 0
    back = np.bincount(labels[np.broadcast_to(behind, labels.shape)], minlength=count + 1)
    result: NDArray[np.bool_] = close & (back > 0.5 * counts)
    return result
