"""What `classify_retina` takes and gives."""

from __future__ import annotations

from specialists.base import SpecialistSpec
from specialists.schema import Accepts

__all__ = ["SPEC"]

SPEC = SpecialistSpec(
    name="classify_retina",
    title="Retina",
    description=(
        "Grades diabetic retinopathy (0 to 4) on a colour fundus photograph or OCT and says "
        "whether it is referable. Not for glaucoma, the front of the eye, or angiography."
    ),
    takes="fundus photograph, OCT",
    gives="retinopathy grade, referable or not",
    accepts=(
        Accepts(
            role="photograph",
            description="a colour fundus photograph or OCT",
            kinds=("photograph",),
            modalities=("OP", "OPT"),
        ),
    ),
    keywords=(
        "retina", "retinal", "fundus", "retinopathy", "eye", "macula", "macular", "diabetic eye",
        "oct", "retinopatía", "fondo de ojo", "ojo", "rétine", "fond d'œil", "œil", "netzhaut",
        "augenhintergrund", "auge", "fundo de olho", "olho", "视网膜", "眼底", "眼",
    ),
)  # fmt: skip
