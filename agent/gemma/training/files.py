"""Invented attachments: manifests as an inspection gives them, and nothing of anybody."""

from __future__ import annotations

from random import Random
from typing import Any

from agent.answer import Attachment
from specialists.schema import Manifest

__all__ = ["FREE", "KINDS", "KINDS_SAID", "MODALITY_OF", "POOL", "attach", "manifest"]

_FILM: dict[str, Any] = {"kind": "radiograph", "format": "DICOM", "modality": ["CR", "DX"]}
_CT: dict[str, Any] = {
    "kind": "volume",
    "format": "DICOM",
    "modality": "CT",
    "view": ["axial", None],
}
_MR: dict[str, Any] = {
    "kind": "volume", "format": "DICOM", "modality": "MR",
    "view": ["axial", "sagittal", "coronal", None],
}  # fmt: skip
_PHOTO: dict[str, Any] = {"kind": "photograph", "format": "JPEG"}

KINDS: dict[str, dict[str, Any]] = {
    "chest film": {**_FILM, "body_part": "chest", "view": ["PA", "AP", None, None]},
    "lateral film": {**_FILM, "body_part": "chest", "view": ["lateral", "lateral", "oblique"]},
    "limb film": {
        **_FILM,
        "body_part": ["ankle", "knee", "wrist", "hand", "extremity", "foot", "elbow", "shoulder"],
        "view": ["AP", "PA", "lateral", None], "laterality": ["left", "right", None],
    },
    "hand film": {**_FILM, "body_part": ["hand", "extremity"], "view": ["PA", None]},
    "spine film": {**_FILM, "body_part": ["spine", "lumbar spine"], "view": ["AP", "lateral"]},
    "abdomen film": {**_FILM, "body_part": ["abdomen", "pelvis"], "view": ["AP", None]},
    "chest ct": {**_CT, "body_part": ["chest", "chest", None]},
    "abdominal ct": {**_CT, "body_part": ["abdomen", "abdomen", "pelvis", "pancreas", None]},
    "head ct": {**_CT, "body_part": ["head", "brain"]},
    "ct picture": {"kind": "image", "format": "PNG", "modality": "CT",
                   "body_part": ["chest", "abdomen", "head", None]},
    "brain mr": {**_MR, "body_part": ["brain", "head"]},
    "knee mr": {**_MR, "body_part": "knee"},
    "other mr": {**_MR, "body_part": ["lumbar spine", "spine", "shoulder", "breast", "chest",
                                      "abdomen", "prostate", None]},
    "mr picture": {"kind": "image", "format": "PNG", "modality": "MR",
                   "body_part": ["brain", "head", "breast", None]},
    "ultrasound": {"kind": "image", "format": "DICOM", "modality": "US",
                   "body_part": ["abdomen", "neck", "breast", "heart", None]},
    "fundus": {**_PHOTO, "modality": "OP", "body_part": "eye",
               "laterality": ["left", "right", None, None]},
    "oct": {**_PHOTO, "modality": "OPT", "body_part": "eye"},
    "skin photo": {**_PHOTO, "modality": "XC", "body_part": ["skin", "skin", None]},
    "dermoscopy": {**_PHOTO, "modality": "DMS", "body_part": "skin"},
    "slide": {"kind": "slide", "format": "SVS", "modality": "SM",
              "body_part": [None, None, "lung", "chest", "colon"]},
    "patch": {"kind": "image", "format": "PNG", "modality": "SM"},
    "variants": {"kind": "variants", "format": ["VCF", "BCF"]},
    "scoring": {"kind": "scoring_file", "format": "PGS scoring file"},
    "mammogram": {**_FILM, "modality": "MG", "body_part": "breast"},
    "dental film": {**_FILM, "modality": ["IO", "PX"], "body_part": ["jaw", "teeth", "head"]},
    "pet": {"kind": "volume", "format": "DICOM", "modality": "PT", "body_part": [None, "chest"]},
    "angiogram": {"kind": "image", "format": "DICOM", "modality": "XA", "body_part": "heart"},
    "endoscopy": {**_PHOTO, "modality": "ES", "body_part": [None, "colon"]},
    "unknown picture": {"kind": "image", "format": ["PNG", "JPEG"], "recognised": "unknown"},
    "unknown volume": {"kind": "volume", "format": "NIfTI"},
    "unplaced film": {**_FILM, "view": ["AP", None]},
    "unreadable": {},
}  # fmt: skip
"""By name: the fields of a manifest, each one value or several to pick from."""

KINDS_SAID = {
    "chest film": "chest radiographs", "chest ct": "CT of the chest", "ultrasound": "ultrasound",
    "abdominal ct": "CT of the abdomen", "other mr": "magnetic resonance",
    "head ct": "CT of the head",
    "brain mr": "MR of the brain", "spine film": "spine radiographs",
    "limb film": "radiographs of the limbs", "fundus": "fundus photographs", "oct": "OCT",
    "skin photo": "skin photographs", "mammogram": "mammograms", "slide": "slides",
    "variants": "genotypes",
}  # fmt: skip
"""What a description calls some kinds."""

POOL = ("chest film", "chest ct", "fundus", "skin photo", "slide", "brain mr", "variants",
         "limb film", "abdominal ct", "dermoscopy")  # fmt: skip
"""Kinds of file that lie about in any case."""

FREE = {
    "chest film": "chest film", "limb film": "limb film", "hand film": "limb film",
    "chest ct": "chest ct", "abdominal ct": "abdominal ct", "head ct": "head ct",
    "brain mr": "mr", "knee mr": "mr", "other mr": "mr", "mr picture": "mr",
    "ultrasound": "ultrasound", "fundus": "fundus", "skin photo": "skin photo", "slide": "slide",
}  # fmt: skip
"""Kinds on which free questions are asked, and the section of their findings."""

MODALITY_OF = {
    "MR": ("brain mr", "knee mr", "other mr", "mr picture"), "US": ("ultrasound",),
    "MG": ("mammogram",), "PT": ("pet",), "ECG": (),
}  # fmt: skip
"""Kinds of study that no shipped specialist is made for, and the files that are one."""


def manifest(kind: str, random: Random) -> Manifest | None:
    """Invent a manifest of a kind; None for a file that could not be read."""
    fields = {
        name: random.choice(value) if isinstance(value, list) else value
        for name, value in KINDS[kind].items()
    }
    return Manifest.model_validate(fields) if fields else None


def attach(kinds: list[str], random: Random) -> list[Attachment]:
    """Attachments A1, A2, … of these kinds."""
    return [
        Attachment(id=f"A{number}", manifest=manifest(kind, random))
        for number, kind in enumerate(kinds, 1)
    ]
