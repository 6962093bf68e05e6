"""Windows and lookup tables of DICOM (PS3.3 C.11.1 and C.11.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import InvalidInput, UnreadableFile
from specialists.readers.elements import value

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["look_up", "voi_window"]


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


def look_up(values: NDArray[Any], table: Dataset) -> tuple[NDArray[np.float32], float]:
    """Map values by a lookup table.

    Args:
        values: Any shape; rounded to whole numbers.
        table: An item of a Modality or VOI LUT Sequence.

    Returns:
        Same shape, and the greatest value that the table's bit depth can hold.

    Raises:
        UnreadableFile: If the table is not what its descriptor says.

    Source: DICOM PS3.3 C.11.1.1 and C.11.2.1.1.
    """
    descriptor, data = value(table, "LUTDescriptor"), value(table, "LUTData")
    if descriptor is None or len(descriptor) != 3 or data is None:
        raise UnreadableFile("A lookup table in the header is incomplete.")
    entries, first, bits = (int(number) for number in descriptor)
    if isinstance(data, bytes):
        outputs = np.frombuffer(data, "u1" if len(data) == entries else "<u2")
    else:
        outputs = np.atleast_1d(np.asarray(data))
    if not 0 < bits <= 16 or outputs.size < (entries or 2**16):
        raise UnreadableFile("A lookup table in the header is shorter than it says.")
    if first >= 2**15 and values.min() < 0:
        first -= 2**16  # a signed number that was read as unsigned
    places = np.clip(np.rint(values).astype(np.int64) - first, 0, (entries or 2**16) - 1)
    return outputs[places].astype(np.float32), float(2**bits - 1)
