"""What `classify_retina` takes and gives."""

from __future__ import annotations

from specialists.base import BackendSpec, SpecialistSpec
from specialists.encoders.offer import backend as head
from specialists.medgemma.model import backend as medgemma
from specialists.schema import Accepts
from specialists.siglip.offer import backend as medsiglip

__all__ = ["EDEMA", "GRADES", "HIGH_RISK", "REFERABLE", "SPEC"]

GRADES = {
    "no diabetic retinopathy": ("0", "grade 0", "no dr"),
    "mild diabetic retinopathy": ("1", "grade 1", "mild"),
    "moderate diabetic retinopathy": ("2", "grade 2", "moderate"),
    "severe diabetic retinopathy": ("3", "grade 3", "severe"),
    "proliferative diabetic retinopathy": ("4", "grade 4", "proliferative"),
}
"""The international grades 0 to 4 in order, with the names that data sets use."""

EDEMA = (
    "no apparent risk of macular edema",
    "low risk of macular edema",
    "high risk of macular edema",
)
"""No exudates, exudates away from the macula, exudates within one disc diameter of it."""

REFERABLE = "referable diabetic retinopathy"
"""Moderate or worse."""
HIGH_RISK = EDEMA[2]

SPEC = SpecialistSpec(
    name="classify_retina",
    title="Retina",
    description=(
        "Grades diabetic retinopathy (0 to 4) on a colour fundus photograph or OCT and says "
        "whether it is referable. Not for glaucoma, the front of the eye, or angiography."
    ),
    takes="fundus photograph, OCT",
    gives="retinopathy grade, referable or not, risk of macular edema, lesion map",
    accepts=(
        Accepts(
            role="photograph",
            description="a colour fundus photograph or OCT",
            kinds=("photograph",),
            modalities=("OP", "OPT"),
        ),
    ),
    backends=(
        # Passed over by 'auto' until it was trained on the user's own cases.
        head("Retina"),
        medgemma(
            "retina:RetinaBackend",
            scores=True,
            accepts=(
                Accepts(
                    role="photograph",
                    description="a colour fundus photograph",
                    kinds=("photograph",),
                    modalities=("OP",),
                ),
            ),
        ),
        # Passed over by 'auto' while it is not calibrated on the user's own cases.
        medsiglip("Retina"),
        BackendSpec(
            name="reference",
            target="specialists.retina.reference:ReferenceBackend",
            requires=("safetensors",),
            memory_gib=0.2,
            install='pip install "wardround[models]"',
        ),
    ),
    findings=(REFERABLE, HIGH_RISK),
    keywords=(
        "retina", "retinal", "fundus", "retinopathy", "eye", "macula", "macular", "diabetic eye",
        "oct", "retinopatía", "fondo de ojo", "ojo", "rétine", "fond d'œil", "œil", "netzhaut",
        "augenhintergrund", "auge", "fundo de olho", "olho", "视网膜", "眼底", "眼",
    ),
    labels=GRADES,
    positive=tuple(GRADES)[2:],
    question=REFERABLE,
)  # fmt: skip
