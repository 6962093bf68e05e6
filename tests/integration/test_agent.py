from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent import Agent, Answer, Settings
from agent.answer import Call, Plan, Statement
from agent.gemma import Composer, PlanRequest, Rejected
from specialists.errors import PlannerUnavailable
from specialists.schema import Evidence
from tests.toys import PNG, CrashingToy, FailingToy, ScriptedPlanner, SlowToy, toy_spec

pytestmark = pytest.mark.anyio
Serve = Callable[..., Any]


class ScriptedComposer(Composer):
    """Plays statements in order; notes what was sent back."""

    name = "script"

    def __init__(self, *drafts: list[Statement]) -> None:
        self.drafts = list(drafts)
        self.rejected: list[Sequence[Rejected]] = []

    async def compose(
        self, question: str, evidence: Sequence[Evidence], rejected: Sequence[Rejected]
    ) -> list[Statement]:
        self.rejected.append(rejected)
        return self.drafts.pop(0) if self.drafts else []


def call(tool: str, *attachments: str, **arguments: Any) -> Call:
    return Call(tool=tool, attachments=attachments, arguments=arguments)


def plan(*calls: Call) -> Plan:
    return Plan(action="call", calls=calls)


def said(text: str, *citations: str) -> Statement:
    return Statement(text=text, kind="finding", citations=citations)


async def ask(agent: Agent, question: str, *files: Path, thread: str | None = None) -> Answer:
    async with agent:
        return await agent.ask_async(question, files, thread)


async def test_question_becomes_an_answer_with_cited_statements(
    serve: Serve, settings: Settings, score: Path
) -> None:
    agent = Agent(settings, servers={"toys": serve(toy_spec())})
    answer = await ask(agent, "Is there pneumonia?", score)
    assert answer.action == "call"
    assert [one.tool for one in answer.plan.calls] == ["report_toy"]
    assert answer.statements[0].citations
    known = {one.id for one in answer.evidence}
    assert all(set(one.citations) <= known for one in answer.statements)
    assert "pneumonia or opacity" in answer.statements[0].text.lower()
    assert answer.provenance.planner.startswith("rules")
    assert answer.provenance.models["report_toy"][0].backend == "toy"
    assert answer.failures == ()


async def test_same_case_gives_the_same_answer(
    serve: Serve, settings: Settings, score: Path
) -> None:
    agents = [Agent(settings, servers={"toys": serve(toy_spec())}) for _ in range(2)]
    first, second = [await ask(one, "Is there pneumonia?", score) for one in agents]
    assert first == second


async def test_failing_specialist_costs_only_its_part(
    serve: Serve, settings: Settings, score: Path
) -> None:
    specs = [toy_spec("report_one"), toy_spec("report_two", FailingToy),
             toy_spec("report_three", CrashingToy)]  # fmt: skip
    every = ScriptedPlanner(plan(*(call(spec.name, "A1") for spec in specs)))
    agent = Agent(settings, servers={"t": serve(*specs)}, planner=every)
    answer = await ask(agent, "Pneumonia?", score)
    assert {one.tool: one.code for one in answer.failures} == {
        "report_two": "unusable_geometry",
        "report_three": "internal_error",
    }
    assert {one.tool for one in answer.evidence} == {"report_one"}
    assert answer.statements
    assert "Doe" not in answer.model_dump_json()


async def test_seven_slow_specialists_answer_together(
    serve: Serve, settings: Settings, score: Path
) -> None:
    specs = [toy_spec(f"report_{number}", SlowToy) for number in range(7)]
    every = ScriptedPlanner(plan(*(call(spec.name, "A1") for spec in specs)))
    async with Agent(settings, servers={"toys": serve(*specs)}, planner=every) as agent:
        await agent.inspect([score])
        started = asyncio.get_running_loop().time()
        answer = await agent.ask_async("Is there pneumonia?", [score])
        took = asyncio.get_running_loop().time() - started
    assert len({one.tool for one in answer.evidence}) == 7
    assert took < 4.0


async def test_unreadable_file_is_told_and_the_rest_answered(
    serve: Serve, settings: Settings, score: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.dcm").touch()
    agent = Agent(settings, servers={"toys": serve(toy_spec(), root=tmp_path)})
    answer = await ask(agent, "Is there pneumonia?", tmp_path / "empty.dcm", score)
    assert [one.code for one in answer.failures] == ["empty_file"]
    assert answer.evidence[0].attachment == "A2"


async def test_missing_file_does_not_stop_the_others(
    serve: Serve, settings: Settings, score: Path
) -> None:
    agent = Agent(settings, servers={"toys": serve(toy_spec())})
    answer = await ask(agent, "Is there pneumonia?", score, score.with_name("none.txt"))
    assert [one.code for one in answer.failures] == ["file_not_found"]
    assert answer.statements


async def test_wrong_file_is_asked_about(serve: Serve, settings: Settings, data: Path) -> None:
    agent = Agent(settings, servers={"toys": serve(toy_spec())})
    answer = await ask(agent, "Is there pneumonia?", data / "cxr" / "ankle_RG3_J2KI.dcm")
    assert answer.action == "clarify"
    assert "radiograph" in (answer.message or "")
    assert answer.evidence == ()


async def test_planner_that_names_the_wrong_tool_is_stopped_by_the_gate(
    serve: Serve, settings: Settings, score: Path
) -> None:
    planner = ScriptedPlanner(plan(call("cure_everything", "A1"), call("report_toy", "A9")))
    agent = Agent(settings, servers={"toys": serve(toy_spec())}, planner=planner)
    answer = await ask(agent, "Is there pneumonia?", score)
    assert answer.action == "clarify"
    assert "no tool cure_everything" in (answer.message or "")


async def test_planner_sees_no_path_and_no_handle(
    serve: Serve, settings: Settings, score: Path
) -> None:
    planner = ScriptedPlanner(plan(call("report_toy", "A1")))
    agent = Agent(settings, servers={"toys": serve(toy_spec())}, planner=planner)
    await ask(agent, "Is there pneumonia?", score)
    (manifest,) = [one.manifest for one in planner.requests[0].attachments]
    assert score.name not in str(manifest)


async def test_plan_may_be_extended_with_what_came_back(
    serve: Serve, settings: Settings, score: Path
) -> None:
    first, second = call("report_one", "A1"), call("report_two", "A1")
    planner = ScriptedPlanner(plan(first), plan(first, second))
    specs = [toy_spec("report_one"), toy_spec("report_two")]
    agent = Agent(settings, servers={"toys": serve(*specs)}, planner=planner)
    answer = await ask(agent, "Is there pneumonia?", score)
    assert [one.tool for one in answer.plan.calls] == ["report_one", "report_two"]
    assert [one.text for one in planner.requests[1].evidence]
    assert len(planner.requests) == settings.max_rounds


async def test_unavailable_planner_gives_way_to_the_rules_and_the_answer_says_so(
    serve: Serve, settings: Settings, score: Path
) -> None:
    class Silent(ScriptedPlanner):
        async def plan(self, request: PlanRequest) -> Plan:
            raise PlannerUnavailable("The endpoint can't be reached.")

    agent = Agent(settings, servers={"t": serve(toy_spec())}, planner=Silent(plan()))
    answer = await ask(agent, "Is there pneumonia?", score)
    assert answer.statements
    assert answer.provenance.planner.startswith("rules")
    assert "can't be reached" in answer.provenance.planner


async def test_unsupported_statement_is_sent_back_once_then_dropped_and_counted(
    serve: Serve, settings: Settings, score: Path
) -> None:
    good = said("Pneumonia or opacity is present.", "E1")
    lie = said("There is no pneumonia or opacity.", "E1")
    composer = ScriptedComposer([good, lie], [lie])
    agent = Agent(
        settings,
        servers={"toys": serve(toy_spec())},
        planner=ScriptedPlanner(plan(call("report_toy", "A1"))),
        composer=composer,
    )
    answer = await ask(agent, "Is there pneumonia?", score)
    assert [one.text for one in answer.statements] == [good.text]
    assert answer.dropped.count == 1
    assert [len(sent) for sent in composer.rejected] == [0, 1]
    assert lie.text not in answer.model_dump_json()


async def test_statement_mended_on_the_second_try_is_kept(
    serve: Serve, settings: Settings, score: Path
) -> None:
    lie = said("There is a fracture.", "E1")
    good = said("Pneumonia or opacity is present.", "E1")
    agent = Agent(
        settings,
        servers={"toys": serve(toy_spec())},
        planner=ScriptedPlanner(plan(call("report_toy", "A1"))),
        composer=ScriptedComposer([lie], [good]),
    )
    answer = await ask(agent, "Is there pneumonia?", score)
    assert [one.text for one in answer.statements] == [good.text]
    assert answer.dropped.count == 0


@pytest.mark.parametrize(
    ("question", "action"),
    [
        ("What can you do?", "answer"),
        ("Which antibiotic should I prescribe?", "refuse"),
        ("Is there pneumonia?", "clarify"),
    ],
)
async def test_question_without_files_consults_nobody(
    serve: Serve, settings: Settings, question: str, action: str
) -> None:
    answer = await ask(Agent(settings, servers={"toys": serve(toy_spec())}), question)
    assert answer.action == action
    assert answer.message
    assert answer.evidence == ()


async def test_thread_is_continued_by_another_agent(
    serve: Serve, settings: Settings, score: Path
) -> None:
    first = Agent(settings, servers={"toys": serve(toy_spec())})
    await ask(first, "Is there pneumonia?", score, thread="ward 3")
    second = Agent(settings, servers={"toys": serve(toy_spec())})
    answer = await ask(second, "And is there an opacity, pneumonia perhaps?", thread="ward 3")
    assert [one.id for one in answer.attachments] == ["A1"]
    assert answer.statements


async def test_checkpoints_hold_no_classes(serve: Serve, settings: Settings, score: Path) -> None:
    agent = Agent(settings, servers={"toys": serve(toy_spec())})
    await ask(agent, "Is there pneumonia?", score, thread="t")
    with sqlite3.connect(settings.thread_file) as connection:
        rows = connection.execute("select checkpoint from checkpoints").fetchall()
    connection.close()
    assert rows
    assert all(b"agent.answer" not in row and b"specialists.schema" not in row for (row,) in rows)
    assert settings.thread_file.stat().st_mode & 0o077 == 0


async def test_stream_tells_the_steps_and_the_progress(
    serve: Serve, settings: Settings, score: Path
) -> None:
    async with Agent(settings, servers={"toys": serve(toy_spec())}) as agent:
        events = [event async for event in agent.stream("Is there pneumonia?", [score])]
    steps = [event.text for event in events if event.kind == "step"]
    assert steps[:3] == ["intake", "route", "consult"]
    assert ("report_toy", "looking") in [(event.text, event.detail) for event in events]
    assert events[-1].answer is not None


async def test_pictures_of_an_answer_are_written(
    serve: Serve, settings: Settings, score: Path, tmp_path: Path
) -> None:
    async with Agent(settings, servers={"toys": serve(toy_spec())}) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [score])
        (path,) = await agent.save_pictures_async(answer.pictures, tmp_path / "out")
    assert path.name == "a-toy-picture.png"
    assert path.read_bytes() == PNG


def test_ask_works_without_an_event_loop(serve: Serve, settings: Settings, score: Path) -> None:
    with Agent(settings, servers={"toys": serve(toy_spec())}) as agent:
        first = agent.ask("Is there pneumonia?", [score])
        second = agent.ask("Is there pneumonia?", [score])
        outcome = agent.call("report_toy", [score], detail=2)
    assert first == second
    assert outcome.text.startswith("Pneumonia or opacity")


async def test_server_that_is_down_costs_only_its_tools(
    serve: Serve, settings: Settings, score: Path
) -> None:
    servers = {"gone": {"url": "http://127.0.0.1:9/mcp"}, "toys": serve(toy_spec())}
    async with Agent(settings, servers=servers) as agent:
        assert set(agent.toolbox.unreachable) == {"gone"}
        answer = await agent.ask_async("Is there pneumonia?", [score])
    assert answer.statements


async def test_thread_whose_file_was_moved_says_so_and_takes_the_new_place(
    serve: Serve, settings: Settings, score: Path, tmp_path: Path
) -> None:
    first = tmp_path / "a" / "score.txt"
    first.parent.mkdir()
    first.write_bytes(score.read_bytes())
    agent = Agent(settings, servers={"toys": serve(toy_spec(), root=tmp_path)})
    await ask(agent, "Is there pneumonia?", first, thread="t")
    second = first.rename(tmp_path / "score.txt")
    agent = Agent(settings, servers={"toys": serve(toy_spec(), root=tmp_path)})
    async with agent:
        lost = await agent.ask_async("Is there pneumonia?", thread="t")
        found = await agent.ask_async("Is there pneumonia?", [second], thread="t")
    assert {one.code for one in lost.failures} <= {"file_not_found", "unknown_handle"}
    assert lost.failures
    assert found.statements


async def test_questions_on_one_thread_at_once_are_all_kept(
    serve: Serve, settings: Settings, score: Path
) -> None:
    async with Agent(settings, servers={"toys": serve(toy_spec())}) as agent:
        asked = (agent.ask_async("Is there pneumonia?", [score], "t") for _ in range(4))
        await asyncio.gather(*asked)
        graph = await agent._graph("t")
        state = await graph.aget_state({"configurable": {"thread_id": "t"}})
    assert len(state.values["history"]) == 4


async def test_server_that_hangs_costs_only_its_tools(
    serve: Serve, settings: Settings, score: Path
) -> None:
    settings = settings.model_copy(update={"connect_timeout_s": 2.0})
    servers = {"hung": {"command": "sleep", "args": ["60"]}, "toys": serve(toy_spec())}
    async with Agent(settings, servers=servers) as agent:
        assert set(agent.toolbox.unreachable) == {"hung"}
        answer = await agent.ask_async("Is there pneumonia?", [score])
    assert answer.statements


async def test_file_that_nobody_read_is_told(
    serve: Serve, settings: Settings, score: Path, data: Path
) -> None:
    agent = Agent(settings, servers={"toys": serve(toy_spec())})
    answer = await ask(agent, "Is there pneumonia?", score, data / "cxr" / "ankle_RG3_J2KI.dcm")
    assert "A2 was not looked at for this question." in answer.caveats
