"""DICOM Segmentation from the masks of a volume, on the planes of the source images."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agent.answer import Answer
from agent.export.codes import DCM, SCT, SIDES, Code, private_code, shortened
from agent.export.dicom.common import as_bytes, concept, equipment, highdicom, referable
from agent.export.material import Device, Material, Replayed, devices
from specialists.errors import InvalidInput

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["has_masks", "to_seg"]

STRUCTURE = Code(SCT, "123037004", "Anatomical Structure")
TISSUE = Code(SCT, "85756007", "Tissue")
SUBSTANCE = Code(SCT, "91720002", "Body Substance")
# Category (CID 7150) and type of what masks are of; other names get a private code.
TYPES = {
    "lung": (STRUCTURE, Code(SCT, "39607008", "Lung")),
    "airway": (STRUCTURE, Code(SCT, "89187006", "Airway structure")),
    "bone": (TISSUE, Code(SCT, "3138006", "Bone")),
    "soft tissue": (TISSUE, Code(SCT, "87784001", "Soft tissue")),
    "gas outside lungs and airways": (SUBSTANCE, Code(SCT, "74947009", "Gas")),
}
LEARNT = Code(DCM, "123110", "Artificial Intelligence")  # CID 7162
RULES = Code(DCM, "123104", "Morphological Operations")  # CID 7162
UNNAMED = "other parts of the body"
SERIES_NUMBER = 9002
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def has_masks(material: Material) -> bool:
    """Whether a call gave masks of a DICOM series."""
    return any(one.masks and _headers(material, one) for one in material.replayed)


def to_seg(material: Material) -> bytes:
    """Write the masks behind an answer as a binary segmentation, a segment a mask.

    Args:
        material: The answer with its DICOM series, its calls made again.

    Returns:
        A DICOM file that refers to the source images; each of its frames lies on one of them.

    Raises:
        InvalidInput: If there are no masks, or no series that they could be laid over.

    Source: DICOM PS3.3 A.51.
    """
    library = highdicom()
    one = next((each for each in material.replayed if each.masks), None)
    if one is None:
        raise InvalidInput("Nothing that was consulted for this answer gives masks.")
    images = _images(material, one)
    labels, affine = _volume(one.masks[0])
    frames = np.stack([_plane(labels, affine, image) for image in images])
    numbers = [n for n in _segments(one) if _segments(one)[n]["name"] != UNNAMED]
    seen = [number for number in numbers if (frames == number).any()]
    if not seen:
        raise InvalidInput("The masks do not lie on the series: nothing would be shown.")
    described = [
        _description(library, material.answer, one, place, number)
        for place, number in enumerate(seen, 1)
    ]
    return as_bytes(
        _segmentation(library, material.answer, images, _renumbered(frames, seen), described)
    )


def _segmentation(
    library: Any,
    answer: Answer,
    images: Sequence[Dataset],
    frames: NDArray[np.uint8],
    described: Sequence[Any],
) -> Dataset:
    made: Dataset = library.seg.Segmentation(
        source_images=images,
        pixel_array=frames,
        segmentation_type=library.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        series_instance_uid=library.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=library.UID(),
        instance_number=1,
        content_label="WARDROUND",
        content_description="Preliminary, not reviewed",
        series_description="Preliminary masks, not reviewed",
        **equipment(answer),
    )
    return made


def _headers(material: Material, one: Replayed) -> Sequence[Dataset]:
    return material.headers(one.call.attachments[0] if one.call.attachments else None)


def _images(material: Material, one: Replayed) -> list[Dataset]:
    """The series' single-frame images from first to last along its normal."""
    images = referable(material, one.call.attachments[0])
    wanted = (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "FrameOfReferenceUID",
    )
    if any(key not in image for image in images for key in wanted):
        raise InvalidInput(
            "Masks can be laid over a series of single-frame images that say where they lie."
        )
    normal = np.cross(images[0].ImageOrientationPatient[:3], images[0].ImageOrientationPatient[3:])
    return sorted(images, key=lambda image: float(np.dot(image.ImagePositionPatient, normal)))


def _volume(content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Labels and the matrix from index to mm in RAS."""
    import nibabel

    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(content))
    return np.asarray(image.dataobj, np.uint8), np.asarray(image.affine, np.float64)


def _plane(
    labels: NDArray[np.uint8], affine: NDArray[np.float64], image: Dataset
) -> NDArray[np.uint8]:
    """The labels at an image's pixels, shape (Rows, Columns); the nearest voxel's, or 0."""
    row, column = (np.array(image.ImageOrientationPatient[part], float) for part in _PARTS)
    matrix = np.eye(4)
    matrix[:3, 0] = row * float(image.PixelSpacing[1])
    matrix[:3, 1] = column * float(image.PixelSpacing[0])
    matrix[:3, 3] = image.ImagePositionPatient
    to_index = np.linalg.inv(affine) @ _TO_RAS @ matrix
    x, y = np.arange(image.Columns), np.arange(image.Rows)[:, None]
    place = [
        np.rint(to_index[axis, 0] * x + to_index[axis, 1] * y + to_index[axis, 3]).astype(int)
        for axis in range(3)
    ]
    inside = np.ones((image.Rows, image.Columns), bool)
    for axis, size in zip(place, labels.shape, strict=True):
        inside &= (axis >= 0) & (axis < size)
        np.clip(axis, 0, size - 1, out=axis)
    return np.where(inside, labels[place[0], place[1], place[2]], 0).astype(np.uint8)


_PARTS = (slice(0, 3), slice(3, 6))


def _renumbered(frames: NDArray[np.uint8], seen: Sequence[int]) -> NDArray[np.uint8]:
    """Segment numbers without gaps, as the standard wants them."""
    table = np.zeros(256, np.uint8)
    for place, number in enumerate(seen, 1):
        table[number] = place
    return table[frames]


def _segments(one: Replayed) -> dict[int, Mapping[str, Any]]:
    return {int(each["number"]): each for each in one.structured["masks"][0]["segments"]}


def _description(library: Any, answer: Answer, one: Replayed, place: int, number: int) -> Any:
    segment = _segments(one)[number]
    name, side = str(segment["name"]), segment.get("laterality")
    category, kind = TYPES.get(name, (TISSUE, private_code(name)))
    described = library.seg.SegmentDescription(
        segment_number=place,
        segment_label=shortened(f"{side} {name}" if side else name),
        segmented_property_category=concept(category),
        segmented_property_type=concept(kind),
        algorithm_type=library.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=_algorithm(library, next(_devices(answer, one))),
        tracking_uid=library.UID(),
        tracking_id=shortened(f"{one.call.tool} {name} {side or ''}".strip()),
    )
    if side:
        modifier = [concept(SIDES[side])]
        described.SegmentedPropertyTypeCodeSequence[
            0
        ].SegmentedPropertyTypeModifierCodeSequence = modifier
    return described


def _devices(answer: Answer, one: Replayed) -> Iterator[Device]:
    yield from (each for each in devices(answer) if each.tool == one.call.tool)


def _algorithm(library: Any, device: Device) -> Any:
    family = LEARNT if device.model.weights_sha256 else RULES
    return library.AlgorithmIdentificationSequence(
        name=shortened(device.model.model),
        family=concept(family),
        version=device.model.version,
        source="wardround",
    )
