"""`consult` as an MCP client meets it, on the current protocol and the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client, FastMCP
from fastmcp.client.elicitation import ElicitResult

from agent import Agent, Settings
from agent.consulting import consult_tool
from agent.server import build_consulting_server
from tests.toys import WaitingToy, toy_spec

pytestmark = pytest.mark.anyio
SKIN = "skin/PAT_778_1471_835.png"
MODES = ["2026-07-28", "legacy"]
QUESTION = "Could this mole be melanoma?"


@pytest.fixture
def server(settings: Settings, data: Path) -> Iterator[FastMCP[Any]]:
    yield build_consulting_server(settings.model_copy(update={"roots": (data,)}))


class Person:
    """Answers what it is asked, in order; then declines."""

    def __init__(self, *replies: dict[str, str]) -> None:
        self.replies = list(replies)
        self.asked: list[str] = []

    async def __call__(self, message: str, *_: Any) -> Any:
        self.asked.append(message)
        if not self.replies:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content=self.replies.pop(0))


async def consult(server: FastMCP[Any], mode: Any, person: Any, **given: Any) -> dict[str, Any]:
    async with Client(server, mode=mode, elicitation_handler=person) as client:
        result = await client.call_tool_mcp("consult", given)
    assert not result.is_error
    return dict(result.structured_content)


@pytest.mark.parametrize("mode", MODES)
async def test_missing_file_is_asked_for_and_the_consultation_goes_on(
    server: FastMCP[Any], mode: str
) -> None:
    person = Person({"file": SKIN})
    answer = await consult(server, mode, person, question=QUESTION)
    assert len(person.asked) == 1
    assert answer["action"] == "call"
    assert {one["tool"] for one in answer["evidence"]} == {"classify_skin_lesion"}


@pytest.mark.parametrize("mode", MODES)
async def test_person_who_declines_gets_the_question_back_as_the_answer(
    server: FastMCP[Any], mode: str
) -> None:
    person = Person()
    answer = await consult(server, mode, person, question=QUESTION)
    assert len(person.asked) == 1
    assert answer["action"] == "clarify"
    assert answer["message"] == person.asked[0]


@pytest.mark.parametrize("mode", MODES)
async def test_person_is_asked_twice_at_most(server: FastMCP[Any], mode: str) -> None:
    person = Person({"answer": "hm"}, {"answer": "well"}, {"answer": "no"})
    answer = await consult(server, mode, person, question=QUESTION)
    assert len(person.asked) == 2
    assert answer["action"] == "clarify"


@pytest.mark.parametrize("mode", MODES)
async def test_client_that_cannot_ask_gets_the_clarification(
    server: FastMCP[Any], mode: str
) -> None:
    answer = await consult(server, mode, None, question=QUESTION)
    assert answer["action"] == "clarify"
    assert answer["message"]


@pytest.mark.parametrize("mode", MODES)
async def test_file_named_in_a_reply_stays_below_the_roots(
    server: FastMCP[Any], mode: str, tmp_path: Path
) -> None:
    (tmp_path / "secret.png").write_bytes(b"x")
    person = Person({"file": str(tmp_path / "secret.png")})
    answer = await consult(server, mode, person, question=QUESTION)
    assert [one["code"] for one in answer["failures"]] == ["file_not_allowed"]
    assert answer["evidence"] == []


@pytest.mark.parametrize("mode", MODES)
async def test_progress_goes_forward_and_names_the_steps(server: FastMCP[Any], mode: Any) -> None:
    told: list[tuple[float, str | None]] = []

    async def note(share: float, _: float | None, message: str | None) -> None:
        told.append((share, message))

    async with Client(server, mode=mode, progress_handler=note) as client:
        await client.call_tool_mcp("consult", {"question": QUESTION, "files": [SKIN]})
    shares = [share for share, _ in told]
    assert shares == sorted(set(shares))
    assert {"intake", "route", "consult", "compose"} <= {message for _, message in told}


async def test_cancelled_consultation_reaches_the_specialist(
    serve: Callable[..., Any], settings: Settings, score: Path
) -> None:
    WaitingToy.begun.clear()
    WaitingToy.ended.clear()
    toys = serve(toy_spec("report_waiting", WaitingToy))
    async with Agent(settings, servers={"toys": toys}) as agent:
        server: FastMCP[Any] = FastMCP("test")
        server.add_tool(consult_tool(lambda: agent))
        async with Client(server) as client:
            call = asyncio.create_task(
                client.call_tool_mcp("consult", {"question": "report?", "files": [str(score)]})
            )
            assert await asyncio.to_thread(WaitingToy.begun.wait, 30)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(WaitingToy.ended.wait, 10)


async def test_progress_rises_over_the_rounds_of_a_question_back(server: FastMCP[Any]) -> None:
    told: list[float] = []

    async def note(share: float, *_: Any) -> None:
        told.append(share)

    person = Person({"file": SKIN})
    async with Client(
        server, mode="legacy", elicitation_handler=person, progress_handler=note
    ) as client:
        await client.call_tool_mcp("consult", {"question": QUESTION})
    assert told == sorted(set(told))
