"""The recogniser as a specialist, for measuring it; it is not in the catalogue."""

from __future__ import annotations

from specialists.base import BackendSpec, SpecialistSpec
from specialists.schema import Accepts

__all__ = ["SPEC"]

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
    labels={
        "chest X-ray": ("CXR",),
        "other radiograph": ("Hand",),
        "CT slice": ("AbdomenCT", "ChestCT", "HeadCT", "CT"),
        "MR slice": ("BreastMRI", "MR", "MRI"),
        "fundus photograph": ("fundus",),
        "skin image": ("skin", "skin photograph", "dermoscopy", "skin photograph or dermoscopy"),
        "H&E tissue": ("H&E", "histology", "pathology"),
        "not a medical image": ("other", "not medical"),
    },
    positive=("chest X-ray",),
)
