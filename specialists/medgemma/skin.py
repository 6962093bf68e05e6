"""`classify_skin_lesion` by MedGemma: the seven diagnoses as options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from specialists.base import Progress, Reading, Request, Source
from specialists.medgemma import recipes
from specialists.medgemma.backend import MedGemmaBackend, scored
from specialists.medgemma.drawing import shown
from specialists.medgemma.model import NAME
from specialists.medgemma.pixels import square
from specialists.readers import read_photograph
from specialists.recalibration.record import uncalibrated
from specialists.reference import options_of
from specialists.schema import Finding, SpecialistResult
from specialists.skin.spec import DIAGNOSES, MALIGNANCY, MALIGNANT, SkinRequest

__all__ = ["SkinBackend"]

ABOUT = "The image shows one skin lesion. These are the possible diagnoses:"
NOT_ASSESSED = (
    "Diagnoses other than the seven.",
    "Age, sex and site of the person: MedGemma was shown the picture alone.",
    "Size, growth and change since earlier pictures.",
)
SKIN_TONES = "How well MedGemma reads dark skin is not published for these diagnoses."


class SkinBackend(MedGemmaBackend):
    """Classifies lesions."""

    tool: ClassVar[str] = "classify_skin_lesion"
    evaluated_on: ClassVar[str] = (
        "No figure for these seven diagnoses is known here; arXiv 2604.05081 has some for others."
    )

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Classify one lesion.

        Raises:
            Unavailable: If MedGemma can't be had, or does not choose among the options.
        """
        options_of(request, SkinRequest, self.tool)
        source = inputs["photograph"][0]
        progress(0.1, "reading the picture")
        photograph = read_photograph(source.paths, series=source.series)
        padded, names = square(photograph.pixels), tuple(DIAGNOSES)
        asked = self._consult(progress)
        recipe = recipes.options((padded.pixels,), ABOUT, names)
        values = asked.shares(recipe, len(names), 0.4, "weighing the diagnoses")
        diagnosis = scored("diagnosis", names, values)
        malignant = sum(v for name, v in zip(names, values, strict=True) if name in MALIGNANT)
        finding = Finding(
            name=MALIGNANCY,
            assertion="uncertain",
            text=f"Inconclusive for a {MALIGNANCY} (score {malignant:.2f}, not calibrated).",
        )
        result = SpecialistResult(
            summary=f"{finding.text} {diagnosis.text}",
            findings=(finding,),
            prediction_sets=(diagnosis,),
            not_assessed=NOT_ASSESSED,
            warnings=(
                uncalibrated(self.tool, NAME),
                *asked.warnings,
                SKIN_TONES,
                *photograph.notes,
            ),
            provenance=self._provenance(asked),
        )
        return Reading(result, (shown(padded.pixels, "The lesion as MedGemma was shown it"),))
