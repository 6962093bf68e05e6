"""The recogniser as a specialist, for measuring it; it is not in the catalogue."""

from __future__ import annotations

import re

from specialists.base import BackendSpec, SpecialistSpec
from specialists.schema import Accepts

__all__ = ["SPEC"]

NAMES = {
    "chest X-ray": (
        *("CXR", "chest xray", "chest radiograph", "chest film", "cxr_kermany", "cxr_nih"),
        *("pneumonia", "no finding", "bacteria", "virus"),
    ),
    "other radiograph": ("Hand", "hand xray", "other X-ray", "radiograph"),
    "CT slice": (
        *("AbdomenCT", "ChestCT", "HeadCT", "CT", "abdomen CT", "chest CT", "head CT", "CT scan"),
        *("computed tomography", "ct_iq_othnccd"),
    ),
    "MR slice": ("BreastMRI", "breast MRI", "MR", "MRI", "MR scan", "magnetic resonance"),
    "fundus photograph": ("fundus", "retina", "retinal photograph", "fundus_idrid", *"01234"),
    "skin image": (
        *("skin", "skin photograph", "dermoscopy", "dermatoscopy", "skin lesion"),
        *("skin photograph or dermoscopy", "skin_ham10000"),
        *("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"),
    ),
    "H&E tissue": (
        *("H&E", "HE", "HE tissue", "H and E tissue", "histology", "histopathology", "pathology"),
        *("tissue", "pathology_nct_crc", "pathology_osteosarcoma", "pathology_lc25000_lung"),
        *("lung_aca", "lung_n", "lung_scc", "adi", "lym", "muc", "mus", "norm", "str", "tum"),
        *("non-tumor", "viable", "non-viable-tumor"),
    ),
    "not a medical image": ("other", "not medical", "non-medical", "everyday", "natural image"),
}
"""Class name → what data sets call it: their own labels, and the sets' names."""


def spellings(*names: str) -> tuple[str, ...]:
    """Give each name with blanks, underscores, hyphens and nothing between its words."""
    found: dict[str, None] = {}
    for name in names:
        words = re.split(r"[ _-]", name.lower())
        joined = (mark.join(words) for mark in (" ", "_", "-", ""))
        found |= dict.fromkeys((name.lower(), name.lower().replace(" ", "_"), *joined))
    return tuple(found)


SPEC = SpecialistSpec(
    name="recogniser",
    title="Recogniser",
    description="Says what kind of picture a file without a header is.",
    takes="PNG, JPEG, TIFF",
    gives="the kind of picture",
    accepts=(
        Accepts(
            role="picture",
            description="a picture",
            kinds=("image", "photograph", "radiograph"),
        ),
    ),
    backends=(
        BackendSpec(
            name="reference",
            target="specialists.recogniser.reference:ReferenceBackend",
            requires=("torch", "safetensors"),
            install='pip install "wardround[models]"',
        ),
    ),
    labels={name: spellings(name, *others) for name, others in NAMES.items()},
    positive=("chest X-ray",),
)
