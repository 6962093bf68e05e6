"""Before a record of a FHIR server is read: the parts that a call wants are fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from specialists.base import Request, Source
from specialists.record.spec import ReadRecord
from tools.files import FileStore

__all__ = ["fill_records"]


def fill_records(
    files: FileStore, inputs: Mapping[str, Sequence[Source]], request: Request
) -> None:
    """Fetch what a call of `read_patient_record` wants; of other calls, and of files, nothing.

    Raises:
        ServerUnreachable, FileTooLarge: As `RecordServer.fill` does.
    """
    if files.records is None or not isinstance(request, ReadRecord):
        return
    for source in inputs.get("record", ()):
        files.records.fill(source.paths[0], request.parts)
