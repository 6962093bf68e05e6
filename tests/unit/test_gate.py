from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agent.answer import Attachment, Call, Plan
from agent.gate import gate, plan_schema
from agent.toolbox import ToolInfo
from specialists.schema import Accepts, Manifest

FILM = Accepts(
    role="film",
    description="a chest radiograph",
    kinds=("radiograph",),
    modalities=("CR", "DX"),
    body_parts=("chest",),
    refused_views=("lateral",),
)
PRIOR = FILM.model_copy(update={"role": "prior", "required": False})
SCHEMA = {
    "type": "object",
    "properties": {
        "files": {"type": "array"},
        "backend": {"type": "string"},
        "size": {"type": "integer", "minimum": 1},
    },
    "required": ["files"],
    "additionalProperties": False,
}
CHEST = ToolInfo("report_chest_xray", "Chest film", "", SCHEMA, "here", (FILM, PRIOR))
FHIR = ToolInfo("read_record", "Record", "", {"type": "object"}, "there", None)
CATALOGUE = {tool.name: tool for tool in (CHEST, FHIR)}


def film(number: int, **changes: Any) -> Attachment:
    facts = {"modality": "CR", "body_part": "chest", "view": "PA", **changes}
    manifest = Manifest(kind="radiograph", format="DICOM", **facts)
    return Attachment(id=f"A{number}", handle=f"file-{number}", manifest=manifest)


def plan(*calls: Call) -> Plan:
    return Plan(action="call", calls=calls)


def chest(*attachments: str, **arguments: Any) -> Call:
    return Call(tool="report_chest_xray", attachments=attachments, arguments=arguments)


def test_gate_fitting_call_passes() -> None:
    gated = gate(plan(chest("A1", size=2)), CATALOGUE, [film(1)])
    assert gated.plan.action == "call"
    assert gated.plan.calls == (chest("A1", size=2),)
    assert gated.refused == ()


def test_gate_two_films_fill_both_roles() -> None:
    assert gate(plan(chest("A1", "A2")), CATALOGUE, [film(1), film(2)]).plan.action == "call"


@pytest.mark.parametrize(
    ("call", "attachments", "reason"),
    [
        (Call(tool="cure"), [film(1)], "no tool cure"),
        (chest("A9"), [film(1)], "no attachment A9"),
        (chest(), [film(1)], "a file is missing"),
        (chest("A1", size=0), [film(1)], "size"),
        (chest("A1", colour="red"), [film(1)], "additionalProperties"),
        (chest("A1"), [film(1, body_part="ankle")], "shows: ankle"),
        (chest("A1"), [film(1, body_part=None)], "does not say which body part"),
        (chest("A1"), [film(1, modality="CT")], "Accepted here: a chest radiograph"),
        (chest("A1"), [film(1, view="lateral")], "The view is lateral"),
        (chest("A1"), [film(1, human=False)], "an animal"),
        (chest("A1", "A2", "A3"), [film(1), film(2), film(3)], "Too many files"),
        (Call(tool="read_record", attachments=("A1",)), [film(1)], "takes no files"),
    ],
)
def test_gate_unfitting_call_becomes_a_question(
    call: Call, attachments: list[Attachment], reason: str
) -> None:
    gated = gate(plan(call), CATALOGUE, attachments)
    assert gated.plan.action == "clarify"
    assert gated.plan.calls == ()
    assert reason in (gated.plan.message or "")


def test_gate_keeps_what_fits_and_says_what_does_not() -> None:
    attachments = [film(1), film(2, body_part="ankle")]
    gated = gate(plan(chest("A1"), chest("A2")), CATALOGUE, attachments)
    assert gated.plan.calls == (chest("A1"),)
    assert [call for call, _ in gated.refused] == [chest("A2")]


def test_gate_repeated_call_is_made_once() -> None:
    gated = gate(plan(chest("A1"), chest("A1")), CATALOGUE, [film(1)])
    assert gated.plan.calls == (chest("A1"),)


@pytest.mark.parametrize("action", ["answer", "clarify", "refuse"])
def test_gate_other_actions_lose_their_calls(action: str) -> None:
    written = Plan.model_validate({"action": action, "calls": [{"tool": "report_chest_xray"}]})
    assert gate(written, CATALOGUE, []).plan.calls == ()


def test_plan_schema_allows_only_live_tools_and_attachments() -> None:
    validator = Draft202012Validator(plan_schema(CATALOGUE, [film(1)]))

    def valid(tool: str, attachments: list[str], **arguments: Any) -> bool:
        call = {"tool": tool, "attachments": attachments, "arguments": arguments}
        return validator.is_valid({"action": "call", "calls": [call], "message": ""})

    assert valid("report_chest_xray", ["A1"], size=1)
    assert valid("read_record", [])
    assert not valid("report_chest_xray", ["A2"])
    assert not valid("report_chest_xray", ["A1"], size=0)
    assert not valid("report_ankle", ["A1"])
    assert not valid("read_record", ["A1"])
