"""The files behind an answer, as an export needs them: with who and what they are of.

What is given back holds identifiers. It is for the export that is being written, and for
nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from specialists.errors import MixedPatients
from specialists.readers.origin import read_headers
from specialists.schema import Manifest
from tools.files import FileStore, Held

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["Origin", "find_origins"]

_IDENTITY = ("PatientID", "PatientName", "PatientBirthDate")


@dataclass(frozen=True, repr=False)
class Origin:
    """One file or series. Has no repr: it must not come into a log."""

    handle: str
    """As the server of this machine gives it: it follows from the file and its place."""
    paths: tuple[Path, ...]
    manifest: Manifest
    headers: tuple[Dataset, ...] = ()
    """A header an image; empty for what is not DICOM."""


def find_origins(files: Sequence[Path]) -> list[Origin]:
    """Find files and read their headers.

    Args:
        files: Files and folders, as they were named for the question.

    Raises:
        MixedPatients: If they are of more than one patient.
        WardroundError: What is wrong with a file.
    """
    store = FileStore()
    for file in files:
        store.allow(file)
    found = [_origin(held) for held in store.find([str(Path(file).absolute()) for file in files])]
    _check_one_patient(found)
    return found


def _origin(held: Held) -> Origin:
    manifest, found = held.manifest, held.found
    dicom = manifest.format == "DICOM"
    headers = tuple(read_headers(found.paths, found.series)) if dicom else ()
    return Origin(held.handle, found.paths, manifest, headers)


def _check_one_patient(origins: Sequence[Origin]) -> None:
    """Raise where ID, name or birth date of two files contradict each other; gaps do not."""
    headers = [header for origin in origins for header in origin.headers]
    for keyword in _IDENTITY:
        told = {_plain(header.get(keyword)) for header in headers} - {""}
        if len(told) > 1:
            raise MixedPatients("The files are of more than one patient; export one at a time.")


def _plain(text: object) -> str:
    return " ".join(str(text or "").replace("^", " ").casefold().split())
