"""The bundle: a preliminary DiagnosticReport with all that it rests on."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from agent.answer import Answer
from agent.export.fhir.models import device_resource, provenances, software
from agent.export.fhir.observations import category_of, observation, report_code
from agent.export.fhir.risk import risk_assessments
from agent.export.fhir.subject import (
    UNNAMED,
    imaging_studies,
    patient,
    started,
    study_references,
)
from agent.export.fhir.values import JSON, instant, known, reference, uuid_of
from agent.export.labels import DRAFT
from agent.export.markdown import to_markdown
from agent.export.material import Device, Material, device_of, devices
from specialists.errors import BackendUnavailable

__all__ = ["to_fhir"]


def to_fhir(material: Material) -> str:
    """Write an answer as a FHIR R4 bundle.

    Args:
        material: The answer; with its source files, patient and studies are in the bundle.

    Returns:
        JSON of a Bundle of type 'collection': DiagnosticReport, an Observation a piece of
        evidence, RiskAssessment for polygenic scores, Device and Provenance for each model, and
        Patient and ImagingStudy from the files. Every status is preliminary.

    Raises:
        BackendUnavailable: If fhir.resources is not installed.

    Source: https://hl7.org/fhir/R4/
    """
    bundle = _Writer(material).bundle()
    _validate(bundle)
    return json.dumps(bundle, ensure_ascii=False, indent=1) + "\n"


def _validate(bundle: JSON) -> None:
    """R4B and R4 do not differ in the resources that are used here."""
    try:
        from fhir.resources.R4B.bundle import Bundle
    except ImportError:
        raise BackendUnavailable(
            "FHIR needs fhir.resources. Install it: pip install 'wardround[export]'."
        ) from None
    Bundle.model_validate(bundle)


@dataclass
class _Writer:
    """Collects resources; each has a UUID that follows from the answer and its name."""

    material: Material
    entries: list[JSON] = field(default_factory=list)

    @property
    def answer(self) -> Answer:
        return self.material.answer

    def uuid(self, name: str) -> str:
        return uuid_of(self.answer, name)

    def add(self, name: str, resource: JSON) -> JSON:
        """Put a resource into the bundle and refer to it."""
        uuid = self.uuid(name)
        kind = {"resourceType": resource["resourceType"], "id": uuid}
        self.entries.append({"fullUrl": f"urn:uuid:{uuid}", "resource": {**kind, **resource}})
        self.entries[-1]["resource"]["id"] = uuid
        return reference(uuid)

    def bundle(self) -> JSON:
        """Write everything; the report comes first."""
        subject = self._subject()
        studies = self._studies(subject or UNNAMED)
        models = self._models()
        observed = self._observations(subject, studies, models)
        risks = self._risks(subject, observed, models)
        report = self.add("report", self._report(subject, studies, observed))
        self.entries.insert(0, self.entries.pop())
        self._provenances(report, studies, observed | risks, models)
        return {
            "resourceType": "Bundle",
            "identifier": {
                "system": "urn:ietf:rfc:3986",
                "value": f"urn:uuid:{self.uuid('answer')}",
            },
            "type": "collection",
            "timestamp": instant(self.material.now),
            "entry": self.entries,
        }

    def _subject(self) -> JSON | None:
        found = patient(self.material, self.uuid("patient"))
        return self.add("patient", found) if found else None

    def _studies(self, subject: JSON) -> dict[str, str]:
        """The studies' UUIDs by Study Instance UID; names in the bundle say nothing of it."""
        uuids = {}
        for number, (uid, study) in enumerate(imaging_studies(self.material, subject).items(), 1):
            self.add(f"study {number}", study)
            uuids[uid] = self.uuid(f"study {number}")
        return uuids

    def _models(self) -> dict[str, JSON]:
        """References to the devices, by name in this bundle."""
        found = {
            f"device {number}": device_resource(device)
            for number, device in enumerate(devices(self.answer), 1)
        }
        return {name: self.add(name, resource) for name, resource in found.items()}

    def device_name(self, device: Device | None) -> str | None:
        """A device's name in this bundle."""
        if device is None:
            return None
        return f"device {devices(self.answer).index(device) + 1}"

    def _observations(
        self, subject: JSON | None, studies: dict[str, str], models: dict[str, JSON]
    ) -> dict[str, JSON]:
        """References to the observations, by the evidence's id."""
        system = f"urn:uuid:{self.uuid('answer')}"
        told = {}
        for item in self.answer.evidence:
            device = self.device_name(device_of(self.answer, item))
            links = known(
                [
                    ("identifier", [{"system": system, "value": item.id}]),
                    ("subject", subject),
                    ("effectiveDateTime", started(self.material)),
                    ("issued", instant(self.material.now)),
                    ("device", models.get(device or "")),
                    ("derivedFrom", study_references(self.material, item.attachment, studies)),
                ]
            )
            told[item.id] = self.add(item.id, observation(item, self.answer, links))
        return told

    def _risks(
        self, subject: JSON | None, observed: dict[str, JSON], models: dict[str, JSON]
    ) -> dict[str, JSON]:
        told = {}
        for name, item, resource in risk_assessments(self.answer, observed):
            device = models.get(self.device_name(device_of(self.answer, item)) or "")
            links = known([("subject", subject or UNNAMED), ("performer", device)])
            told[name] = self.add(name, {**resource, **links})
        return told

    def _report(
        self, subject: JSON | None, studies: dict[str, str], observed: dict[str, JSON]
    ) -> JSON:
        conclusion = [each.text for each in self.answer.statements] or [self.answer.message or ""]
        text = to_markdown(self.answer).encode()
        return known(
            [
                ("resourceType", "DiagnosticReport"),
                ("text", _narrative(self.answer)),
                ("status", "preliminary"),
                ("category", category_of(self.answer)),
                ("code", report_code(self.answer)),
                ("subject", subject),
                ("effectiveDateTime", started(self.material)),
                ("issued", instant(self.material.now)),
                ("result", list(observed.values())),
                ("imagingStudy", [reference(uuid) for uuid in studies.values()]),
                ("conclusion", "\n".join([*conclusion, DRAFT])),
                (
                    "presentedForm",
                    [
                        {
                            "contentType": "text/markdown; charset=utf-8",
                            "data": base64.b64encode(text).decode(),
                            "title": "The whole answer",
                        }
                    ],
                ),
            ]
        )

    def _provenances(
        self,
        report: JSON,
        studies: dict[str, str],
        targets: dict[str, JSON],
        models: dict[str, JSON],
    ) -> None:
        composer = self.add("software", software(self.answer))
        sources = [reference(uuid) for uuid in studies.values()]
        made = {name: list(self._made_by(name, targets)) for name in models}
        found = provenances(self.material, report, composer, models, made, sources)
        for name, resource in found:
            self.add(name, resource)

    def _made_by(self, device: str, targets: dict[str, JSON]) -> Iterator[JSON]:
        for item in self.answer.evidence:
            if self.device_name(device_of(self.answer, item)) == device:
                yield targets[item.id]
                if f"risk {item.id}" in targets:
                    yield targets[f"risk {item.id}"]


def _narrative(answer: Answer) -> JSON:
    said = [f"<li>{escape(_cited(each.text, each.citations))}</li>" for each in answer.statements]
    if answer.message:
        said.insert(0, f"<li>{escape(answer.message)}</li>")
    body = f"<ul>{''.join(said)}</ul>" if said else ""
    question, draft = escape(answer.question), escape(DRAFT)
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{question}</p>{body}'
        f"<p>Preliminary, not reviewed. {draft}</p></div>",
    }


def _cited(text: str, citations: tuple[str, ...]) -> str:
    return f"{text} [{', '.join(citations)}]" if citations else text
