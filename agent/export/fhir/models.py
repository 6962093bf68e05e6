"""Device and Provenance: which model said what, of which version, and how it was evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agent.answer import Answer
from agent.export.codes import Code
from agent.export.fhir.values import JSON, concept, instant, known
from agent.export.material import Device, Material, version

__all__ = ["device_resource", "provenances", "software"]

_ASSEMBLER = Code(
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "assembler", "Assembler"
)


def device_resource(device: Device) -> JSON:
    """The Device of a consulted model, with its card's essence."""
    model = device.model
    weights = model.weights_sha256
    digest = {"type": {"text": "SHA-256 of the weights"}, "valueCode": [{"text": weights}]}
    backend = {"type": {"text": "backend"}, "valueCode": [{"text": model.backend}]}
    notes = [model.evaluated_on, *([model.terms] if model.terms else [])]
    return known(
        [
            ("resourceType", "Device"),
            ("status", "active"),
            ("deviceName", [{"name": model.model, "type": "model-name"}]),
            ("type", {"text": f"Software: model behind {device.tool}"}),
            ("version", [{"value": model.version}]),
            ("property", [backend, *([digest] if weights else [])]),
            ("note", [{"text": text} for text in notes]),
        ]
    )


def software(answer: Answer) -> JSON:
    """The Device that planned, composed and checked."""
    made = answer.provenance
    parts = {"planner": made.planner, "composer": made.composer, "checker": made.checker}
    prompts = {f"prompt {name}, SHA-256": digest for name, digest in made.prompts.items()}
    return {
        "resourceType": "Device",
        "status": "active",
        "deviceName": [{"name": "wardround", "type": "model-name"}],
        "type": {"text": "Software: plans, consults specialist models, composes and checks"},
        "version": [{"value": version(answer)}],
        "property": [
            {"type": {"text": name}, "valueCode": [{"text": text}]}
            for name, text in {**parts, **prompts}.items()
        ],
    }


def provenances(
    material: Material,
    report: JSON,
    composer: JSON,
    models: Mapping[str, JSON],
    made: Mapping[str, Sequence[JSON]],
    sources: Sequence[JSON],
) -> Iterator[tuple[str, JSON]]:
    """A Provenance a model, over what it said; and one over the report.

    Args:
        material: The answer and the time of the export.
        report: Reference to the DiagnosticReport.
        composer: Reference to the Device of this software.
        models: References to the models' Devices by name.
        made: References to what each model said.
        sources: References to the imaging studies.
    """
    recorded = instant(material.now)
    files = [{"role": "source", "what": what} for what in sources] or [
        {"role": "source", "what": {"display": f"Attached file {one.id}"}}
        for one in material.answer.attachments
    ]
    for name, device in models.items():
        if made[name]:
            yield f"provenance of {name}", _provenance(made[name], recorded, device, files)
    said = [{"role": "source", "what": what} for name in models for what in made[name]]
    yield "provenance of report", _provenance([report], recorded, composer, said or files)


def _provenance(
    targets: Sequence[JSON], recorded: str, device: JSON, entities: Sequence[JSON]
) -> JSON:
    return known(
        [
            ("resourceType", "Provenance"),
            ("target", list(targets)),
            ("recorded", recorded),
            ("agent", [{"type": concept("Assembler", _ASSEMBLER), "who": device}]),
            ("entity", list(entities)),
        ]
    )
