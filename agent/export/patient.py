"""Who the report is about, as a person reads it; from the source files, and only where asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.export.material import Material

__all__ = ["named"]

_SEXES = {"F": "female", "M": "male", "O": "other"}


def named(material: Material) -> Iterator[tuple[str, str]]:
    """Name, number, birth date and examination in words; nothing unless asked for."""
    header = material.header
    if not material.identified or header is None:
        return
    name = " ".join(str(header.get("PatientName", "")).replace("^", " ").split())
    sex = _SEXES.get(str(header.get("PatientSex", "")), "")
    born = _day(header.get("PatientBirthDate"))
    person = ", ".join(part for part in (name, sex, f"born {born}" if born else "") if part)
    yield "Patient", person
    yield "Patient ID", str(header.get("PatientID", ""))
    yield "Examined on", _day(header.get("StudyDate"))
    yield "Accession number", str(header.get("AccessionNumber", ""))


def _day(text: object) -> str:
    stated = str(text or "")
    return f"{stated[:4]}-{stated[4:6]}-{stated[6:8]}" if len(stated) == 8 else ""
