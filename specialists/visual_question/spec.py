"""What `answer_image_question` takes and gives."""

from __future__ import annotations

from pydantic import Field

from specialists.base import BackendSpec, Request, SpecialistSpec
from specialists.medgemma.model import TRUNK_AND_HEAD
from specialists.medgemma.model import backend as medgemma
from specialists.schema import Accepts

__all__ = ["SPEC", "VisualQuestionRequest"]


class VisualQuestionRequest(Request):
    """Options of `answer_image_question`."""

    question: str = Field(min_length=3, max_length=1000)
    """The question, as the clinician put it, about what the image shows."""


_COMPETENT = (
    Accepts(
        role="image",
        description="a radiograph of the chest",
        kinds=("radiograph",),
        modalities=("CR", "DX"),
        body_parts=("chest",),
    ),
    Accepts(
        role="image",
        description="a CT or MR scan of head, neck, chest, abdomen, pelvis or spine",
        kinds=("volume",),
        modalities=("CT", "MR"),
        body_parts=(
            *TRUNK_AND_HEAD,
            "neck",
            "spine",
            "cervical spine",
            "thoracic spine",
            "lumbar spine",
        ),
    ),
    Accepts(
        role="image",
        description="tissue, skin or fundus",
        kinds=("slide", "photograph", "image"),
        modalities=("SM", "XC", "DMS", "OP"),
    ),
)
"""What MedGemma was trained to read; ultrasound, mammography, nuclear medicine and films of other
parts of the body are left to the reference, which says that it can't tell."""

SPEC = SpecialistSpec(
    name="answer_image_question",
    title="Question about an image",
    description=(
        "Answers a free question about one medical image (radiograph, CT, MR, slide, photograph) "
        "in words, or says that it can't tell. Use it only where no specialist for that kind of "
        "image fits the question. Not for files that aren't medical images."
    ),
    takes="any medical image, a question",
    gives="an answer, or that it can't tell",
    accepts=(
        Accepts(
            role="image",
            description="one medical image whose modality is known",
            kinds=("radiograph", "volume", "slide", "photograph", "image"),
            modalities=(
                "CR", "DX", "CT", "MR", "US", "MG", "PT", "NM", "XA", "RF",
                "SM", "XC", "DMS", "OP", "OPT", "ES",
            ),
        ),
    ),
    request=VisualQuestionRequest,
    backends=(
        medgemma("visual_question:QuestionBackend", accepts=_COMPETENT),
        BackendSpec(
            name="reference",
            target="specialists.visual_question.reference:ReferenceBackend",
            requires=("torch", "safetensors"),
            memory_gib=0.5,
            install='pip install "wardround[models]"',
        ),
    ),
    labels={"no": ("false", "n"), "yes": ("true", "y")},
    positive=("yes",),
    keywords=("what is shown", "which organ", "which modality", "what plane", "describe the image"),
)  # fmt: skip
