"""`answer_image_question` by MedGemma: a free answer from films, volumes, slides, photographs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from specialists.base import Picture, Progress, Reading, Request, Source
from specialists.medgemma import recipes
from specialists.medgemma.backend import MedGemmaBackend
from specialists.medgemma.drawing import contact_sheet, shown
from specialists.medgemma.pixels import eight_bits, square
from specialists.medgemma.recipes import Recipe
from specialists.medgemma.tissue import patches
from specialists.medgemma.volumes import ct_slices, mr_slices
from specialists.readers import read_photograph, read_radiograph
from specialists.reference import options_of
from specialists.schema import SpecialistResult
from specialists.visual_question.spec import VisualQuestionRequest

__all__ = ["QuestionBackend"]

CANT_TELL = "Can't tell"
_CANT_TELL = re.compile(
    r"\b(can('|’)?t tell|cannot (tell|be determined|determine)|can not (tell|be determined)"
    r"|unable to (tell|determine)|not possible to (tell|determine))\b",
    re.IGNORECASE,
)
NOT_ASSESSED = ("Everything that was not asked.",)
FREE = "The answer is free text of a language model: nothing in it was calibrated or measured."
_PATCHES = 48


@dataclass(frozen=True)
class _Shown:
    recipe: Recipe
    picture: Picture
    notes: tuple[str, ...]


class QuestionBackend(MedGemmaBackend):
    """Answers questions about images."""

    tool: ClassVar[str] = "answer_image_question"
    evaluated_on: ClassVar[str] = (
        "No figure for free questions is repeated here; arXiv 2604.05081 has what was published. "
        "Users report that films of the knee are read poorly: of radiographs it is asked only "
        "about the chest."
    )

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Answer one question about one image.

        Raises:
            Unavailable: If MedGemma can't be had.
        """
        options = options_of(request, VisualQuestionRequest, self.tool)
        progress(0.05, "reading the image")
        seen = _seen(inputs["image"][0], options.question)
        asked = self._consult(progress)
        answer = asked.text(seen.recipe, 0.3, "answering")
        result = SpecialistResult(
            summary=_told(answer),
            not_assessed=NOT_ASSESSED,
            warnings=(*asked.warnings, FREE, *seen.notes),
            provenance=self._provenance(asked),
        )
        return Reading(result, (seen.picture,))


def _seen(source: Source, question: str) -> _Shown:
    kind = source.manifest.kind
    if kind == "volume":
        modality = "CT" if source.manifest.modality == "CT" else "MR"
        seen = ct_slices(source) if modality == "CT" else mr_slices(source)
        recipe = recipes.volume(seen.pictures, modality, question)
        title = f"{modality} slices as MedGemma was shown them"
        sheet = contact_sheet(seen.pictures, title, places=seen.places, count=seen.count)
        return _Shown(recipe, sheet, (seen.told, *seen.notes))
    if kind == "slide":
        tissue = patches(source, _PATCHES)
        organ = source.manifest.body_part or "unknown"
        sheet = contact_sheet(tissue.pictures, "Patches of the slide as MedGemma was shown them")
        return _Shown(recipes.question(tissue.pictures, question, organ), sheet, tissue.notes)
    pixels, notes = _flat(source)
    padded = square(pixels).pixels
    title = "The image that the question is about"
    return _Shown(recipes.question((padded,), question), shown(padded, title), notes)


def _flat(source: Source) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    if source.manifest.kind == "radiograph":
        film = read_radiograph(source.paths, series=source.series)
        return eight_bits(film.pixels), film.notes
    photograph = read_photograph(source.paths, series=source.series)
    return photograph.pixels, photograph.notes


def _told(answer: str) -> str:
    if _CANT_TELL.search(answer):
        return f"{CANT_TELL}: the model does not see in the image what was asked."
    return f"To the question that was asked the model answers: {answer}"
