"""How a caller names a file: a path, a handle, a study by its UIDs, a patient's record by id."""

from __future__ import annotations

import re

__all__ = ["is_handle", "is_path", "is_record", "is_study", "record_in", "uids_in"]

_UID = r"[0-2](?:\.(?:0|[1-9][0-9]*))+"
_UIDS = re.compile(rf"dicomweb:({_UID})(?:/({_UID}))?(?:/({_UID}))?")
_FILE = re.compile("file-[0-9a-f]{16}")
_RECORD = re.compile(r"fhir:(?:Patient/)?([A-Za-z0-9.-]{1,64})")
_STUDY = re.compile("(?:study|series)-[0-9a-f]{16}")


def is_handle(name: str) -> bool:
    """Tell a handle of a file from other names."""
    return _FILE.fullmatch(name) is not None


def is_study(name: str) -> bool:
    """Tell what lies on a DICOMweb server: a handle of `find_studies`, or UIDs."""
    return bool(_UIDS.fullmatch(name) or _STUDY.fullmatch(name))


def is_path(name: str) -> bool:
    """Tell a path from other names."""
    return not is_handle(name) and not is_study(name) and not is_record(name)


def is_record(name: str) -> bool:
    """Tell a patient of a FHIR server: `fhir:ID`."""
    return _RECORD.fullmatch(name) is not None


def record_in(name: str) -> str:
    """The patient's id in `fhir:ID`; empty for other names."""
    found = _RECORD.fullmatch(name)
    return found[1] if found else ""


def uids_in(name: str) -> tuple[str, ...]:
    """The UIDs in `dicomweb:STUDY[/SERIES[/INSTANCE]]`; none in other names."""
    found = _UIDS.fullmatch(name)
    return tuple(uid for uid in found.groups() if uid) if found else ()
