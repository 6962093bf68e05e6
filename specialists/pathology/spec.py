"""What `classify_pathology` takes and gives."""

from __future__ import annotations

from specialists.base import SpecialistSpec
from specialists.schema import Accepts

__all__ = ["SPEC"]

SPEC = SpecialistSpec(
    name="classify_pathology",
    title="Pathology slide",
    description=(
        "Classifies tissue on H&E histology: a patch, a whole slide (SVS and others) or a DICOM "
        "whole-slide image. Not for cytology, frozen sections, immunohistochemistry or radiology."
    ),
    takes="patch, SVS and other whole slides, DICOM WSI",
    gives="tissue or tumour classes, slide map",
    accepts=(
        Accepts(
            role="slide",
            description="H&E histology: a patch or a whole slide",
            kinds=("slide", "image"),
            modalities=("SM",),
        ),
    ),
    keywords=(
        "slide", "slides", "histology", "histopathology", "biopsy", "pathology", "tissue", "h&e",
        "tumour type", "adenocarcinoma", "squamous", "histología", "biopsia", "histologie",
        "biopsie", "histologia", "biópsia", "病理", "切片", "活检",
    ),
)  # fmt: skip
