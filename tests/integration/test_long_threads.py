"""Conversations of fifty questions: what a planner is told stays small, and answers stay right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent import Agent, Answer
from agent.answer import Attachment, Call, Plan
from agent.context import remembered
from agent.duty import gate_question
from agent.gemma import Planner, PlanRequest
from agent.gemma.embedded.planner import EmbeddedGemma
from agent.rules import RulePlanner, planned
from agent.settings import Settings
from agent.toolbox import Toolbox, ToolInfo
from specialists.base import Progress, Reading, Request, Source
from specialists.errors import PlannerUnavailable
from specialists.schema import Manifest
from tests.toys import Toy, toy_spec
from tools.server import build_server

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("gemma")]

FILM = Manifest(kind="radiograph", format="DICOM", modality="CR", body_part="chest", view="PA")
READS: list[str] = []
TURNS = 50
ASKED = (
    "and the left one?", "¿y a la izquierda?", "et à gauche ?", "und links?", "e à esquerda?",
    "左边呢？", "show me the evidence for that", "are you sure?", "warum?", "pourquoi ?",
)  # fmt: skip


class CountingToy(Toy):
    """Notes that it was asked."""

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        READS.append(type(request).__name__)
        return super().read(inputs, request, progress)


class Listening(Planner):
    """Plans by the rules, and notes what it was told."""

    name = "rules that listen"

    def __init__(self) -> None:
        self.requests: list[PlanRequest] = []

    async def plan(self, request: PlanRequest) -> Plan:
        self.requests.append(request)
        return planned(request)


@pytest.fixture(autouse=True)
def reads() -> Iterator[list[str]]:
    READS.clear()
    yield READS


def size(request: PlanRequest) -> int:
    """Characters of what a planner is told of the conversation."""
    return sum(len(asked) + len(action) for asked, action in request.history)


async def test_fifty_questions_are_told_in_few_words_and_without_names(
    serve: Callable[..., Any], settings: Settings, score: Path
) -> None:
    planner = Listening()
    server = serve(toy_spec(backend=CountingToy))
    async with Agent(settings, servers={"toys": server}, planner=planner) as agent:
        first = await agent.ask_async("Mrs Jane Doe, MRN 0045821: pneumonia?", [score], "t")
        for turn in range(1, TURNS):
            asked = f"{ASKED[turn % len(ASKED)]} (Mrs Doe, MRN 0045{turn:03})"
            answer = await agent.ask_async(asked, thread="t")
            assert answer.evidence == first.evidence, asked
            assert answer.statements, asked
            assert answer.provenance.reused, asked
    assert len(READS) == 1
    sizes = [size(request) for request in planner.requests]
    assert max(sizes) < 1500
    assert sizes[-1] < 1.2 * sizes[10]
    told = repr([(request.question, request.history) for request in planner.requests])
    assert "Doe" not in told
    assert "0045" not in told
    summary = planner.requests[-1].history[0][0]
    assert summary.startswith("[43 earlier questions: report_toy A1 (43)")
    assert "pneumonia or opacity present in A1 (43)" in summary


async def test_thread_keeps_no_more_of_fifty_questions_than_of_ten(
    serve: Callable[..., Any], settings: Settings, score: Path
) -> None:
    server = serve(toy_spec(backend=CountingToy))
    async with Agent(settings, servers={"toys": server}) as agent:
        sizes = {}
        for turn in range(1, TURNS + 1):
            await agent.ask_async("Is there pneumonia? " + "word " * 40, [score], "t")
            if turn in (10, TURNS):
                graph = await agent._graph("t")
                state = (await graph.aget_state({"configurable": {"thread_id": "t"}})).values
                sizes[turn] = len(json.dumps(state))
    assert sizes[TURNS] < sizes[10] + 100
    assert len(state["history"]) == 6
    assert "word" not in json.dumps(state["older"])


async def test_files_of_a_long_thread_are_still_found_by_their_name(
    serve: Callable[..., Any], settings: Settings, score: Path, tmp_path: Path
) -> None:
    server = serve(toy_spec(backend=CountingToy), root=tmp_path)
    async with Agent(settings, servers={"toys": server}) as agent:
        for turn in range(30):
            copy = tmp_path / f"score{turn}.txt"
            copy.write_bytes(score.read_bytes() + b"\n" * turn)
            await agent.ask_async("Is there pneumonia?", [copy], "t")
        answer = await agent.ask_async("What about A2 and A29?", thread="t")
    assert {name for call in answer.plan.calls for name in call.attachments} == {"A2", "A29"}
    assert len(READS) == 30


def _ask(tmp_path: Path, question: str, *more: str) -> Answer:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WARDROUND_")}
    given = {"WARDROUND_STATE_DIR": str(tmp_path), "WARDROUND_GEMMA_EMBEDDED": "0"}
    told = subprocess.run(
        [sys.executable, "-m", "agent", "ask", question, *more, "--thread", "t", "--json"],
        capture_output=True, text=True, env={**kept, **given}, timeout=300,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return Answer.model_validate_json(told.stdout)


def test_thread_goes_on_in_a_new_process_without_reading_again(tmp_path: Path, data: Path) -> None:
    film = data / "cxr" / "nih_00000001_000.png"
    first = _ask(tmp_path, "Is there pneumonia?", str(film))
    later = _ask(tmp_path, "¿y a la izquierda?")
    assert first.provenance.reused == ()
    assert later.provenance.reused == (Call(tool="report_chest_xray", attachments=("A1",)),)
    assert [one.text for one in later.evidence] == [one.text for one in first.evidence]
    assert later.statements


@pytest.fixture(scope="module")
def gemma() -> EmbeddedGemma:
    return EmbeddedGemma()


async def _shipped() -> dict[str, ToolInfo]:
    async with Toolbox({"own": build_server()}) as toolbox:
        return dict(toolbox.catalogue)


async def _planned(question: str, read: Sequence[str], gemma: EmbeddedGemma) -> list[Plan]:
    """What the rules and the shipped Gemma plan after each of some films was asked about."""
    films = [
        Attachment(id=f"A{n}", handle=f"file-{n:016x}", manifest=FILM)
        for n in range(1, len(read) + 1)
    ]
    history = [["Is there pneumonia?", "call", f"report_chest_xray {name}"] for name in read]
    earlier = [Call(tool="report_chest_xray", attachments=(read[-1],))]
    told = PlanRequest(
        question, films, await _shipped(), remembered(history), new=[], earlier=earlier
    )
    planners: tuple[Planner, ...] = (RulePlanner(), gemma)
    return [gate_question(await one.plan(told), told).plan for one in planners]


@pytest.mark.parametrize(
    "question",
    [
        "and the left one?", "what about the right lung?", "y el izquierdo?", "et le gauche ?",
        "und links?", "e o esquerdo?", "左边呢？", "那左侧呢", "why?",
        "¿por qué?", "warum?", "pourquoi ?", "por quê?", "为什么？", "show me the evidence",
        "was wurde gefunden?", "¿qué se encontró?", "qu'a-t-on trouvé ?", "o que foi encontrado?",
    ],
)  # fmt: skip
async def test_follow_up_in_any_language_is_about_the_film_that_was_read(
    question: str, gemma: EmbeddedGemma
) -> None:
    same = (Call(tool="report_chest_xray", attachments=("A1",)),)
    for plan in await _planned(question, ["A1"], gemma):
        assert (plan.action, plan.calls) == ("call", same)


@pytest.mark.parametrize(
    "question",
    [
        "compare with before", "any change since the last one?", "compara con el anterior",
        "comparer avec l'examen précédent", "vergleiche mit vorher", "comparar com o anterior",
        "和之前对比", "与上次比较",
    ],
)  # fmt: skip
async def test_comparison_in_any_language_is_about_both_films(
    question: str, gemma: EmbeddedGemma
) -> None:
    for plan in await _planned(question, ["A1", "A2"], gemma):
        assert plan.action == "call"
        assert {name for call in plan.calls for name in call.attachments} == {"A1", "A2"}


async def test_more_files_than_the_shipped_gemma_can_name_are_left_to_the_rules(
    gemma: EmbeddedGemma,
) -> None:
    films = [Attachment(id=f"A{n}", handle=f"file-{n:016x}", manifest=FILM) for n in range(1, 28)]
    with pytest.raises(PlannerUnavailable, match="at most 26 files"):
        await gemma.plan(PlanRequest("Is there pneumonia?", films, await _shipped()))
