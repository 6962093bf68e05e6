"""What may be told of a record's content: coded terms, quantities, days; nothing that names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

__all__ = ["Terms", "day_of", "listed", "mapping"]

_DATES = (
    "effectiveDateTime", "performedDateTime", "authoredOn", "onsetDateTime", "recordedDate",
    "issued", "dateAsserted", "date",
)  # fmt: skip
_PERIODS = ("effectivePeriod", "performedPeriod", "onsetPeriod")
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_TERM = re.compile(r"[^\W_][\w ,.()%/+'’:;\[\]^<>=&#*-]{1,119}")
_TELLING = re.compile(r"\d{4}[-/.]\d|\d{5}|\b(?:mr|ms|dr)\. |\b(?:mrs|prof|herr|frau|mme)\b", re.I)
_MOST_WORDS = 14
_TAG = re.compile(r" \((?:disorder|finding|procedure|situation|observable entity|substance)\)$")
_UNIT = re.compile(r"[A-Za-z0-9%/.*\[\]{}()'^µ_-]{1,24}")
_WORD = re.compile(r"[^\W\d_]{3,}")
_NAMED = ("Patient", "Practitioner", "RelatedPerson", "Person")
_PEOPLE = frozenset(
    {"subject", "patient", "recorder", "asserter", "requester", "performer", "author", "actor",
     "informant", "informationSource", "resultsInterpreter", "individual", "generalPractitioner"}
)  # fmt: skip
"""Elements that refer to people."""


class Terms:
    """Tells coded terms apart from those that could name a person of the record.

    Args:
        resources: All of the record: where names are written.
    """

    def __init__(self, resources: Sequence[Mapping[str, Any]]) -> None:
        self._naming = frozenset(
            word.casefold() for text in _names(resources) for word in _WORD.findall(text)
        )

    def of(self, concept: Any) -> str | None:
        """The term of a CodeableConcept; None where it has no code, or may name a person."""
        for coding in listed(mapping(concept).get("coding")):
            told = coding.get("display")
            if coding.get("system") and coding.get("code") and isinstance(told, str):
                return self._safe(told)
        return None

    def quantity(self, quantity: Any) -> tuple[float | None, str | None]:
        """Value and unit of a Quantity."""
        said = mapping(quantity)
        value = said.get("value")
        if isinstance(value, bool) or not isinstance(value, int | float) or said.get("comparator"):
            return None, None
        unit = said.get("code") or said.get("unit") or "1"
        return float(value), unit if _UNIT.fullmatch(str(unit)) else "1"

    def dose(self, dosages: Any) -> str | None:
        """Amount and rhythm, where they are coded: '500 mg, 2 times in 1 d'."""
        first = next(iter(listed(dosages)), {})
        rate = next(iter(listed(first.get("doseAndRate"))), {})
        value, unit = self.quantity(rate.get("doseQuantity"))
        repeat = mapping(mapping(first.get("timing")).get("repeat"))
        said = [] if value is None else [f"{value:g} {unit}"]
        times, period = repeat.get("frequency"), repeat.get("period")
        if isinstance(times, int) and isinstance(period, int | float):
            every = f"{period:g} " if period != 1 else ""
            said.append(f"{times} times a {every}{_period(repeat.get('periodUnit'))}")
        return ", ".join(said) or None

    def _safe(self, told: str) -> str | None:
        term = _TAG.sub("", " ".join(told.split()))
        words = {word.casefold() for word in _WORD.findall(term)}
        if not _TERM.fullmatch(term) or len(term.split()) > _MOST_WORDS or _TELLING.search(term):
            return None
        return None if words & self._naming else term


def day_of(resource: Mapping[str, Any]) -> int | None:
    """The day of a resource, as a number that only differences are made of."""
    told = [resource.get(name) for name in _DATES]
    told += [mapping(resource.get(name)).get("start") for name in _PERIODS]
    for one in told:
        found = _DATE.match(one) if isinstance(one, str) else None
        if found is None:
            continue
        try:
            return date(int(found[1]), int(found[2] or 7), int(found[3] or 1)).toordinal()
        except ValueError:
            continue
    return None


def listed(value: Any) -> list[Mapping[str, Any]]:
    """The objects of what should be a list of objects."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """What should be an object; empty where it is none."""
    return value if isinstance(value, dict) else {}


def _period(unit: Any) -> str:
    return {"h": "hour", "d": "day", "wk": "week", "mo": "month"}.get(str(unit), "period")


def _names(resources: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """All text that stands where people are named."""
    for one in resources:
        if one.get("resourceType") in _NAMED:
            yield from _texts(one.get("name"))
            for contact in listed(one.get("contact")):
                yield from _texts(contact.get("name"))
        for element in _PEOPLE & one.keys():
            yield from _displays(one[element])


def _displays(value: Any) -> Iterator[str]:
    """What references to people call them."""
    if isinstance(value, dict):
        yield from _texts(value.get("display"))
        yield from _displays(value.get("actor"))
    elif isinstance(value, list):
        for one in value:
            yield from _displays(one)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            if name not in ("system", "use", "type", "extension"):
                yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
