"""The masks as a file: one compressed NIfTI volume with a value a label."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.base import LabelMap
from specialists.ct.labels import Label
from specialists.schema import Laterality, MaskSegment

__all__ = ["label_map"]

_NAMES: dict[Label, tuple[str, Laterality | None]] = {
    Label.RIGHT_LUNG: ("lung", "right"),
    Label.LEFT_LUNG: ("lung", "left"),
    Label.AIRWAY: ("airway", None),
    Label.GAS: ("gas outside lungs and airways", None),
    Label.BONE: ("bone", None),
    Label.SUBCUTANEOUS_FAT: ("subcutaneous fat", None),
    Label.INTERNAL_FAT: ("internal fat", None),
    Label.SOFT_TISSUE: ("soft tissue", None),
    Label.DENSE: ("dense material outside bone", None),
    Label.OTHER: ("other parts of the body", None),
}


def label_map(labels: NDArray[np.uint8], affine: NDArray[Any]) -> LabelMap:
    """Pack labels.

    Args:
        labels: Shape (x, y, z), values of `Label`, RAS+.
        affine: Shape (4, 4): index to mm in RAS.

    Returns:
        The map, with a segment for each label that is there. Equal labels give equal bytes.
    """
    from nibabel.nifti1 import Nifti1Image

    # In C order the axes are told the other way round, which spares turning every voxel.
    if labels.flags.c_contiguous:
        labels, affine = labels.T, affine[:, [2, 1, 0, 3]]
    image = Nifti1Image(labels, affine)  # type: ignore[no-untyped-call]
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]
    segments = tuple(
        MaskSegment(number=int(label), name=name, laterality=side)
        for label, (name, side) in _NAMES.items()
        if any((part == label).any() for part in labels.T)
    )
    content = gzip.compress(image.to_bytes(), compresslevel=1, mtime=0)
    return LabelMap("Label map of the CT, on its own grid", content, segments)
