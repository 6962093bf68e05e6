"""What `classify_pathology` takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from specialists.base import BackendSpec, Request, SpecialistSpec
from specialists.encoders.offer import backend as head
from specialists.medgemma.model import backend as medgemma
from specialists.schema import Accepts, SpecialistResult
from specialists.siglip.offer import backend as medsiglip

__all__ = ["HEADS", "SPEC", "Head", "Organ", "PathologyRequest", "PathologyResult"]

Organ = Literal["lung", "colon", "bone"]


@dataclass(frozen=True)
class Head:
    """What is told apart in one organ."""

    target: str
    field_um: float
    """Edge of the square that one tile shows."""
    classes: dict[str, tuple[str, ...]]
    """Class name to the names that data sets use."""
    positive: tuple[str, ...]
    """Classes that are tumour."""


HEADS: dict[Organ, Head] = {
    "lung": Head(
        "lung tumour type",
        112.0,
        {
            "benign lung tissue": ("lung_n",),
            "lung adenocarcinoma": ("lung_aca",),
            "lung squamous cell carcinoma": ("lung_scc",),
        },
        ("lung adenocarcinoma", "lung squamous cell carcinoma"),
    ),
    "colon": Head(
        "colorectal tissue",
        112.0,
        {
            "adipose tissue": ("ADI",),
            "lymphocytes": ("LYM",),
            "mucus": ("MUC",),
            "smooth muscle": ("MUS",),
            "normal colon mucosa": ("NORM",),
            "cancer-associated stroma": ("STR",),
            "colorectal adenocarcinoma epithelium": ("TUM",),
        },
        ("colorectal adenocarcinoma epithelium",),
    ),
    "bone": Head(
        "osteosarcoma viability",
        1024.0,
        {
            "no osteosarcoma": ("Non-Tumor",),
            "non-viable osteosarcoma": ("Non-Viable-Tumor",),
            "viable osteosarcoma": ("Viable",),
        },
        ("viable osteosarcoma",),
    ),
}


class PathologyRequest(Request):
    """Options of `classify_pathology`."""

    organ: Organ | None = None
    """Where the tissue is from, which picks the classes: lung (benign, adenocarcinoma, squamous),
    colon (seven tissues) or bone (osteosarcoma, viable or not). Without it, and without a header
    that says it, nothing is classified."""
    tiles: int = Field(default=48, ge=1, le=400)
    """At most so many places of a whole slide are looked at."""


class PathologyResult(SpecialistResult):
    """What `classify_pathology` gives back."""

    slide_map: str | None = None
    """GeoJSON of the tiles with their likeliest classes, in pixels of the finest level."""


SPEC = SpecialistSpec(
    name="classify_pathology",
    title="Pathology slide",
    description=(
        "Classifies tissue on H&E histology: a patch, a whole slide (SVS, tiled TIFF) or a DICOM "
        "whole-slide image, of lung (tumour type), colon (tissue) or bone (osteosarcoma); say "
        "the organ. Not for other organs, cytology, frozen sections, immunohistochemistry or "
        "radiology."
    ),
    takes="patch, SVS, tiled TIFF, DICOM WSI; the organ",
    gives="tissue or tumour classes with a prediction set, slide map",
    accepts=(
        Accepts(
            role="slide",
            description="H&E histology: a patch or a whole slide",
            kinds=("slide", "image"),
            modalities=("SM",),
        ),
    ),
    request=PathologyRequest,
    result=PathologyResult,
    backends=(
        # Passed over by 'auto' until it was trained on the user's own cases.
        head("Pathology"),
        medgemma("pathology:PathologyBackend", scores=True),
        # Passed over by 'auto' while it is not calibrated on the user's own cases.
        medsiglip("Pathology"),
        BackendSpec(
            name="reference",
            target="specialists.pathology.reference:ReferenceBackend",
            requires=("torch", "safetensors"),
            memory_gib=0.5,
            install='pip install "wardround[models]"',
        ),
    ),
    findings=tuple(name for head in HEADS.values() for name in head.classes),
    keywords=(
        "slide", "slides", "histology", "histopathology", "biopsy", "pathology", "tissue", "h&e",
        "tumour type", "adenocarcinoma", "squamous", "osteosarcoma", "histología", "biopsia",
        "histologie", "biopsie", "histologia", "biópsia", "病理", "切片", "活检",
    ),
    labels={name: known for head in HEADS.values() for name, known in head.classes.items()},
    positive=tuple(name for head in HEADS.values() for name in head.positive),
    label_options={
        name: {"organ": organ} for organ, head in HEADS.items() for name in head.classes
    },
)  # fmt: skip
