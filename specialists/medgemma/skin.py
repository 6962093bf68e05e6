"""`classify_skin_lesion` by MedGemma: the seven diagnoses as options."""

from __future__ import annotations

from specialists.medgemma.photographs import PhotographBackend
from specialists.skin.spec import DIAGNOSES, MALIGNANCY, MALIGNANT, SkinRequest

__all__ = ["SkinBackend"]


class SkinBackend(PhotographBackend):
    """Classifies lesions."""

    tool = "classify_skin_lesion"
    options = SkinRequest
    evaluated_on = (
        "No figure for these seven diagnoses is known here; arXiv 2604.05081 has some for others."
    )
    about = "The image shows one skin lesion. These are the possible diagnoses:"
    target = "diagnosis"
    names = tuple(DIAGNOSES)
    finding = MALIGNANCY
    article = "a "
    positive = MALIGNANT
    not_assessed = (
        "Diagnoses other than the seven.",
        "Age, sex and site of the person: MedGemma was shown the picture alone.",
        "Size, growth and change since earlier pictures.",
    )
    cautions = ("How well MedGemma reads dark skin is not published for these diagnoses.",)
    doing = "weighing the diagnoses"
    title = "The lesion as MedGemma was shown it"
