"""A piece of evidence as an Observation."""

from __future__ import annotations

from agent.answer import Answer
from agent.export.about import About, about, in_set
from agent.export.codes import ASSERTIONS, LOINC, SITES, Code, finding_code, unit_code
from agent.export.fhir.values import JSON, concept, known, quantity
from specialists.schema import Evidence, EvidenceFinding

__all__ = ["category_of", "observation", "report_code"]

_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_SECTION = "http://terminology.hl7.org/CodeSystem/v2-0074"
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
INTERPRETATIONS = {
    "present": Code(_INTERPRETATION, "POS", "Positive"),
    "absent": Code(_INTERPRETATION, "NEG", "Negative"),
    "uncertain": Code(_INTERPRETATION, "IND", "Indeterminate"),
}
IMAGING = Code(LOINC, "18748-4", "Diagnostic imaging study")
GENETICS = Code(LOINC, "51969-4", "Genetic analysis report")
_SECTIONS = {
    "CT": Code(_SECTION, "CT", "CAT Scan"),
    "CR": Code(_SECTION, "RAD", "Radiology"),
    "DX": Code(_SECTION, "RAD", "Radiology"),
    "SM": Code(_SECTION, "SP", "Surgical Pathology"),
}
_LEADS = {
    "score": "Polygenic score ",
    "percentile": "Percentile of polygenic score ",
    "overlap": "Matched share of polygenic score ",
}


def observation(item: Evidence, answer: Answer, links: JSON) -> JSON:
    """Write one piece of evidence.

    Args:
        item: What a specialist said.
        answer: The answer that it stands in.
        links: Members that refer to other resources: subject, device, derivedFrom, identifier.
    """
    subject = about(answer, item)
    return known(
        [
            ("resourceType", "Observation"),
            *links.items(),
            ("status", "preliminary"),
            ("category", [concept(*_category(answer, item))]),
            ("code", _code(item, subject)),
            *_value(item, subject).items(),
            ("bodySite", _site(subject)),
            ("note", [{"text": item.text}]),
            ("method", {"text": item.tool}),
        ]
    )


def report_code(answer: Answer) -> JSON:
    """What kind of report this is."""
    if _genetic(answer):
        return concept("Genetic analysis report", GENETICS)
    return concept("Report of specialist models on the attached files", IMAGING)


def category_of(answer: Answer) -> list[JSON]:
    """The diagnostic service sections, as far as the files' modalities tell them."""
    stated = [one.manifest.modality for one in answer.attachments if one.manifest]
    sections = [_SECTIONS[modality] for modality in stated if modality in _SECTIONS]
    if _genetic(answer):
        sections = [Code(_SECTION, "GE", "Genetics")]
    return [concept(one.meaning, one) for one in dict.fromkeys(sections)]


def _genetic(answer: Answer) -> bool:
    kinds = {one.manifest.kind for one in answer.attachments if one.manifest}
    return bool(kinds) and kinds <= {"variants", "scoring_file"}


def _category(answer: Answer, item: Evidence) -> tuple[str, Code]:
    manifests = {one.id: one.manifest for one in answer.attachments}
    manifest = manifests.get(item.attachment or "")
    if manifest is not None and manifest.kind in ("variants", "scoring_file", "slide"):
        return "Laboratory", Code(_CATEGORY, "laboratory", "Laboratory")
    return "Imaging", Code(_CATEGORY, "imaging", "Imaging")


def _code(item: Evidence, subject: About) -> JSON:
    if item.finding is not None and subject.kind != "set":
        return concept(item.finding.name, finding_code(item.finding.name))
    if subject.name is not None:
        return concept(_LEADS.get(subject.kind, "") + subject.placed)
    return concept("Measurement" if item.value is not None else "Text")


def _value(item: Evidence, subject: About) -> JSON:
    if item.finding is not None and subject.kind == "set":
        return {
            "valueCodeableConcept": concept(in_set(item), finding_code(in_set(item))),
            "interpretation": [_interpreted(item.finding)],
        }
    if item.finding is not None:
        return _assertion(item, item.finding)
    if item.value is not None:
        return {"valueQuantity": quantity(item.value, unit_code(item.unit))}
    return {"valueString": item.text}


def _assertion(item: Evidence, finding: EvidenceFinding) -> JSON:
    value = ASSERTIONS[finding.assertion]
    told: JSON = {
        "valueCodeableConcept": concept(value.meaning, value),
        "interpretation": [_interpreted(finding)],
    }
    if item.value is not None:
        probability = quantity(item.value, unit_code(item.unit))
        code = concept("probability that the finding is present")
        # A prediction set gives the probability of what it leaves: of the absence, here.
        if finding.assertion == "absent" and item.value > 0.5:
            code = concept("probability that the finding is absent")
        told["component"] = [{"code": code, "valueQuantity": probability}]
    return told


def _interpreted(finding: EvidenceFinding) -> JSON:
    return concept(finding.assertion, INTERPRETATIONS[finding.assertion])


def _site(subject: About) -> JSON | None:
    return concept(subject.place, SITES.get(subject.site or "")) if subject.place else None
