"""Volumes for MONAI's models: the readers' geometry in, and label maps back on the scan's grid.

MONAI keeps arrays channel first with an affine in RAS, as the readers here do without the channel,
so nothing is turned or flipped on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import InvalidInput

if TYPE_CHECKING:
    from specialists.readers.volume import Volume

__all__ = ["on_grid", "respaced", "tensor"]


def tensor(volume: Volume) -> Any:
    """Turn a volume into a MetaTensor (1, x, y, z), float32, with its affine in RAS."""
    import torch
    from monai.data.meta_tensor import MetaTensor

    array = torch.from_numpy(np.ascontiguousarray(volume.array, np.float32))[None]
    return MetaTensor(array, affine=torch.from_numpy(np.array(volume.affine, np.float64)))


def respaced(volume: Volume, spacing_mm: Sequence[float], mode: str = "bilinear") -> Any:
    """Resample a volume to a spacing, along the axes that it has.

    Args:
        volume: As read.
        spacing_mm: Three numbers, x, y and z.
        mode: 'bilinear', or 'nearest' for labels.

    Returns:
        A MetaTensor (1, x, y, z) with its affine.

    Raises:
        InvalidInput: If the spacing is not three positive numbers.
    """
    from monai.transforms.spatial.array import Spacing

    if len(spacing_mm) != 3 or min(spacing_mm) <= 0:
        raise InvalidInput("A spacing is three positive numbers, in mm.")
    return Spacing(pixdim=tuple(spacing_mm), mode=mode, padding_mode="border")(tensor(volume))


def on_grid(labels: Any, volume: Volume) -> NDArray[np.uint8]:
    """Bring labels that a model gave (a MetaTensor (1, x, y, z)) back to the scan's own grid."""
    from monai.transforms.spatial.array import ResampleToMatch

    back = ResampleToMatch(mode="nearest", padding_mode="zeros")(labels, tensor(volume))
    return np.asarray(back[0].cpu().numpy(), np.uint8)
