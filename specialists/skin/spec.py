"""What `classify_skin_lesion` takes and gives."""

from __future__ import annotations

from specialists.base import SpecialistSpec
from specialists.schema import Accepts

__all__ = ["SPEC"]

SPEC = SpecialistSpec(
    name="classify_skin_lesion",
    title="Skin lesion",
    description=(
        "Gives the likely diagnoses of one skin lesion on a photograph or dermoscopic image, as a "
        "set. Not for rashes, wounds, histology of the skin, or other photographs."
    ),
    takes="photograph, dermoscopy",
    gives="diagnoses as a prediction set",
    accepts=(
        Accepts(
            role="photograph",
            description="a photograph or dermoscopic image of one skin lesion",
            kinds=("photograph",),
            modalities=("XC", "DMS"),
        ),
    ),
    keywords=(
        "skin", "mole", "lesion", "melanoma", "naevus", "nevus", "dermoscopy", "dermatoscopy",
        "basal cell", "keratosis", "pigmented", "piel", "lunar", "peau", "grain de beauté", "haut",
        "muttermal", "pele", "pinta", "皮肤", "痣", "黑色素瘤",
    ),
)  # fmt: skip
