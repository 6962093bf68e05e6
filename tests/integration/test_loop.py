"""After evidence came, a language model may ask for more: bounded, and under the same gate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent import Agent, Answer
from agent.answer import Call
from agent.settings import Settings
from specialists.base import Progress, Reading, Request, Source
from specialists.schema import Accepts
from tests.scripted import Script, scripted_endpoint
from tests.toys import Toy, toy_spec

pytestmark = pytest.mark.anyio

CHEST = Accepts(
    role="film", description="a chest film", kinds=("radiograph",), body_parts=("chest",), maximum=2
)
READS: list[int] = []


class CountingToy(Toy):
    """Notes that it was asked, and how much it was asked to say."""

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        READS.append(getattr(request, "detail", 0))
        return super().read(inputs, request, progress)


def plan(*calls: dict[str, Any], action: str = "call", message: str = "") -> str:
    return json.dumps({"action": action, "calls": calls, "message": message})


def call(attachment: str, **arguments: Any) -> dict[str, Any]:
    return {"tool": "read_chest", "attachments": [attachment], "arguments": arguments}


@pytest.fixture
def script() -> Script:
    script = Script()
    said = {"text": "Pneumonia or opacity is present.", "kind": "finding", "citations": ["E1"]}
    script.statements = [said]
    return script


@pytest.fixture
def ask(
    script: Script, settings: Settings, data: Path, serve: Callable[..., Any]
) -> Iterator[Callable[[], Any]]:
    READS.clear()
    films = [data / "cxr" / "nih_00000001_000.png", data / "cxr" / "ankle_RG3_J2KI.dcm"]
    server = serve(toy_spec("read_chest", CountingToy, accepts=(CHEST,)))

    async def answered() -> Answer:
        given = settings.model_copy(update={"gemma_url": url, "gemma_model": "gemma"})
        async with Agent(given, servers={"toys": server}) as agent:
            return await agent.ask_async("Is there pneumonia?", films)

    with scripted_endpoint(script) as url:
        yield answered


async def test_evidence_is_shown_and_what_is_asked_for_then_is_consulted(
    script: Script, ask: Callable[[], Any]
) -> None:
    script.answers = [plan(call("A1")), plan(call("A1", detail=2)), plan(action="answer")]
    answer = await ask()
    assert READS == [1, 2]
    assert len(script.plans) == 3
    first, second, _ = (one["messages"][-1]["content"] for one in script.plans)
    assert "Already known" not in first
    assert "Already known" in second
    assert "read_chest on A1" in second
    assert [one.id for one in answer.evidence] == ["E1", "E2", "E3", "E4"]
    assert {name.split("/")[0] for name in answer.provenance.prompts} == {"route", "compose"}


async def test_model_that_always_wants_more_is_stopped_after_three_plans(
    script: Script, ask: Callable[[], Any]
) -> None:
    script.answers = [plan(call("A1", detail=detail)) for detail in (1, 2, 3)] * 3
    answer = await ask()
    assert READS == [1, 2, 3]
    assert len(script.plans) == 3
    assert answer.statements


async def test_ankle_film_is_never_read_however_often_it_is_asked_for(
    script: Script, ask: Callable[[], Any]
) -> None:
    script.answers = [
        plan(call("A2"), call("A1")),
        plan(call("A2", detail=2), call("A1", detail=2)),
        plan(call("A2", detail=3), call("A1")),
    ]
    answer = await ask()
    assert READS == [1, 2]
    assert {one.attachments for one in answer.plan.calls} == {("A1",)}
    assert {one.attachment for one in answer.evidence} == {"A1"}
    assert [(one.tool, one.attachment) for one in answer.failures] == [("read_chest", "A2")]


async def test_model_that_wants_only_the_ankle_film_gets_a_question_back(
    script: Script, ask: Callable[[], Any]
) -> None:
    script.answers, script.repeats = [plan(call("A2"))], True
    answer = await ask()
    assert READS == []
    assert (answer.action, answer.evidence) == ("clarify", ())
    assert "reads only: chest" in (answer.message or "")
    assert "A1 can be read by" in (answer.message or "")
    assert len(script.plans) == 1


async def test_model_that_asks_for_the_same_again_and_again_is_heard_once(
    script: Script, ask: Callable[[], Any]
) -> None:
    same = plan(call("A1"), call("A1", detail=1), call("A2"))
    script.answers, script.repeats = [same], True
    answer = await ask()
    assert READS == [1]
    assert answer.plan.calls == (Call(tool="read_chest", attachments=("A1",)),)
    assert len(script.plans) == 2


async def test_claims_of_a_later_round_reach_nobody(script: Script, ask: Callable[[], Any]) -> None:
    claim = "The ankle is broken and the lungs are clear."
    script.answers = [plan(call("A1")), plan(call("A2"), action="answer", message=claim)]
    answer = await ask()
    assert READS == [1]
    assert "broken" not in answer.model_dump_json()
