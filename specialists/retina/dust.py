"""Specks that a camera puts at the same place of every photograph, and how they are taken out.

Dust in the optics makes small dark spots of the size of a microaneurysm. A map of them is the
median, over many photographs of one camera, of what is darker or brighter than close by; how
strong it is on a photograph is fitted to the photograph. One of another camera, which does not
follow the map, is left as it is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from specialists.retina.preprocess import WIDTH, Floats, Fundus

__all__ = ["ROWS", "clean", "detail"]

ROWS = 440
"""Of the map, which is as wide as a photograph's field and starts at the field's top."""
SPECK = 0.012
"""Contrast from which a place of the map counts as a speck."""
HELD = 0.12
"""Contrast beyond which a place says nothing of dust: a vessel or a lesion."""
LEAST_CORRELATION = 0.1
MOST = 2.0


def detail(fundus: Fundus) -> Floats:
    """Return what of the green contrast is finer than a lesion is large: (ROWS, WIDTH)."""
    fine = (fundus.smoothed(1, 0.8) - fundus.smoothed(1, 8)) * fundus.field
    found = np.zeros((ROWS, WIDTH), np.float32)
    found[: len(fine)] = fine[:ROWS]
    return found


def _strength(fundus: Fundus, dust: Floats) -> float:
    """How strong the map is on a photograph: 0 where it is of another camera."""
    specks = (np.abs(dust) > SPECK)[: len(fundus.field)]
    specks &= fundus.field[:ROWS]
    if specks.sum() < 100:
        return 0.0
    own = np.clip(detail(fundus)[: len(specks)][specks], -HELD, HELD)
    known = dust[: len(specks)][specks]
    if own.std() < 1e-6 or np.corrcoef(own, known)[0, 1] < LEAST_CORRELATION:
        return 0.0
    return float(np.clip((own @ known) / (known @ known), 0, MOST))


def clean(fundus: Fundus, dust: NDArray[np.floating]) -> Fundus:
    """Divide the dust out of the contrast.

    Args:
        fundus: The prepared photograph.
        dust: Shape (ROWS, WIDTH), contrast of the camera's specks.
    """
    known = np.asarray(dust, np.float32)
    share = _strength(fundus, known)
    if share == 0:
        return fundus
    factor = np.ones(fundus.field.shape, np.float32)
    factor[:ROWS] += share * known[: len(factor)]
    flat = np.where(fundus.field, (1 + fundus.contrast) / factor - 1, 0)
    return replace(fundus, contrast=np.asarray(flat, np.float32))
