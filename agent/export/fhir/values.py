"""FHIR's data types, as plain JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from agent.answer import Answer
from agent.export.codes import DCM, LOINC, PRIVATE, SCT, UCUM, Code

__all__ = ["JSON", "concept", "date", "instant", "known", "quantity", "reference", "uuid_of"]

JSON = dict[str, Any]

SYSTEMS = {
    SCT: "http://snomed.info/sct",
    LOINC: "http://loinc.org",
    DCM: "http://dicom.nema.org/resources/ontology/DCM",
    UCUM: "http://unitsofmeasure.org",
}
_NAMESPACE = UUID("6f0f4c3c-5d0e-5a6b-9a53-0d2f8f6f6b1e")


def uuid_of(answer: Answer, name: str) -> str:
    """A UUID that the same answer gives again: exporting twice makes no second report."""
    return str(uuid5(_NAMESPACE, f"{name}\n{answer.model_dump_json()}"))


def concept(text: str, *codes: Code | None) -> JSON:
    """A CodeableConcept: the text, and codes where there are certain ones."""
    coded = [coding(code) for code in codes if code is not None and code.scheme != PRIVATE]
    return {**({"coding": coded} if coded else {}), "text": text}


def coding(code: Code) -> JSON:
    """A Coding; schemes that have no short name here are URIs already."""
    system = SYSTEMS.get(code.scheme, code.scheme)
    return {"system": system, "code": code.value, "display": code.meaning}


def quantity(value: float, unit: Code) -> JSON:
    """A Quantity in UCUM, of six significant digits."""
    rounded = float(f"{value:.6g}")
    number = int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
    shown = unit.value if unit.value != "1" else unit.meaning
    return {"value": number, "unit": shown, "system": SYSTEMS[UCUM], "code": unit.value}


def reference(uuid: str) -> JSON:
    """A reference to another resource of the bundle."""
    return {"reference": f"urn:uuid:{uuid}"}


def known(resource: Iterable[tuple[str, Any]]) -> JSON:
    """A resource without what is not known: FHIR has no empty values."""
    return {name: value for name, value in resource if value not in (None, "", [], {}, ())}


def date(text: object) -> str | None:
    """A DICOM date (DA) as FHIR writes it."""
    found = re.fullmatch(r"(\d{4})(\d{2})(\d{2})", str(text or ""))
    return "-".join(found.groups()) if found else None


def instant(moment: datetime) -> str:
    """An instant, to the second."""
    return moment.isoformat(timespec="seconds")
