"""A manifest from a NIfTI file.

NIfTI does not say what made a picture. CT values are unlike all others (air is -1000), so small
files are looked into.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.readers import nifti
from specialists.schema import Manifest

__all__ = ["looks_like_ct", "nifti_manifest"]

_READ_BYTES = 64 * 2**20
_SAMPLED = 2_000_000
_INFERRED = "the format does not name a modality; CT was inferred from the values"
_UNKNOWN = "the format does not name a modality, and the values are not those of a CT"
_NOT_LOOKED = "the format does not name a modality, and the file is too large to look into"


def nifti_manifest(path: Path) -> Manifest:
    """What a NIfTI file is; its orientation and modality as far as they can be told."""
    header = nifti.read_header(path)
    modality, note = None, _NOT_LOOKED
    if header.nbytes <= _READ_BYTES:
        array, header = nifti.read(path)
        is_ct = looks_like_ct(array)
        modality, note = ("CT", _INFERRED) if is_ct else (None, _UNKNOWN)
    columns, rows, slices = header.shape
    lengths = [float(length) for length in np.linalg.norm(header.affine[:3, :3], axis=0)]
    return Manifest(
        kind="volume",
        format="NIfTI",
        modality=modality,
        rows=rows,
        columns=columns,
        frames=slices,
        spacing_mm=tuple(round(length, 6) for length in (lengths[1], lengths[0], lengths[2])),
        notes=(*header.notes, note),
    )


def looks_like_ct(values: NDArray[Any]) -> bool:
    """Whether values are Hounsfield units of a body: much air and much soft tissue.

    Args:
        values: Any shape, rescaled.
    """
    flat = values.ravel(order="K")
    sample = flat[:: max(1, flat.size // _SAMPLED)]
    air = float(((sample >= -1100) & (sample <= -850)).mean())
    tissue = float(((sample >= -160) & (sample <= 300)).mean())
    plausible = sample.min() >= -10_000 and sample.min() < -850 and sample.max() <= 33_000
    return bool(plausible and air >= 0.02 and tissue >= 0.05)
