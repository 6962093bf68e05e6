"""Patient and imaging studies, from the source files' headers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agent.export.codes import DCM
from agent.export.fhir.values import JSON, SYSTEMS, date, known, reference
from agent.export.material import Material

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["UNNAMED", "imaging_studies", "patient", "started"]

UNNAMED = {"display": "Not named: no file that names the patient was given to the export"}
_GENDERS = {"F": "female", "M": "male", "O": "other"}


def patient(material: Material, uuid: str) -> JSON | None:
    """The Patient; None where no given file names one."""
    header = material.header
    if header is None:
        return None
    return known(
        [
            ("resourceType", "Patient"),
            ("id", uuid),
            ("identifier", list(_identifiers(header))),
            ("name", list(_names(header))),
            ("gender", _GENDERS.get(str(header.get("PatientSex", "")))),
            ("birthDate", date(header.get("PatientBirthDate"))),
        ]
    )


def _identifiers(header: Dataset) -> Iterator[JSON]:
    number = str(header.get("PatientID", "")).strip()
    if number:
        issuer = str(header.get("IssuerOfPatientID", "")).strip()
        yield {"value": number, **({"assigner": {"display": issuer}} if issuer else {})}


def _names(header: Dataset) -> Iterator[JSON]:
    name: Any = header.get("PatientName")
    if name is None or not str(name).strip("^ "):
        return
    given = [part for part in f"{name.given_name} {name.middle_name}".split() if part]
    shown = " ".join(str(name).replace("=", " ").replace("^", " ").split())
    yield known([("text", shown), ("family", name.family_name), ("given", given)])


def imaging_studies(material: Material, subject: JSON) -> dict[str, JSON]:
    """An ImagingStudy a study, by Study Instance UID; headers without one can't be referred to."""
    headers = [header for origin in material.origins.values() for header in origin.headers]
    studies: dict[str, list[Dataset]] = {}
    for header in headers:
        if "StudyInstanceUID" in header and "SeriesInstanceUID" in header:
            studies.setdefault(str(header.StudyInstanceUID), []).append(header)
    return {uid: _study(uid, found, subject) for uid, found in studies.items()}


def started(material: Material) -> str | None:
    """When the first examination was made; days only, as headers don't say their time zone."""
    return date(material.header.get("StudyDate")) if material.header is not None else None


def _study(uid: str, headers: Sequence[Dataset], subject: JSON) -> JSON:
    series: dict[str, list[Dataset]] = {}
    for header in headers:
        series.setdefault(str(header.SeriesInstanceUID), []).append(header)
    identifiers = [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}]
    accession = str(headers[0].get("AccessionNumber", "")).strip()
    if accession:
        kind = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}
        identifiers.append({"type": {"coding": [kind]}, "value": accession})  # type: ignore[dict-item]
    return known(
        [
            ("resourceType", "ImagingStudy"),
            ("identifier", identifiers),
            ("status", "available"),
            ("subject", subject),
            ("started", date(headers[0].get("StudyDate"))),
            ("numberOfSeries", len(series)),
            ("numberOfInstances", len(headers)),
            ("series", [_series(name, found) for name, found in series.items()]),
        ]
    )


def _series(uid: str, headers: Sequence[Dataset]) -> JSON:
    modality = str(headers[0].get("Modality", "OT"))
    return known(
        [
            ("uid", uid),
            ("number", _number(headers[0].get("SeriesNumber"))),
            ("modality", {"system": SYSTEMS[DCM], "code": modality}),
            ("numberOfInstances", len(headers)),
            ("instance", [_instance(header) for header in headers if "SOPInstanceUID" in header]),
        ]
    )


def _instance(header: Dataset) -> JSON:
    sop_class = str(header.get("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7"))
    return known(
        [
            ("uid", str(header.SOPInstanceUID)),
            ("sopClass", {"system": "urn:ietf:rfc:3986", "code": f"urn:oid:{sop_class}"}),
            ("number", _number(header.get("InstanceNumber"))),
        ]
    )


def _number(value: object) -> int | None:
    """An unsigned integer, where the header has one."""
    text = str(value if value is not None else "")
    return int(text) if text.isdigit() else None


def study_references(
    material: Material, attachment: str | None, uuids: dict[str, str]
) -> list[JSON]:
    """References to the studies that an attachment's images are of."""
    studies = {str(header.get("StudyInstanceUID", "")) for header in material.headers(attachment)}
    return [reference(uuids[uid]) for uid in sorted(studies) if uid in uuids]
