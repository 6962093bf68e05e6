"""OpenTelemetry spans say what ran and how it went, and nothing of a patient or a question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastmcp import Client
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent import Settings
from agent.server import build_consulting_server
from tests.toys import CrashingToy, toy_spec
from tools.server import Workshop, build_server

pytestmark = pytest.mark.anyio
QUESTION = "Could this mole of Wilhelmina Quasimodo be melanoma?"
SKIN = "skin/PAT_778_1471_835.png"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


def said(one: ReadableSpan) -> dict[str, object]:
    return {name: value for name, value in (one.attributes or {}).items() if "wardround." in name}


async def test_steps_and_calls_have_spans_without_content(
    spans: InMemorySpanExporter, settings: Settings, data: Path
) -> None:
    server = build_consulting_server(settings.model_copy(update={"roots": (data,)}))
    record = "fhir/patient.json"
    async with Client(server) as client:
        await client.call_tool_mcp("consult", {"question": QUESTION, "files": [SKIN, record]})
        await client.call_tool_mcp("read_patient_record", {"files": [record]})
        await client.call_tool_mcp("report_ct", {"files": [SKIN]})
        await client.call_tool_mcp("inspect_files", {"files": [str(data / SKIN), "/etc/passwd"]})
    ended = spans.get_finished_spans()
    names = {one.name for one in ended}
    assert {f"step {name}" for name in ("intake", "route", "consult", "compose")} <= names
    calls = [said(one) for one in ended if one.name.startswith("specialist ")]
    told = {(one["wardround.tool"], one["wardround.outcome"]) for one in calls}
    assert ("classify_skin_lesion", "done") in told
    assert ("report_ct", "not_accepted") in told
    done = [one for one in calls if one["wardround.outcome"] == "done"]
    assert {one["wardround.backend"] for one in done} == {"reference"}
    assert all(isinstance(one["wardround.duration_s"], float) for one in calls)
    text = " ".join(one.to_json() for one in ended)
    for word in ("Quasimodo", "mole", "melanoma", "PAT_778", "patient.json", "diabetes", "passwd"):
        assert word not in text
    assert str(data) not in text


async def test_message_of_an_unexpected_error_stays_out_of_the_spans(
    spans: InMemorySpanExporter, score: Path
) -> None:
    shop = Workshop.create([score.parent])
    specs = {"report_crash": toy_spec("report_crash", CrashingToy)}
    async with Client(build_server(specs=specs, workshop=shop)) as client:
        await client.call_tool_mcp("report_crash", {"files": [score.name]})
    ended = [one for one in spans.get_finished_spans() if one.name == "specialist report_crash"]
    assert [said(one)["wardround.outcome"] for one in ended] == ["internal_error"]
    assert "Doe" not in json.dumps([one.to_json() for one in spans.get_finished_spans()])
