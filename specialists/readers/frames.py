"""One DICOM slice: where it lies and what its stored values mean.

A classic file holds one slice; an enhanced multi-frame file holds many, each described by
functional groups (PS3.3 C.7.6.16). Both become `Frame`s. Runs in a reader process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import UnsupportedFormat, UnusableGeometry
from specialists.readers.slices import Plane

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["AIR_HU", "FRAME_KEYWORDS", "Frame", "Meaning", "frames", "values"]

FRAME_KEYWORDS = (
    "BitsStored",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "ModalityLUTSequence",
    "PerFrameFunctionalGroupsSequence",
    "PixelPaddingRangeLimit",
    "PixelPaddingValue",
    "PixelRepresentation",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "SharedFunctionalGroupsSequence",
    "SliceThickness",
    "SpacingBetweenSlices",
)
"""What `frames` looks at, beside the elements that tell the size of the picture."""

AIR_HU = -1024
_LOWEST_TISSUE_HU = -1000
_INT16 = (-(2**15), 2**15 - 1)


@dataclass(frozen=True)
class Meaning:
    """How stored values become values: Modality LUT by slope and intercept, and padding."""

    slope: float = 1.0
    intercept: float = 0.0
    padding: tuple[int, int] | None = None
    """Lowest and highest stored value that stand for 'no image here'."""
    air: bool = False
    """CT: padding becomes air."""
    hounsfield: bool = False
    """CT whose header gives slope and intercept, and names no other unit than HU."""

    def fits_int16(self, lowest: int, highest: int) -> bool:
        """Whether stored values between these two all become 16-bit integers."""
        if not (self.slope.is_integer() and self.intercept.is_integer()):
            return False
        ends = [self.slope * end + self.intercept for end in (lowest, highest)]
        return self.air or (min(ends) >= _INT16[0] and max(ends) <= _INT16[1])


@dataclass(frozen=True)
class Frame:
    """A slice of a data set."""

    index: int
    plane: Plane
    meaning: Meaning
    integral: bool
    """Every value that it may hold is a 16-bit integer."""


def frames(dataset: Dataset) -> list[Frame]:
    """Describe each slice of a data set.

    Raises:
        UnusableGeometry: If position, orientation or pixel spacing is not given.
        UnsupportedFormat: If the pixels are in colour, or their values need a table.
    """
    if int(dataset.get("SamplesPerPixel", 1)) != 1:
        raise UnsupportedFormat("The slices are in colour; a volume has one value a voxel.")
    count = int(dataset.get("NumberOfFrames", 1) or 1)
    if "PerFrameFunctionalGroupsSequence" in dataset:
        groups = dataset.PerFrameFunctionalGroupsSequence
        if len(groups) != count:
            raise UnusableGeometry("The file describes another number of frames than it holds.")
        return [_frame(dataset, index) for index in range(count)]
    if count > 1:
        raise UnusableGeometry("The file holds several frames and does not say where they lie.")
    return [_frame(dataset, 0)]


def _frame(dataset: Dataset, index: int) -> Frame:
    meaning = _meaning(dataset, index)
    bits = int(dataset.get("BitsStored", 16))
    signed = int(dataset.get("PixelRepresentation", 0)) == 1
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return Frame(index, _plane(dataset, index), meaning, meaning.fits_int16(*ends))


def _plane(dataset: Dataset, index: int) -> Plane:
    position = _numbers(dataset, index, "PlanePositionSequence", "ImagePositionPatient", 3)
    orientation = _numbers(dataset, index, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    spacing = _numbers(dataset, index, "PixelMeasuresSequence", "PixelSpacing", 2)
    return Plane(
        position=position,
        orientation=orientation,
        spacing=(float(spacing[0]), float(spacing[1])),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        depth=_depth(dataset, index),
        localizer=_is_localizer(dataset, index),
    )


_NAMES = {
    "ImagePositionPatient": "position",
    "ImageOrientationPatient": "orientation",
    "PixelSpacing": "pixel spacing",
}


def _numbers(
    dataset: Dataset, index: int, group: str, keyword: str, count: int
) -> NDArray[np.float64]:
    found = _get(dataset, index, group, keyword)
    try:
        numbers = np.array([float(number) for number in found or ()], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UnusableGeometry(f"A slice's {_NAMES[keyword]} is not made of numbers.") from error
    if numbers.shape != (count,):
        raise UnusableGeometry(
            f"A slice has no {_NAMES[keyword]}: where it lies in the body is not known."
        )
    return numbers


def _depth(dataset: Dataset, index: int) -> float | None:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = _get(dataset, index, "PixelMeasuresSequence", keyword)
        if found is not None and abs(float(found)) > 0:
            return abs(float(found))
    return None


def _get(dataset: Dataset, index: int, group: str, keyword: str) -> Any:
    """From the frame's group, the shared group, or the data set itself; None where absent."""
    for item in _items(dataset, index, group):
        if item.get(keyword) is not None:
            return item[keyword].value
    return dataset.get(keyword)


def _items(dataset: Dataset, index: int, group: str) -> Iterator[Dataset]:
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return
    yield from dataset.PerFrameFunctionalGroupsSequence[index].get(group) or ()
    for shared in dataset.get("SharedFunctionalGroupsSequence") or ():
        yield from shared.get(group) or ()


def _is_localizer(dataset: Dataset, index: int) -> bool:
    groups = ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence")
    kinds = [dataset.get("ImageType"), *(_get(dataset, index, g, "FrameType") for g in groups)]
    # One value stands alone, several in a list.
    return any("LOCALIZER" in kind for kind in kinds if kind)


def _meaning(dataset: Dataset, index: int) -> Meaning:
    group = "PixelValueTransformationSequence"
    slope = _get(dataset, index, group, "RescaleSlope")
    intercept = _get(dataset, index, group, "RescaleIntercept")
    if slope is None and "ModalityLUTSequence" in dataset:
        raise UnsupportedFormat("Pixel values need a lookup table; slope and intercept are read.")
    is_ct = dataset.get("Modality") == "CT"
    unit = _get(dataset, index, group, "RescaleType") or "HU"
    meaning = Meaning(
        slope=1.0 if slope is None else float(slope),
        intercept=0.0 if intercept is None else float(intercept),
        air=is_ct,
        hounsfield=is_ct and slope is not None and intercept is not None and unit == "HU",
    )
    if not np.isfinite([meaning.slope, meaning.intercept]).all() or meaning.slope == 0:
        raise UnsupportedFormat("Rescale slope or intercept is not a usable number.")
    return replace(meaning, padding=_padding(dataset, meaning))


def _padding(dataset: Dataset, meaning: Meaning) -> tuple[int, int] | None:
    """Stored values of padding; only for CT, and only where they can't be those of tissue.

    Files exist that name a padding value in the middle of soft tissue; believing them would put
    holes of air into the body.
    """
    value = dataset.get("PixelPaddingValue")
    if value is None or not meaning.air:
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = sorted(_signed(dataset, end) for end in (value, value if limit is None else limit))
    if max(meaning.slope * end + meaning.intercept for end in ends) > _LOWEST_TISSUE_HU:
        return None
    return ends[0], ends[1]


def _signed(dataset: Dataset, value: object) -> int:
    """A padding value as the pixels have it: it is often written as the other of US and SS."""
    number: int = int(value)  # type: ignore[call-overload]
    size = 1 << int(dataset.get("BitsAllocated", 16))
    if int(dataset.get("PixelRepresentation", 0)) == 1:
        return number - size if 2 * number >= size else number
    return number % size


def values(stored: NDArray[Any], meaning: Meaning, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Turn stored values into HU (CT) or the modality's own values.

    Args:
        stored: Shape (rows, columns), integers.
        meaning: The frame's own.
        dtype: int16 or float32.

    Returns:
        Same shape. Integers saturate at the ends of 16 bits; padding of CT is `AIR_HU`.
    """
    slope, intercept = meaning.slope, meaning.intercept
    if dtype.kind == "i":
        short = slope == 1 and stored.dtype.itemsize <= 2 and abs(intercept) < 2**30
        wide = stored.astype(np.int32 if short else np.int64)
        wide = wide * int(slope) + int(intercept)
        result: NDArray[Any] = np.clip(wide, *_INT16).astype(dtype)
    else:
        result = (stored.astype(np.float64) * slope + intercept).astype(dtype)
    if meaning.padding is not None:
        lowest, highest = meaning.padding
        result[(stored >= lowest) & (stored <= highest)] = AIR_HU
    return result
