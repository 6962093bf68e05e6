"""What the backends of photographs share: classes as options, and a finding that some make."""

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

__all__ = ["PhotographBackend"]


class PhotographBackend(MedGemmaBackend):
    """Chooses among classes for one photograph; a finding is the sum of some of them."""

    options: ClassVar[type[Request]] = Request
    """The tool's own request."""
    about: ClassVar[str]
    """What the photograph is and what the options are, for the model."""
    target: ClassVar[str]
    """What the classes are of, in words."""
    names: ClassVar[tuple[str, ...]]
    """The classes."""
    finding: ClassVar[str]
    article: ClassVar[str] = ""
    """Before the finding's name in a sentence."""
    positive: ClassVar[Sequence[str]]
    """The classes that make the finding."""
    not_assessed: ClassVar[tuple[str, ...]]
    cautions: ClassVar[tuple[str, ...]] = ()
    doing: ClassVar[str]
    """What is being done, for who waits."""
    title: ClassVar[str]
    """Of the picture."""

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Weigh the classes of one photograph.

        Raises:
            Unavailable: If MedGemma can't be had, or does not choose among the options.
        """
        options_of(request, self.options, self.tool)
        source = inputs["photograph"][0]
        progress(0.1, "reading the photograph")
        photograph = read_photograph(source.paths, series=source.series)
        padded = square(photograph.pixels)
        asked = self._consult(progress)
        recipe = recipes.options((padded.pixels,), self.about, self.names)
        values = asked.shares(recipe, len(self.names), 0.4, self.doing)
        classes = scored(self.target, self.names, values)
        share = sum(v for name, v in zip(self.names, values, strict=True) if name in self.positive)
        finding = Finding(
            name=self.finding,
            assertion="uncertain",
            text=f"Inconclusive for {self.article}{self.finding} "
            f"(score {share:.2f}, not calibrated).",
        )
        result = SpecialistResult(
            summary=f"{finding.text} {classes.text}",
            findings=(finding,),
            prediction_sets=(classes,),
            not_assessed=self.not_assessed,
            warnings=(
                uncalibrated(self.tool, NAME),
                *asked.warnings,
                *self.cautions,
                *photograph.notes,
            ),
            provenance=self._provenance(asked),
        )
        return Reading(result, (shown(padded.pixels, self.title),))
