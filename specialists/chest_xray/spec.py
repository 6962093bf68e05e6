"""What `report_chest_xray` takes and gives."""

from __future__ import annotations

from typing import Literal

from specialists.base import BackendSpec, Request, SpecialistSpec
from specialists.encoders.offer import backend as head
from specialists.medgemma.model import backend as medgemma
from specialists.medgemma.terms import names
from specialists.schema import Accepts
from specialists.siglip.offer import backend as medsiglip
from specialists.xrv.offer import backend as xrv

__all__ = ["FINDING", "SPEC", "ChestXrayRequest"]

FINDING = "pneumonia or opacity"


class ChestXrayRequest(Request):
    """Options of `report_chest_xray`."""

    population: Literal["adult", "paediatric"] | None = None
    """Whose film it is, where the header does not tell the age: the model is calibrated apart."""


_FILM = Accepts(
    role="film",
    description="a frontal chest radiograph (CR, DX, PNG or JPEG)",
    kinds=("radiograph",),
    modalities=("CR", "DX"),
    body_parts=("chest",),
    refused_views=("lateral", "oblique", "decubitus"),
)

SPEC = SpecialistSpec(
    name="report_chest_xray",
    title="Chest X-ray",
    description=(
        "Reads a frontal chest radiograph: is there pneumonia or opacity, how probable, and where "
        "on the film. A second film, if given, is the earlier one. Not for CT, lateral views, "
        "other body parts, or findings such as fracture, effusion, heart size or tubes."
    ),
    takes="CR, DX, PNG, JPEG; chest only; optional prior",
    gives="pneumonia or opacity with a calibrated probability and a prediction set, map of where",
    accepts=(
        _FILM,
        _FILM.model_copy(
            update={
                "role": "prior",
                "required": False,
                "description": "the earlier film of the same person, to compare with",
            }
        ),
    ),
    request=ChestXrayRequest,
    backends=(
        medgemma(
            "chest_xray:ChestXrayBackend",
            findings=names("xr"),
            description=(
                "Writes a report of a frontal chest radiograph: pneumonia, opacity, effusion, "
                "pneumothorax, heart size, edema, nodules, fractures and other findings, each "
                "present, absent or uncertain, with boxes where it sees them. A second film, if "
                "given, is the earlier one, and both are compared. Not for CT, lateral views or "
                "other body parts."
            ),
            gives="report, findings with sides and boxes, comparison with a prior",
        ),
        # Passed over by 'auto' until it was trained on the user's own cases.
        head("ChestXray"),
        # Passed over by 'auto' while it is not calibrated on the user's own cases.
        medsiglip("ChestXray"),
        xrv(),
        BackendSpec(
            name="reference",
            target="specialists.chest_xray.reference:ReferenceBackend",
            requires=("torch", "safetensors"),
            memory_gib=0.5,
            install='pip install "wardround[models]"',
        ),
    ),
    findings=(FINDING,),
    keywords=(
        "chest x-ray", "chest xray", "chest film", "chest radiograph", "cxr", "pneumonia",
        "opacity", "opacities", "consolidation", "infiltrate", "infiltrates", "neumonía",
        "radiografía de tórax", "pneumonie", "radiographie thoracique", "radio du thorax",
        "lungenentzündung", "röntgen thorax", "thoraxröntgen", "radiografia de tórax", "肺炎",
        "胸片",
    ),
    timeout_s=60.0,
    labels={
        f"no {FINDING}": ("normal", "no finding", "no pneumonia"),
        FINDING: ("pneumonia", "bacteria", "virus", "opacity"),
    },
    positive=(FINDING,),
    question=FINDING,
)  # fmt: skip
