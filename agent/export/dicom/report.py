"""DICOM SR, template TID 1500 (Measurement Report), as a Comprehensive 3D SR document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agent.answer import Answer
from agent.export.about import About, about, in_set
from agent.export.codes import (
    ASSERTIONS,
    DCM,
    PRIVATE,
    SCT,
    SIDES,
    SITES,
    Code,
    finding_code,
    private_code,
    shortened,
    unit_code,
)
from agent.export.dicom.common import as_bytes, concept, equipment, highdicom, referable
from agent.export.labels import DRAFT
from agent.export.material import Material, device_of
from specialists.schema import Evidence

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["to_sr"]

TITLE = Code(DCM, "126000", "Imaging Measurement Report")
PROCEDURE = Code(SCT, "363679005", "Imaging procedure")
CONCLUSION = Code(DCM, "121077", "Conclusion")
COMMENT = Code(DCM, "121106", "Comment")
PROBABILITY = Code(DCM, "122157", "Probability")
SERIES_NUMBER = 9001
_MOST_TEXT = 4000
_MOST_SOURCES = 50
_LANGUAGES = {
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "de": "German",
    "pt": "Portuguese",
    "zh": "Chinese",
}


def to_sr(material: Material) -> bytes:
    """Write an answer as a structured report.

    Args:
        material: The answer with its DICOM files.

    Returns:
        A DICOM file: a measurement group a piece of evidence, named after it (E1, …), with
        codes, units (UCUM), side and site, the algorithm and the images; the statements as
        conclusions. Partial, preliminary and unverified.

    Raises:
        InvalidInput: If there is no study that it could belong to.

    Source: DICOM PS3.16 TID 1500, PS3.3 A.35.13.
    """
    library, answer = highdicom(), material.answer
    images = referable(material)
    report = library.sr.MeasurementReport(
        observation_context=_observer(library, answer),
        procedure_reported=concept(PROCEDURE),
        imaging_measurements=list(_groups(library, material)) or None,
        title=concept(TITLE),
        language_of_content_item_and_descendants=_language(library, answer),
    )
    report[0].ContentSequence.extend(_texts(library, answer))
    document = library.sr.Comprehensive3DSR(
        evidence=images,
        content=report[0],
        series_instance_uid=library.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=library.UID(),
        instance_number=1,
        series_description="Preliminary report, not reviewed",
        is_complete=False,
        is_final=False,
        is_verified=False,
        coding_schemes=_schemes(library),
        **equipment(answer),
    )
    return as_bytes(document)


def _language(library: Any, answer: Answer) -> Any:
    code = Code("RFC5646", answer.language, _LANGUAGES[answer.language])
    return library.sr.LanguageOfContentItemAndDescendants(concept(code))


def _observer(library: Any, answer: Answer) -> Any:
    told = equipment(answer)
    attributes = library.sr.DeviceObserverIdentifyingAttributes(
        uid=library.UID(),
        name="wardround",
        manufacturer_name=told["manufacturer"],
        model_name=told["manufacturer_model_name"],
        serial_number=told["device_serial_number"],
    )
    device = concept(Code(DCM, "121007", "Device"))
    return library.sr.ObservationContext(
        observer_device_context=library.sr.ObserverContext(device, attributes)
    )


def _schemes(library: Any) -> list[Any]:
    """Says whose the private codes are (PS3.3 C.12.1.1.8)."""
    item = library.coding_schemes.CodingSchemeIdentificationItem(
        designator=PRIVATE, name="Names of wardround that have no standard code"
    )
    return [item]


def _groups(library: Any, material: Material) -> Iterator[Any]:
    """A measurement group (TID 1501) for each piece of evidence with a finding or number."""
    for item in material.answer.evidence:
        subject = about(material.answer, item)
        content = _content(library, item, subject)
        if content:
            yield library.sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=library.sr.TrackingIdentifier(
                    uid=library.UID(), identifier=item.id
                ),
                algorithm_id=_algorithm(library, material.answer, item),
                finding_sites=_sites(library, subject),
                source_images=_sources(library, material, item),
                **content,
            )


def _content(library: Any, item: Evidence, subject: About) -> dict[str, Any]:
    if item.finding is not None:
        return _finding(library, item, subject)
    if item.value is None:
        return {}
    name = private_code(subject.placed or item.text)
    return {"measurements": [_measurement(library, name, item)]}


def _finding(library: Any, item: Evidence, subject: About) -> dict[str, Any]:
    """A finding is present, absent or indeterminate; a set of classes answers what it was asked."""
    name, value = (_set if subject.kind == "set" else _assertion)(item, subject)
    evaluation = library.sr.QualitativeEvaluation(name=concept(name), value=concept(value))
    told: dict[str, Any] = {"qualitative_evaluations": [evaluation]}
    if item.value is not None:
        told["measurements"] = [_measurement(library, PROBABILITY, item)]
    return told


def _assertion(item: Evidence, subject: About) -> tuple[Code, Code]:
    name = subject.name or item.text
    assertion = item.finding.assertion if item.finding else "uncertain"
    return finding_code(name) or private_code(name), ASSERTIONS[assertion]


def _set(item: Evidence, subject: About) -> tuple[Code, Code]:
    said = in_set(item)
    return private_code(subject.name or item.text), finding_code(said) or private_code(said)


def _measurement(library: Any, name: Code, item: Evidence) -> Any:
    return library.sr.Measurement(
        name=concept(name), value=float(f"{item.value:.6g}"), unit=concept(unit_code(item.unit))
    )


def _algorithm(library: Any, answer: Answer, item: Evidence) -> Any:
    device = device_of(answer, item)
    if device is None:
        return library.sr.AlgorithmIdentification(name=shortened(item.tool), version="unknown")
    model = device.model
    parameters = [f"tool {item.tool}", f"backend {model.backend}"]
    if model.weights_sha256:
        parameters.append(f"weights SHA-256 {model.weights_sha256}")
    return library.sr.AlgorithmIdentification(
        name=shortened(model.model), version=model.version, parameters=parameters
    )


def _sites(library: Any, subject: About) -> list[Any] | None:
    """Where it is, as far as there is a code for the place."""
    site = SITES.get(subject.site or "")
    if site is None:
        return None
    side = SIDES[subject.laterality] if subject.laterality else None
    return [
        library.sr.FindingSite(
            anatomic_location=concept(site), laterality=concept(side) if side else None
        )
    ]


def _sources(library: Any, material: Material, item: Evidence) -> list[Any] | None:
    """The images; of a long series none, as the document's evidence lists them all once."""
    headers: Sequence[Dataset] = material.headers(item.attachment)
    if len(headers) > _MOST_SOURCES:
        return None
    return [
        library.sr.SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID)
        for header in headers
    ] or None


def _texts(library: Any, answer: Answer) -> Iterator[Any]:
    """The statements as conclusions; limits and the draft's notice as comments."""
    for one in answer.statements:
        cited = f" [{', '.join(one.citations)}]" if one.citations else ""
        yield _text(library, CONCLUSION, f"{one.text}{cited}")
    limits = [f"Not assessed: {text}" for text in answer.not_assessed]
    disagreeing = [f"Disagreement: {each.text}" for each in answer.disagreements]
    for text in (*disagreeing, *answer.caveats, *limits, f"Preliminary, not reviewed. {DRAFT}"):
        yield _text(library, COMMENT, text)


def _text(library: Any, name: Code, text: str) -> Any:
    return library.sr.TextContentItem(
        name=concept(name),
        value=shortened(text, _MOST_TEXT),
        relationship_type=library.sr.RelationshipTypeValues.CONTAINS,
    )
