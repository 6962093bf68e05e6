"""A presentation state (GSPS) that draws the boxes of findings over their film."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.export.codes import DCM, Code, shortened
from agent.export.dicom.common import as_bytes, concept, equipment, highdicom, referable
from agent.export.material import Material, Replayed
from specialists.errors import InvalidInput

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["has_boxes", "to_gsps"]

SERIES_NUMBER = 9003
CONCEPT = Code(DCM, "121071", "Finding")


def has_boxes(material: Material) -> bool:
    """Whether a call gave boxes on a DICOM image."""
    return next(_boxed(material), None) is not None


def to_gsps(material: Material) -> bytes:
    """Write the boxes behind an answer as a grayscale softcopy presentation state.

    Args:
        material: The answer with its DICOM film, its calls made again.

    Returns:
        A DICOM file: a rectangle and its finding's name for each box, on the source image.

    Raises:
        InvalidInput: If there are no boxes, or no image that they could be drawn on.

    Source: DICOM PS3.3 A.33.1.
    """
    library = highdicom()
    one = next(_boxed(material), None)
    if one is None:
        raise InvalidInput("Nothing that was consulted for this answer gives boxes.")
    images = referable(material, one.call.attachments[0])[:1]
    layer = library.pr.GraphicLayer(
        layer_name="FINDINGS", order=1, description="Preliminary, not reviewed"
    )
    state = library.pr.GrayscaleSoftcopyPresentationState(
        referenced_images=images,
        series_instance_uid=library.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=library.UID(),
        instance_number=1,
        content_label="WARDROUND",
        content_description="Preliminary boxes, not reviewed",
        series_description="Preliminary boxes, not reviewed",
        concept_name=concept(CONCEPT),
        graphic_layers=[layer],
        graphic_annotations=[_annotation(library, layer, images, one)],
        **equipment(material.answer),
    )
    # Type 2C in the General Series module: empty where the film does not state it.
    state.Laterality = images[0].get("Laterality", "")
    return as_bytes(state)


def _boxed(material: Material) -> Iterator[Replayed]:
    for one in material.replayed:
        first = one.call.attachments[0] if one.call.attachments else None
        if material.headers(first) and any(_findings(one)):
            yield one


def _findings(one: Replayed) -> Iterator[Mapping[str, Any]]:
    """Findings with a box that are not said to be absent."""
    for finding in one.structured.get("findings", ()):
        if finding.get("box") and finding["assertion"] != "absent":
            yield finding


def _annotation(library: Any, layer: Any, images: Sequence[Dataset], one: Replayed) -> Any:
    findings = list(_findings(one))
    return library.pr.GraphicAnnotation(
        referenced_images=images,
        graphic_layer=layer,
        graphic_objects=[_rectangle(library, each["box"], images[0]) for each in findings],
        text_objects=[_name(library, each, images[0]) for each in findings],
    )


def _corners(box: Mapping[str, float], image: Dataset) -> tuple[float, float, float, float]:
    """Left, top, right and bottom on the image, within it; pixels are counted from 0."""
    columns, rows = float(image.Columns), float(image.Rows)
    left, right = (min(max(box[side], 0.0), columns) for side in ("left", "right"))
    top, bottom = (min(max(box[side], 0.0), rows) for side in ("top", "bottom"))
    return left, top, right, bottom


def _rectangle(library: Any, box: Mapping[str, float], image: Dataset) -> Any:
    left, top, right, bottom = _corners(box, image)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return library.pr.GraphicObject(
        graphic_type=library.pr.GraphicTypeValues.POLYLINE,
        graphic_data=np.array(corners),
        units=library.pr.AnnotationUnitsValues.PIXEL,
    )


def _name(library: Any, finding: Mapping[str, Any], image: Dataset) -> Any:
    left, top, _, _ = _corners(finding["box"], image)
    doubt = " (uncertain)" if finding["assertion"] == "uncertain" else ""
    return library.pr.TextObject(
        text_value=shortened(f"{finding['name']}{doubt}", 100),
        units=library.pr.AnnotationUnitsValues.PIXEL,
        anchor_point=(left, top),
        anchor_point_visible=False,
    )
