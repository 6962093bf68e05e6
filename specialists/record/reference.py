"""The backend of `read_patient_record`: plain code that repeats what is coded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from specialists.base import Progress, Reading, Request, Source
from specialists.readers.record import PARTS, Record, read_record
from specialists.record.spec import ReadRecord
from specialists.record.wording import findings, measurements, not_assessed, summary
from specialists.reference import options_of
from specialists.schema import Provenance, SpecialistResult

__all__ = ["Reference"]


class Reference:
    """Reads FHIR R4.

    Args:
        device: Not used: everything runs on the processor.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._device = device

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Read one part of a record, or its overview.

        Raises:
            UnreadableFile: If the file is no FHIR Bundle.
            MixedPatients: If it is of several patients.
        """
        options = options_of(request, ReadRecord, "read_patient_record")
        (source,) = inputs["record"]
        progress(0.1, "reading the record")
        record = read_record(source.paths, options.parts)
        progress(0.9, "writing")
        return Reading(_result(record, options.parts, overview=options.part is None))


def _result(record: Record, parts: Sequence[str], *, overview: bool) -> SpecialistResult:
    return SpecialistResult(
        summary=summary(record, parts, overview=overview),
        findings=findings(record),
        measurements=measurements(record),
        not_assessed=not_assessed(record, [part for part in PARTS if part not in parts]),
        provenance=Provenance(
            specialist="read_patient_record",
            backend="reference",
            model="FHIR reader",
            version="1.0",
            evaluated_on="not evaluated: it repeats what is coded in the record and judges nothing",
        ),
    )
