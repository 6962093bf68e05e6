"""What `classify_skin_lesion` takes and gives."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from specialists.base import BackendSpec, Request, SpecialistSpec
from specialists.encoders.offer import backend as head
from specialists.medgemma.model import backend as medgemma
from specialists.schema import Accepts
from specialists.siglip.offer import backend as medsiglip

__all__ = ["DIAGNOSES", "MALIGNANCY", "MALIGNANT", "SITES", "SPEC", "SkinRequest"]

DIAGNOSES = {
    "actinic keratosis or intraepithelial carcinoma": (
        "akiec", "ack", "scc", "actinic keratosis", "actinic keratoses", "bowen's disease",
        "intraepithelial carcinoma", "squamous cell carcinoma",
    ),
    "basal cell carcinoma": ("bcc",),
    "benign keratosis": (
        "bkl", "sek", "seborrheic keratosis", "benign keratosis-like lesions", "solar lentigo",
        "lichen planus-like keratosis",
    ),
    "dermatofibroma": ("df",),
    "melanoma": ("mel",),
    "melanocytic nevus": ("nv", "nev", "nevus", "melanocytic nevi"),
    "vascular lesion": ("vasc", "vascular lesions"),
}  # fmt: skip
"""The seven diagnoses, each with the names that data sets use (HAM10000, PAD-UFES-20)."""

MALIGNANT = (
    "actinic keratosis or intraepithelial carcinoma",
    "basal cell carcinoma",
    "melanoma",
)
"""Malignant, or on the way to it."""
MALIGNANCY = "malignant skin lesion"

Site = Literal[
    "abdomen", "acral", "back", "chest", "ear", "face", "foot", "genital", "hand",
    "lower extremity", "neck", "scalp", "trunk", "upper extremity",
]  # fmt: skip
SITES: tuple[str, ...] = get_args(Site)


class SkinRequest(Request):
    """Options of `classify_skin_lesion`."""

    age_years: float | None = Field(default=None, ge=0, le=120)
    """The person's age; the header's, where it is not given."""
    sex: Literal["female", "male"] | None = None
    """The person's sex; the header's, where it is not given."""
    site: Site | None = None
    """Where on the body the lesion is."""
    image_type: Literal["dermoscopy", "photograph"] | None = None
    """How the picture was taken, where that is known; otherwise it is told from the picture."""


SPEC = SpecialistSpec(
    name="classify_skin_lesion",
    title="Skin lesion",
    description=(
        "Gives the likely diagnoses of one skin lesion on a photograph or dermoscopic image, as a "
        "set, and whether it may be malignant; age, sex and site help where they are known. Not "
        "for rashes, wounds, histology of the skin, or other photographs."
    ),
    takes="dermoscopy, photograph; optional age, sex, site",
    gives="seven diagnoses as a prediction set, malignant or not with a calibrated probability, "
    "map of where",
    accepts=(
        Accepts(
            role="photograph",
            description="a photograph or dermoscopic image of one skin lesion",
            kinds=("photograph",),
            modalities=("XC", "DMS"),
        ),
    ),
    request=SkinRequest,
    backends=(
        # Passed over by 'auto' until it was trained on the user's own cases.
        head("Skin"),
        medgemma("skin:SkinBackend", scores=True),
        # Passed over by 'auto' while it is not calibrated on the user's own cases.
        medsiglip("Skin"),
        BackendSpec(
            name="reference",
            target="specialists.skin.reference:ReferenceBackend",
            requires=("torch", "safetensors"),
            memory_gib=0.4,
            install='pip install "wardround[models]"',
        ),
    ),
    findings=(MALIGNANCY, *DIAGNOSES),
    keywords=(
        "skin", "mole", "lesion", "melanoma", "naevus", "nevus", "dermoscopy", "dermatoscopy",
        "basal cell", "keratosis", "pigmented", "piel", "lunar", "peau", "grain de beauté", "haut",
        "muttermal", "pele", "pinta", "皮肤", "痣", "黑色素瘤",
    ),
    timeout_s=60.0,
    labels=DIAGNOSES,
    positive=MALIGNANT,
    question=MALIGNANCY,
)  # fmt: skip
