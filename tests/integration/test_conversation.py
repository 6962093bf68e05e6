from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent import Agent, Answer, Settings
from agent.answer import Call, Plan
from agent.gemma import PlanRequest
from specialists.base import Progress, Reading, Request, Source
from specialists.errors import PlannerUnavailable, UnusableGeometry
from tests.toys import ScriptedPlanner, Toy, toy_spec

pytestmark = pytest.mark.anyio
Serve = Callable[..., Any]
READS: list[int] = []


class CountingToy(Toy):
    """Notes that it was asked, and how much it was asked to say."""

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        READS.append(getattr(request, "detail", 0))
        return super().read(inputs, request, progress)


class OnceFailingToy(Toy):
    """Fails the first time."""

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        READS.append(0)
        if len(READS) == 1:
            raise UnusableGeometry("The slices do not form a volume.")
        return super().read(inputs, request, progress)


def call(tool: str, *attachments: str, **arguments: Any) -> Call:
    return Call(tool=tool, attachments=attachments, arguments=arguments)


def plan(*calls: Call) -> Plan:
    return Plan(action="call", calls=calls)


def read_texts(answer: Answer) -> list[tuple[str, str]]:
    return [(one.id, one.text) for one in answer.evidence]


@pytest.fixture(autouse=True)
def reads() -> Iterator[list[int]]:
    READS.clear()
    yield READS


@pytest.fixture
def toys(serve: Serve) -> Any:
    return serve(toy_spec(backend=CountingToy))


@pytest.mark.parametrize(
    "follow_up",
    [
        "and the left one?",
        "show me the evidence for that",
        "Is there pneumonia?",
        "¿y a la izquierda?",
    ],
)
async def test_follow_up_is_served_from_the_thread_and_says_so(
    toys: Any, settings: Settings, score: Path, follow_up: str
) -> None:
    async with Agent(settings, servers={"toys": toys}) as agent:
        first = await agent.ask_async("Is there pneumonia?", [score], "t")
        second = await agent.ask_async(follow_up, thread="t")
    assert len(READS) == 1
    assert first.provenance.reused == ()
    assert second.provenance.reused == (call("report_toy", "A1"),)
    assert read_texts(second) == read_texts(first)
    assert second.statements
    assert second.provenance.models == first.provenance.models
    assert second.not_assessed == first.not_assessed


async def test_same_file_named_again_is_the_same_attachment(
    toys: Any, settings: Settings, score: Path
) -> None:
    async with Agent(settings, servers={"toys": toys}) as agent:
        await agent.ask_async("Is there pneumonia?", [score], "t")
        again = await agent.ask_async("Is there pneumonia?", [score], "t")
    assert [one.id for one in again.attachments] == ["A1"]
    assert len(READS) == 1


async def test_thread_serves_another_process_without_its_pictures(
    serve: Serve, settings: Settings, score: Path
) -> None:
    for _ in range(2):
        spec = toy_spec(backend=CountingToy)
        async with Agent(settings, servers={"toys": serve(spec)}) as agent:
            answer = await agent.ask_async("Is there pneumonia?", [score], "t")
    assert len(READS) == 1
    assert answer.statements
    assert answer.pictures == ()


async def test_other_threads_and_questions_without_a_thread_share_nothing(
    toys: Any, settings: Settings, score: Path
) -> None:
    async with Agent(settings, servers={"toys": toys}) as agent:
        for thread in ("one", "two", None):
            answer = await agent.ask_async("Is there pneumonia?", [score], thread)
            assert answer.provenance.reused == ()
    assert len(READS) == 3


async def test_other_arguments_are_another_call(toys: Any, settings: Settings, score: Path) -> None:
    async with Agent(settings, servers={"toys": toys}) as agent:
        await agent.ask_async("Is there pneumonia?", [score], "t")
        await agent.ask_async("Is there pneumonia, detail 3?", thread="t")
    assert READS == [1, 3]


async def test_changed_file_is_read_again(
    serve: Serve, settings: Settings, score: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "score.txt"
    copy.write_bytes(score.read_bytes())
    server = serve(toy_spec(backend=CountingToy), root=tmp_path)
    async with Agent(settings, servers={"toys": server}) as agent:
        await agent.ask_async("Is there pneumonia?", [copy], "t")
        copy.write_bytes(score.read_bytes() + b"\n")
        answer = await agent.ask_async("Is there pneumonia?", [copy], "t")
    assert len(READS) == 2
    assert [call.attachments for call in answer.plan.calls] == [("A2",)]


async def test_failure_is_not_kept(serve: Serve, settings: Settings, score: Path) -> None:
    server = serve(toy_spec(backend=OnceFailingToy))
    async with Agent(settings, servers={"toys": server}) as agent:
        failed = await agent.ask_async("Is there pneumonia?", [score], "t")
        done = await agent.ask_async("Is there pneumonia?", thread="t")
    assert [one.code for one in failed.failures] == ["unusable_geometry"]
    assert done.evidence
    assert done.provenance.reused == ()


async def test_new_file_of_a_conversation_is_what_a_question_is_about(
    toys: Any, settings: Settings, score: Path
) -> None:
    other = score.with_name("PGS000001_hmPOS_GRCh38.txt.gz")
    async with Agent(settings, servers={"toys": toys}) as agent:
        await agent.ask_async("Is there pneumonia?", [score], "t")
        answer = await agent.ask_async("same question for this one", [other], "t")
    assert [call.attachments for call in answer.plan.calls] == [("A2",)]


async def test_planner_is_told_the_thread_without_names(
    toys: Any, settings: Settings, score: Path
) -> None:
    planner = ScriptedPlanner(plan(call("report_toy", "A1")))
    async with Agent(settings, servers={"toys": toys}, planner=planner) as agent:
        await agent.ask_async("Mrs Jane Doe, MRN 0045821: pneumonia?", [score], "t")
        await agent.ask_async("and the left one, in Mrs Doe?", thread="t")
    assert all("Doe" not in request.question for request in planner.requests)
    later = planner.requests[-1]
    assert later.history == [
        ("Mrs [name], MRN [number]: pneumonia?", "call"),
    ]
    assert later.earlier == [call("report_toy", "A1")]
    assert later.new == []
    assert planner.requests[0].new is None


async def test_what_a_planner_is_told_stays_bounded(
    toys: Any, settings: Settings, score: Path
) -> None:
    planner = ScriptedPlanner(plan(call("report_toy", "A1")))
    async with Agent(settings, servers={"toys": toys}, planner=planner) as agent:
        for number in range(10):
            await agent.ask_async(f"pneumonia {number} " + "x " * 500, [score], "t")
    assert len(planner.requests[-1].history) == 7
    told, action = planner.requests[-1].history[0]
    assert (told[:48], action) == ("[3 earlier questions: report_toy A1 (3); found: ", "call")
    assert len(READS) == 1


async def test_plan_is_extended_at_most_twice(
    serve: Serve, settings: Settings, score: Path
) -> None:
    plans = [plan(call("report_toy", "A1", detail=detail)) for detail in (1, 2, 3)]
    planner = ScriptedPlanner(*plans, plan(call("report_other", "A1")))
    server = serve(toy_spec(backend=CountingToy), toy_spec("report_other", CountingToy))
    async with Agent(settings, servers={"toys": server}, planner=planner) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [score])
    assert settings.max_rounds == 3
    assert READS == [1, 2, 3]
    assert len(planner.requests) == 3
    assert {one.tool for one in answer.plan.calls} == {"report_toy"}
    assert [one.id for one in answer.evidence] == [f"E{n}" for n in range(1, 7)]


@pytest.mark.parametrize(
    "again",
    [call("report_toy", "A1"), call("report_toy", "A1", detail=1), call("report_toy", "A1", "A1")],
)
async def test_same_call_is_never_made_twice(
    toys: Any, settings: Settings, score: Path, again: Call
) -> None:
    planner = ScriptedPlanner(plan(call("report_toy", "A1")), plan(again))
    async with Agent(settings, servers={"toys": toys}, planner=planner) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [score])
    assert len(READS) == 1
    assert answer.plan.calls == (call("report_toy", "A1"),)
    assert len(planner.requests) == 2


async def test_failed_call_is_not_tried_again_in_the_same_question(
    serve: Serve, settings: Settings, score: Path
) -> None:
    planner = ScriptedPlanner(plan(call("report_toy", "A1")))
    server = serve(toy_spec(backend=OnceFailingToy))
    async with Agent(settings, servers={"toys": server}, planner=planner) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [score])
    assert len(READS) == 1
    assert len(answer.failures) == 1


async def test_extension_passes_the_same_gate(
    toys: Any, settings: Settings, score: Path, data: Path
) -> None:
    film = data / "cxr" / "nih_00000001_000.png"
    wrong = plan(call("report_toy", "A2"), call("cure_everything", "A1"))
    planner = ScriptedPlanner(plan(call("report_toy", "A1")), wrong)
    async with Agent(settings, servers={"toys": toys}, planner=planner) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [score, film])
    assert answer.plan.calls == (call("report_toy", "A1"),)
    assert len(READS) == 1


@pytest.mark.parametrize("action", ["answer", "clarify", "refuse"])
async def test_planner_ends_the_loop_by_calling_nothing(
    toys: Any, settings: Settings, score: Path, action: str
) -> None:
    done = Plan.model_validate({"action": action, "message": "The lungs are clear."})
    planner = ScriptedPlanner(plan(call("report_toy", "A1")), done)
    async with Agent(settings, servers={"toys": toys}, planner=planner) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [score])
    assert answer.action == "call"
    assert answer.statements
    assert "clear" not in answer.model_dump_json()
    assert len(planner.requests) == 2


async def test_question_about_a_file_is_never_answered_by_the_planner_alone(
    toys: Any, settings: Settings, score: Path
) -> None:
    claim = Plan(action="answer", message="There is no pneumonia.")
    planner = ScriptedPlanner(claim)
    async with Agent(settings, servers={"toys": toys}, planner=planner) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [score])
    assert answer.action == "call"
    assert answer.evidence
    assert "There is no pneumonia." not in answer.model_dump_json()


async def test_planner_that_only_routes_is_asked_once(
    toys: Any, settings: Settings, score: Path
) -> None:
    planner = ScriptedPlanner(plan(call("report_toy", "A1")))
    planner.can_extend = False
    async with Agent(settings, servers={"toys": toys}, planner=planner) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [score])
    assert len(planner.requests) == 1
    assert answer.statements


async def test_planner_that_fails_on_the_way_leaves_its_plan_and_says_so(
    toys: Any, settings: Settings, score: Path
) -> None:
    class Fading(ScriptedPlanner):
        async def plan(self, request: PlanRequest) -> Plan:
            if request.evidence:
                raise PlannerUnavailable("The endpoint went away.")
            return await super().plan(request)

    planner = Fading(plan(call("report_toy", "A1")))
    async with Agent(settings, servers={"toys": toys}, planner=planner) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [score])
    assert answer.plan.calls == (call("report_toy", "A1"),)
    assert answer.provenance.planner.startswith("script; ")
    assert "went away" in answer.provenance.planner
