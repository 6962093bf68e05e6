"""One label a voxel, from its density and from the masks that hold it.

There are few kinds of density and few masks, so every combination is labelled once, in a table;
a voxel's label is then looked up. That is several times faster than masks over a whole volume.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.ct.body import BODY_HU
from specialists.ct.bone import BONE_HU
from specialists.ct.lungs import LUNG_HU

__all__ = ["BITS", "FAT_HU", "SOFT_HU", "Label", "label_of"]

FAT_HU = (-190.0, -30.0)
SOFT_HU = (-29.0, 150.0)
BITS = (
    *("body core", "body reach", "right core", "right reach", "left core", "left reach"),
    *("airway core", "airway reach", "bone core", "bone reach", "wall", "streaks", "search"),
)
"""The masks of a voxel: core is surely inside, reach holds all that may be."""
_TINY = 1e-3
_EDGES_HU = (
    *(LUNG_HU, BODY_HU + _TINY, FAT_HU[0], FAT_HU[1] + _TINY),
    *(SOFT_HU[0], SOFT_HU[1] + _TINY, BONE_HU + _TINY),
)
_MIDDLES_HU = (-900.0, -350.0, -250.0, -100.0, -29.5, 50.0, 155.0, 500.0)
"""One value of each kind of density, between the edges."""


class Label(IntEnum):
    """What a voxel is; 0 is outside the body."""

    OUTSIDE = 0
    RIGHT_LUNG = 1
    LEFT_LUNG = 2
    AIRWAY = 3
    GAS = 4
    BONE = 5
    SUBCUTANEOUS_FAT = 6
    INTERNAL_FAT = 7
    SOFT_TISSUE = 8
    DENSE = 9
    """Above soft tissue and not bone: calcification, contrast agent, metal."""
    OTHER = 10
    """In the body and none of these: mixed voxels at borders, streaks."""


def label_of(hu: NDArray[Any], bits: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Label voxels.

    Args:
        hu: Hounsfield units, any shape.
        bits: Same shape; bit n says that the mask `BITS[n]` holds the voxel.
    """
    kinds = _kind_of_int()[hu.view(np.uint16)] if hu.dtype == np.int16 else _kind(hu)
    place = (bits.astype(np.uint32) << np.uint32(3)) | kinds
    labels: NDArray[np.uint8] = _table()[place]
    return labels


def _kind(hu: NDArray[Any]) -> NDArray[np.uint8]:
    return np.searchsorted(np.array(_EDGES_HU), hu, side="right").astype(np.uint8)


@cache
def _kind_of_int() -> NDArray[np.uint8]:
    """The kind of each 16-bit value, read as unsigned."""
    return _kind(np.arange(1 << 16, dtype=np.uint16).view(np.int16))


@cache
def _table() -> NDArray[np.uint8]:
    """The label of each combination of masks and kind of density."""
    place = np.arange(1 << (len(BITS) + 3))
    masks = {name: (place >> (3 + bit)) & 1 > 0 for bit, name in enumerate(BITS)}
    return _decide(np.array(_MIDDLES_HU)[place & 7], masks)


def _decide(hu: NDArray[np.float64], masks: dict[str, NDArray[np.bool_]]) -> NDArray[np.uint8]:
    """Later lines win over earlier ones."""
    body = masks["body core"] | (masks["body reach"] & (hu > BODY_HU))
    labels = np.where(body, np.uint8(Label.OTHER), np.uint8(0))
    fat = body & (hu >= FAT_HU[0]) & (hu <= FAT_HU[1])
    labels[fat] = Label.SUBCUTANEOUS_FAT
    labels[fat & masks["wall"]] = Label.INTERNAL_FAT
    labels[body & (hu >= SOFT_HU[0]) & (hu <= SOFT_HU[1])] = Label.SOFT_TISSUE
    labels[body & (hu > SOFT_HU[1])] = Label.DENSE
    labels[body & (hu < LUNG_HU) & ~masks["streaks"]] = Label.GAS
    labels[(labels == Label.GAS) & masks["airway reach"]] = Label.AIRWAY
    bone = masks["bone core"] | (masks["bone reach"] & (hu > BONE_HU))
    labels[body & bone] = Label.BONE
    for side, label in (("right", Label.RIGHT_LUNG), ("left", Label.LEFT_LUNG)):
        other = masks["left core" if side == "right" else "right core"]
        rim = masks[f"{side} reach"] & ~other & (hu < LUNG_HU) & (labels != Label.AIRWAY)
        labels[body & (masks[f"{side} core"] | rim)] = label
    return labels
