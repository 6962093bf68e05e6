"""Patients' records: FHIR R4 Bundles in JSON.

Only what is coded is read. Names, addresses, identifiers, references, notes and other free text
stay in the file, and a coded term that has a word of a name in it is withheld. Dates become days
before the latest entry of the same kind.

Source: HL7 FHIR 4.0.1, https://hl7.org/fhir/R4.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from specialists.errors import FileTooLarge, MixedPatients, UnreadableFile
from specialists.readers import worker
from specialists.readers.archive import open_file
from specialists.readers.record_terms import Terms, day_of, listed, mapping
from specialists.readers.transport import transported
from specialists.schema import Manifest

__all__ = ["COUNTS", "PARTS", "Entry", "Record", "inspect_record", "parse_record", "read_record"]

PARTS: Mapping[str, tuple[str, ...]] = {
    "conditions": ("Condition",),
    "medications": ("MedicationRequest", "MedicationStatement"),
    "observations": ("Observation",),
    "allergies": ("AllergyIntolerance",),
    "procedures": ("Procedure",),
    "reports": ("DiagnosticReport",),
}
"""Parts of a record, with the FHIR resource types that they are of."""

COUNTS = "_counts"
"""Beside the entries of a record that comes from a server: how many it has of each type there."""

_LONGEST_BYTES = 128 * 2**20
_MOST_ENTRIES = 200_000
_GONE = frozenset({"entered-in-error"})
_SEX: Mapping[str, Literal["male", "female", "other"]] = {
    "male": "male", "female": "female", "other": "other",
}  # fmt: skip
_DAYS_A_YEAR = 365.2425
_OLDEST = 90


@transported
@dataclass(frozen=True)
class Entry:
    """One coded thing of a record."""

    part: str
    reference: str
    """Resource type and place in the record, such as 'Condition/B': no id, and no number that
    could be taken for one that the record says."""
    name: str
    """The term of its code, in the record's wording."""
    status: str = ""
    """Clinical status, or the resource's status, as FHIR codes it."""
    verification: str = ""
    value: float | None = None
    unit: str | None = None
    """UCUM."""
    answer: str | None = None
    """The value, where it is a coded term."""
    dose: str | None = None
    days_before: int | None = None
    """Days between this and the latest entry of its part that has a date."""


@transported
@dataclass(frozen=True)
class Record:
    """Parts of one patient's record."""

    entries: tuple[Entry, ...]
    counts: dict[str, int]
    """Resources of each type in the record."""
    withheld: int
    """Entries that have no code, or whose term may name a person."""


def inspect_record(path: Path) -> Manifest:
    """Say what a record has, by type; runs in a reader process.

    Raises:
        UnreadableFile: If it is no FHIR Bundle in JSON.
        FileTooLarge: If it is larger than a record may be.
        MixedPatients: If it is of several patients.
    """
    bundle = _Bundle(path)
    patient = bundle.patient
    known = {kind for kinds in PARTS.values() for kind in kinds}
    others = sum(n for kind, n in bundle.counts.items() if kind not in known and kind != "Patient")
    note = f"{others} resources of other types are not read"
    return Manifest(
        kind="record",
        format="FHIR R4 Bundle",
        age_years=_age(patient, bundle.latest),
        sex=_SEX.get(str(patient.get("gender"))),
        resources={kind: n for kind, n in sorted(bundle.counts.items()) if kind in known},
        notes=(note,) if others else (),
    )


def read_record(paths: Sequence[Path], parts: Sequence[str]) -> Record:
    """Read parts of a record in a worker process.

    Args:
        paths: One Bundle.
        parts: Of `PARTS`.

    Raises:
        UnreadableFile, FileTooLarge, MixedPatients: As `inspect_record` does.
    """
    absolute = [path.absolute() for path in paths]
    return cast(
        Record, worker.run("specialists.readers.record:parse_record", absolute, list(parts))
    )


def parse_record(paths: Sequence[Path], parts: Sequence[str]) -> Record:
    """What `read_record` runs in the worker."""
    (path,) = paths
    bundle = _Bundle(path, parts)
    entries = [one for part in parts for one in _entries(bundle, part)]
    kept = tuple(one for one in entries if one is not None)
    return Record(kept, dict(bundle.counts), len(entries) - len(kept))


class _Bundle:
    """A Bundle's resources, and which words in it could name somebody."""

    def __init__(self, path: Path, parts: Sequence[str] = ()) -> None:
        bundle = _read(path)
        wanted = [
            kind for part in parts for kind in PARTS[part] if mapping(bundle.get(COUNTS)).get(kind)
        ]
        fetched = [_read(_fetched(path, kind)) for kind in wanted]
        self._all = [one for each in (bundle, *fetched) for one in _resources(each)]
        self.counts = Counter(str(one.get("resourceType")) for one in self._all)
        self.counts.update(
            {kind: n for kind, n in mapping(bundle.get(COUNTS)).items() if not self.counts[kind]}
        )
        _check_one_patient(self._all, bundle)
        self.terms = Terms(self._all)
        self.medications = {f"Medication/{one.get('id')}": one for one in self.of("Medication")} | {
            str(entry.get("fullUrl")): mapping(entry.get("resource"))
            for entry in listed(bundle.get("entry"))
            if entry.get("fullUrl")
        }

    @property
    def patient(self) -> Mapping[str, Any]:
        return next(iter(self.of("Patient")), {})

    @property
    def latest(self) -> int | None:
        days = [day for one in self._all if (day := day_of(one)) is not None]
        return max(days, default=None)

    def of(self, *kinds: str) -> list[Mapping[str, Any]]:
        return [one for one in self._all if one.get("resourceType") in kinds]


def _fetched(path: Path, kind: str) -> Path:
    """Where a type of a server's record lies."""
    beside = path.with_name(f"{kind}.json")
    if not beside.exists():
        raise UnreadableFile("This part of the record was not fetched from its server.")
    return beside


def _read(path: Path) -> Mapping[str, Any]:
    with open_file(path) as content:
        text = content.read(_LONGEST_BYTES + 1)
    if len(text) > _LONGEST_BYTES:
        raise FileTooLarge(f"A record may have {_LONGEST_BYTES // 2**20} MiB.")
    try:
        bundle = json.loads(text)
    except ValueError:
        raise UnreadableFile("The record is not well-formed JSON.") from None
    if mapping(bundle).get("resourceType") != "Bundle":
        raise UnreadableFile("The file is JSON, but no FHIR Bundle.")
    if len(listed(bundle.get("entry"))) > _MOST_ENTRIES:
        raise FileTooLarge(f"A record may have {_MOST_ENTRIES:,} entries.")
    return cast(Mapping[str, Any], bundle)


def _resources(bundle: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in listed(bundle.get("entry")):
        resource = mapping(entry.get("resource"))
        if resource and _word(resource.get("status")) not in _GONE:
            yield resource


def _check_one_patient(resources: Sequence[Mapping[str, Any]], bundle: Mapping[str, Any]) -> None:
    urls = {
        str(entry["fullUrl"]): str(mapping(entry.get("resource")).get("id"))
        for entry in listed(bundle.get("entry"))
        if "fullUrl" in entry
    }
    people = {str(one.get("id")) for one in resources if one.get("resourceType") == "Patient"}
    for one in resources:
        subject = mapping(one.get("subject") or one.get("patient")).get("reference")
        if isinstance(subject, str):
            people.add(urls.get(subject, subject.rpartition("/")[2]))
    if len(people) > 1:
        raise MixedPatients("The record is of more than one patient; ask about one at a time.")


def _entries(bundle: _Bundle, part: str) -> list[Entry | None]:
    """The coded things of a part, the latest first; None for each that is withheld."""
    found: list[tuple[int | None, Entry | None]] = []
    for kind in PARTS[part]:
        for number, one in enumerate(bundle.of(kind), 1):
            if _code(one.get("verificationStatus")) in _GONE:
                continue
            made = _made(bundle, part, f"{kind}/{_letters(number)}", one)
            found += [(day_of(one), each) for each in made]
    days = [day for day, _ in found if day is not None]
    latest = max(days, default=0)
    found.sort(key=lambda each: -(each[0] if each[0] is not None else -(10**9)))
    return [
        entry if entry is None or day is None else replace(entry, days_before=latest - day)
        for day, entry in found
    ]


def _made(bundle: _Bundle, part: str, reference: str, one: Mapping[str, Any]) -> list[Entry | None]:
    terms = bundle.terms
    if part == "observations":
        return [_observed(terms, reference, each) for each in _measured(one)]
    concept = _medication(bundle, one) if part == "medications" else one.get("code")
    name = terms.of(concept)
    if name is None:
        return [None]
    status = _code(one.get("clinicalStatus")) or _word(one.get("status"))
    verified = _code(one.get("verificationStatus"))
    dose = terms.dose(one.get("dosageInstruction") or one.get("dosage"))
    entry = Entry(part, reference, name, status, verified, dose=dose)
    concluded = [terms.of(each) for each in listed(one.get("conclusionCode"))]
    return [entry, *(None if one is None else replace(entry, answer=one) for one in concluded)]


def _measured(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """An observation, or each of its components with the observation's status."""
    components: list[Mapping[str, Any]] = [
        {"status": one.get("status"), **each} for each in listed(one.get("component"))
    ]
    has_value = any(name.startswith("value") for name in one)
    return [one, *components] if has_value or not components else components


def _observed(terms: Terms, reference: str, one: Mapping[str, Any]) -> Entry | None:
    name = terms.of(one.get("code"))
    value, unit = terms.quantity(one.get("valueQuantity"))
    if value is None and isinstance(one.get("valueInteger"), int):
        value, unit = float(one["valueInteger"]), "1"
    answer = terms.of(one.get("valueCodeableConcept"))
    if name is None or (value is None and answer is None):
        return None
    status = _word(one.get("status"))
    return Entry("observations", reference, name, status, "", value, unit, answer)


def _medication(bundle: _Bundle, one: Mapping[str, Any]) -> Any:
    concept = one.get("medicationCodeableConcept")
    if concept is not None:
        return concept
    reference = str(mapping(one.get("medicationReference")).get("reference"))
    held = {f"#{each.get('id')}": each for each in listed(one.get("contained"))}
    return mapping(held.get(reference) or bundle.medications.get(reference)).get("code")


def _age(patient: Mapping[str, Any], latest: int | None) -> int | None:
    """Whole years at the latest entry: the record does not say what day it is."""
    born = day_of({"date": patient.get("birthDate")})
    if born is None or latest is None or latest < born:
        return None
    return min(int((latest - born) / _DAYS_A_YEAR), _OLDEST)


def _letters(number: int) -> str:
    """1 is A, 26 is Z, 27 is AA."""
    told = ""
    while number:
        number, place = divmod(number - 1, 26)
        told = chr(ord("A") + place) + told
    return told


def _code(concept: Any) -> str:
    for coding in listed(mapping(concept).get("coding")):
        return _word(coding.get("code"))
    return ""


def _word(value: Any) -> str:
    """A code of FHIR's own: short, and of letters and hyphens."""
    told = value if isinstance(value, str) else ""
    return told if len(told) <= 24 and told.replace("-", "").isalpha() else ""
