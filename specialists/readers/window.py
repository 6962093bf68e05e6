"""VOI windows of DICOM (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from specialists.errors import InvalidInput

__all__ = ["voi_window"]


def voi_window(
    values: NDArray[np.float32], center: float, width: float, function: str = "LINEAR"
) -> NDArray[np.float32]:
    """Map values to display brightness.

    Args:
        values: Any shape, after the modality lookup table or rescaling.
        center: Window Center (0028,1050).
        width: Window Width (0028,1051).
        function: VOI LUT Function (0028,1056): LINEAR, LINEAR_EXACT or SIGMOID.

    Returns:
        Same shape, 0 to 1, growing with the values.

    Raises:
        InvalidInput: If the width is below 1 (LINEAR) or not above 0 (the others).
    """
    if width < 1 if function == "LINEAR" else width <= 0:
        raise InvalidInput("A window's width must be above zero.")
    if function == "SIGMOID":
        # Beyond this the exponential is 0 or 1 to the last bit, and would overflow.
        steep = np.clip(-4 * (values - center) / width, -80, 80)
        return np.asarray(1 / (1 + np.exp(steep)), dtype=np.float32)
    if function == "LINEAR":
        if width == 1:
            return np.asarray(values > center - 0.5, dtype=np.float32)
        center, width = center - 0.5, width - 1
    return np.asarray(np.clip((values - center) / width + 0.5, 0, 1), dtype=np.float32)
