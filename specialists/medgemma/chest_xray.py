"""`report_chest_xray` by MedGemma: report, comparison with a prior, boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from specialists.base import Progress, Reading, Request, Source
from specialists.chest_xray.spec import ChestXrayRequest
from specialists.medgemma import recipes
from specialists.medgemma.answers import boxes
from specialists.medgemma.backend import Consultation, MedGemmaBackend
from specialists.medgemma.change import compared
from specialists.medgemma.drawing import boxed
from specialists.medgemma.pixels import Square, eight_bits, square
from specialists.medgemma.report import findings, matching
from specialists.readers import read_radiograph
from specialists.reference import options_of
from specialists.schema import Finding, Narrative, SpecialistResult

__all__ = ["ChestXrayBackend"]

PRIOR_UNCHECKED = (
    "The second film was taken as the same person's earlier one because it was named second; "
    "neither was checked."
)
BOXES = (
    "Boxes are where MedGemma places its findings. Its published overlap (intersection over union "
    "38.0 of 100) is for parts of the anatomy, not for findings."
)
COMPARED = "COMPARISON WITH THE EARLIER FILM"
CHILD = "MedGemma's published figures for chest films are from adults."
NOT_ASSESSED = (
    "What the report does not name: its silence is no sign that a finding is not there.",
    "Probabilities: the report's words are the model's own, and were not calibrated.",
)
ADULT_YEARS = 18


class ChestXrayBackend(MedGemmaBackend):
    """Reports films."""

    tool: ClassVar[str] = "report_chest_xray"
    evaluated_on: ClassVar[str] = (
        "Published (arXiv 2604.05081): localization of anatomy on chest films, intersection over "
        "union 38.0. Users report films taken for other examinations."
    )

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Report a film, and compare it with the prior if there is one.

        Raises:
            Unavailable: If MedGemma can't be had.
        """
        options_of(request, ChestXrayRequest, self.tool)
        source = inputs["film"][0]
        progress(0.05, "reading the film")
        film, notes = _film(source)
        asked = self._consult(progress)
        report = asked.text(recipes.chest_report(film.pixels), 0.1, "writing the report")
        found = findings(report, "xr")
        comparison = self._comparison(inputs.get("prior", ()), film, asked)
        if comparison:
            found = compared(comparison, found, "xr")
        found = _located(film, found, asked)
        told = f"{report}\n\n{COMPARED}\n{comparison}" if comparison else report
        result = SpecialistResult(
            summary=_summary(found),
            findings=found,
            narrative=Narrative(text=told),
            not_assessed=NOT_ASSESSED,
            warnings=(
                *asked.warnings,
                *([PRIOR_UNCHECKED] if comparison else []),
                *([BOXES] if any(one.box for one in found) else []),
                *_of_whom(source),
                *notes,
            ),
            provenance=self._provenance(asked),
        )
        shown = film.pixels[film.top : film.top + film.rows, film.left : film.left + film.columns]
        return Reading(result, (boxed(shown, found),))

    def _comparison(
        self, priors: Sequence[Source], film: Square, asked: Consultation
    ) -> str | None:
        if not priors:
            return None
        prior, _ = _film(priors[0])
        recipe = recipes.chest_comparison(prior.pixels, film.pixels)
        return asked.text(recipe, 0.5, "comparing with the earlier film")


def _film(source: Source) -> tuple[Square, tuple[str, ...]]:
    """The full bit depth, MONOCHROME1 inverted, the file's window not looked at."""
    film = read_radiograph(source.paths, series=source.series)
    return square(eight_bits(film.pixels)), film.notes


def _located(film: Square, found: tuple[Finding, ...], asked: Consultation) -> tuple[Finding, ...]:
    """Ask where the findings are that are there; those without a box stay as they are."""
    there = [one for one in found if one.assertion == "present"]
    if not there:
        return found
    things = [f"{one.laterality or ''} {one.name}".strip() for one in there]
    recipe = recipes.localization(film.pixels, list(dict.fromkeys(things)))
    placed: dict[int, Finding] = {}
    for corners, label in boxes(asked.raw(recipe, 0.7, "looking where the findings are")):
        box = film.box(corners)
        for at in matching(label, found, "xr"):
            if box is not None and found[at].assertion == "present":
                placed.setdefault(at, found[at].model_copy(update={"box": box}))
    return tuple(placed.get(at, one) for at, one in enumerate(found))


def _summary(found: Sequence[Finding]) -> str:
    told = [one.text for one in found]
    return " ".join(told) or "MedGemma's report names none of the findings that are read out of it."


def _of_whom(source: Source) -> list[str]:
    years = source.manifest.age_years
    told = [CHILD] if years is not None and years < ADULT_YEARS else []
    if source.manifest.view is None:
        told.append("The view is unknown; MedGemma was evaluated on frontal films.")
    return told
