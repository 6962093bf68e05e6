"""`classify_retina` by MedGemma: the five grades of retinopathy as options A to E."""

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
from specialists.retina.spec import GRADES, REFERABLE
from specialists.schema import Finding, SpecialistResult

__all__ = ["RetinaBackend"]

ABOUT = "The image is a color fundus photograph. These are the grades of diabetic retinopathy:"
NOT_ASSESSED = (
    "Any disease but diabetic retinopathy, and the risk of macular edema.",
    "Where lesions are: there is no map.",
    "Whether the photograph is good enough to be graded.",
)
_FIRST_REFERABLE = 2


class RetinaBackend(MedGemmaBackend):
    """Grades photographs."""

    tool: ClassVar[str] = "classify_retina"
    evaluated_on: ClassVar[str] = (
        "No figure for the five grades is repeated here; arXiv 2604.05081 has what was published."
    )

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Grade one photograph.

        Raises:
            Unavailable: If MedGemma can't be had, or does not choose among the grades.
        """
        source = inputs["photograph"][0]
        progress(0.1, "reading the photograph")
        photograph = read_photograph(source.paths, series=source.series)
        padded, names = square(photograph.pixels), tuple(GRADES)
        asked = self._consult(progress)
        recipe = recipes.options((padded.pixels,), ABOUT, names)
        values = asked.shares(recipe, len(names), 0.4, "weighing the grades")
        grade = scored("grade of diabetic retinopathy", names, values)
        share = sum(values[_FIRST_REFERABLE:])
        finding = Finding(
            name=REFERABLE,
            assertion="uncertain",
            text=f"Inconclusive for {REFERABLE} (score {share:.2f}, not calibrated).",
        )
        result = SpecialistResult(
            summary=f"{finding.text} {grade.text}",
            findings=(finding,),
            prediction_sets=(grade,),
            not_assessed=NOT_ASSESSED,
            warnings=(uncalibrated(self.tool, NAME), *asked.warnings, *photograph.notes),
            provenance=self._provenance(asked),
        )
        return Reading(result, (shown(padded.pixels, "The fundus as MedGemma was shown it"),))
