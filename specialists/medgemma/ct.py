"""`report_ct` by MedGemma: a report from at most 85 slices, and findings read out of it.

MedGemma measures nothing: volumes, areas and densities are the reference's, with its masks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from specialists.base import Progress, Reading, Request, Source
from specialists.ct.reference import Reference
from specialists.ct.spec import CtResult, ReportCt
from specialists.errors import WardroundError
from specialists.medgemma import recipes
from specialists.medgemma.backend import MedGemmaBackend
from specialists.medgemma.drawing import contact_sheet
from specialists.medgemma.report import findings
from specialists.medgemma.volumes import ct_slices
from specialists.reference import options_of
from specialists.schema import Finding, Narrative, Provenance

__all__ = ["CtBackend"]

NOT_ASSESSED = (
    "What the report does not name: its silence is no sign that a finding is not there.",
    "Slices between those that were shown, and anything smaller than their distance.",
    "Contrast phase, and comparison with earlier scans.",
)
_ELSEWHERE = "For CT of the {part} nothing is published of MedGemma that says how well it reads it."
PUBLISHED = ("chest",)


class CtBackend(MedGemmaBackend):
    """Reports CT scans."""

    tool: ClassVar[str] = "report_ct"
    evaluated_on: ClassVar[str] = (
        "Published (arXiv 2604.05081): macro-F1 on CT-RATE (chest) is only 27.0 of 100. Which "
        "planes and contrast phases it reads is not stated."
    )

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Report a scan.

        A scan that can't be measured is reported all the same, and says so.

        Raises:
            MislabelledFile: If it holds no Hounsfield units.
            Unavailable: If MedGemma can't be had.
        """
        options = options_of(request, ReportCt, self.tool)
        (source,) = inputs["volume"]
        progress(0.05, "reading the slices")
        seen = ct_slices(source)
        asked = self._consult(progress)
        report = asked.text(recipes.volume(seen.pictures, "CT"), 0.2, "writing the report")
        found = findings(report, "ct")
        measured, notes = _measured(inputs, options, progress)
        result = CtResult(
            summary=" ".join([seen.told, *_summary(found)]),
            findings=found,
            measurements=measured.result.measurements if measured else (),
            narrative=Narrative(text=report),
            not_assessed=NOT_ASSESSED,
            warnings=(seen.told, *asked.warnings, *_competence(source), *seen.notes, *notes),
            provenance=_with_measuring(self._provenance(asked), measured),
        )
        title = "CT slices as MedGemma was shown them: red wide, green soft tissue, blue brain"
        sheet = contact_sheet(seen.pictures, title, places=seen.places, count=seen.count)
        drawn = (sheet, *(measured.pictures if measured else ())) if options.previews else ()
        return Reading(result, drawn, measured.masks if measured else ())


def _measured(
    inputs: Mapping[str, Sequence[Source]], options: ReportCt, progress: Progress
) -> tuple[Reading | None, tuple[str, ...]]:
    """Measure the scan as the reference does; where it can't be, say why."""
    try:
        read = Reference().read(
            inputs, options, lambda share, told: progress(0.8 + 0.2 * share, told)
        )
    except WardroundError as error:
        return None, (f"Nothing was measured: {error.client_message}",)
    return read, read.result.warnings


def _with_measuring(told: Provenance, measured: Reading | None) -> Provenance:
    """Say where the measurements are from."""
    if measured is None:
        return told
    by = measured.result.provenance
    said = f"{told.evaluated_on} Measurements are by {by.model} {by.version}: {by.evaluated_on}"
    return told.model_copy(update={"evaluated_on": said})


def _competence(source: Source) -> tuple[str, ...]:
    part = source.manifest.body_part
    if part in PUBLISHED:
        return ()
    return (_ELSEWHERE.format(part=part or "part of the body that this is"),)


def _summary(found: Sequence[Finding]) -> list[str]:
    told = [one.text for one in found]
    return told or ["MedGemma's report names none of the findings that are read out of it."]
