"""`classify_pathology` by MedGemma: the classes of one organ as options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from specialists.base import Picture, Progress, Reading, Request, Source
from specialists.errors import NotAccepted
from specialists.medgemma import recipes
from specialists.medgemma.backend import MedGemmaBackend, scored
from specialists.medgemma.drawing import contact_sheet, shown
from specialists.medgemma.model import NAME
from specialists.medgemma.pixels import square
from specialists.medgemma.tissue import patches
from specialists.pathology.spec import HEADS, Organ, PathologyRequest, PathologyResult
from specialists.readers import read_photograph
from specialists.recalibration.record import uncalibrated
from specialists.reference import options_of

__all__ = ["PathologyBackend"]

ABOUT = "The tissue is from the {organ}. These are the possible classes of it:"
NOT_ASSESSED = (
    "Every tissue and tumour that is not among the classes; a slide gets one answer as a whole.",
    "Grade, stage, margins, lymph nodes and molecular markers; where on the slide it is.",
)
_ORGANS: dict[str, Organ] = {"chest": "lung", "colon": "colon"}


class PathologyBackend(MedGemmaBackend):
    """Classifies patches and slides."""

    tool: ClassVar[str] = "classify_pathology"
    evaluated_on: ClassVar[str] = (
        "No figure for these classes is known here; arXiv 2604.05081 has some for others."
    )

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Classify a patch, or a slide by its patches.

        Raises:
            NotAccepted: If the organ is not known, or the slide shows no tissue.
            Unavailable: If MedGemma can't be had, or does not choose among the classes.
        """
        options = options_of(request, PathologyRequest, self.tool)
        source = inputs["slide"][0]
        organ = options.organ or _ORGANS.get(source.manifest.body_part or "")
        if organ is None:
            raise NotAccepted("The organ is not known: say organ=lung, colon or bone.")
        progress(0.05, "reading the tissue")
        pictures, picture, notes = _shown(source, options.tiles)
        names = tuple(HEADS[organ].classes)
        asked = self._consult(progress)
        whole = organ if source.manifest.kind == "slide" else None
        recipe = recipes.options(pictures, ABOUT.format(organ=organ), names, whole)
        values = asked.shares(recipe, len(names), 0.3, "weighing the classes")
        predicted = scored(HEADS[organ].target, names, values)
        result = PathologyResult(
            summary=predicted.text,
            prediction_sets=(predicted,),
            not_assessed=NOT_ASSESSED,
            warnings=(uncalibrated(self.tool, NAME), *asked.warnings, *notes),
            provenance=self._provenance(asked),
        )
        return Reading(result, (picture,))


def _shown(
    source: Source, most: int
) -> tuple[tuple[recipes.Pixels, ...], Picture, tuple[str, ...]]:
    if source.manifest.kind == "slide":
        tissue = patches(source, most)
        title = "Patches of the slide as MedGemma was shown them"
        return tissue.pictures, contact_sheet(tissue.pictures, title), tissue.notes
    photograph = read_photograph(source.paths, series=source.series)
    padded = square(photograph.pixels).pixels
    return (padded,), shown(padded, "The patch as MedGemma was shown it"), photograph.notes
