"""Gemma in this process: tiny random checkpoints, through the real loading code."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent import Agent
from agent.answer import Attachment
from agent.gemma import PlanRequest
from agent.gemma.checkpoint import find_checkpoint, needed_gib
from agent.gemma.local import LocalGemma
from agent.settings import Settings
from agent.toolbox import ToolInfo
from specialists.errors import PlannerUnavailable
from specialists.schema import Accepts, Evidence, Manifest
from tests.checkpoints import build_checkpoint

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.xdist_group("gemma"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

FILM = Accepts(role="film", description="a film", kinds=("radiograph",))
SCHEMA = {"type": "object", "properties": {"files": {}}, "additionalProperties": False}
CATALOGUE = {"read_film": ToolInfo("read_film", "Film", "Reads films.", SCHEMA, "s", (FILM,))}
ATTACHMENT = Attachment(id="A1", manifest=Manifest(kind="radiograph", format="DICOM"))
WORDS = {"type": "object", "properties": {"said": {"type": "string"}}, "required": ["said"],
         "additionalProperties": False}  # fmt: skip


@pytest.fixture(scope="module", params=["gemma3", "gemma4"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_checkpoint(tmp_path_factory.mktemp(request.param), request.param)


def gemma_at(folder: Path, **settings: Any) -> LocalGemma:
    return LocalGemma(Settings(gemma_checkpoint=str(folder), **settings))


async def written(gemma: LocalGemma, question: str, schema: dict[str, Any]) -> str:
    chat = [{"role": "user", "content": question}]
    return "".join([piece async for piece in gemma._write(chat, "x", schema)])


async def test_plan_of_random_weights_fits_the_schema(checkpoint: Path) -> None:
    gemma = gemma_at(checkpoint)
    request = PlanRequest("Is there pneumonia?", [ATTACHMENT], CATALOGUE)
    plan = await gemma.plan(request)
    assert plan.action in ("call", "answer", "clarify", "refuse")
    assert all(call.tool == "read_film" for call in plan.calls)
    assert plan == await gemma.plan(request)


async def test_statements_of_random_weights_cite_what_is_there(checkpoint: Path) -> None:
    evidence = [Evidence(id="E1", tool="read_film", attachment="A1", text="Pneumonia.")]
    for statement in await gemma_at(checkpoint).compose("Is there?", evidence, []):
        assert set(statement.citations) <= {"E1"}


async def test_keys_kept_from_the_last_chat_change_nothing(checkpoint: Path) -> None:
    schema = {"type": "string", "maxLength": 40}
    warm = gemma_at(checkpoint)
    first = "What does the film show? " * 12
    for question in (first, first + "And the left lung?", "Other words.", first):
        kept = await written(warm, question, schema)
        assert kept == await written(gemma_at(checkpoint), question, schema)
    assert warm._loaded is not None
    assert len(warm._loaded.kept) > 300


async def test_cancelled_question_stops_the_model_and_the_next_is_answered(
    checkpoint: Path,
) -> None:
    gemma = gemma_at(checkpoint)
    pieces = gemma._write([{"role": "user", "content": "Tell me."}], "x", WORDS)
    assert (await anext(pieces)).startswith("{")
    await pieces.aclose()
    assert await written(gemma, "And?", {"const": "yes"}) == '"yes"'


async def test_model_that_takes_too_long_is_reported(checkpoint: Path) -> None:
    gemma = gemma_at(checkpoint, gemma_timeout_s=0.01)
    with pytest.raises(PlannerUnavailable, match="in time"):
        await written(gemma, "Tell me.", WORDS)


async def test_questions_at_the_same_time_are_answered_one_by_one(checkpoint: Path) -> None:
    gemma = gemma_at(checkpoint)
    schema = {"enum": ["one", "two", "three"]}
    asked = [written(gemma, question, schema) for question in ("a", "b", "a")]
    first, _, third = await asyncio.gather(*asked)
    assert first == third


async def test_agent_plans_with_the_named_checkpoint(checkpoint: Path) -> None:
    settings = Settings(gemma_checkpoint=str(checkpoint))
    async with Agent(settings, only=["report_ct"]) as agent:
        assert agent.planner_name == f"{checkpoint.name} (in process)"
        gated, _ = await agent.plan("Hello?")
    assert gated.plan.action in ("answer", "clarify", "refuse")


async def test_checkpoint_larger_than_the_memory_is_refused_unloaded(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.gemma.checkpoint.free_gib", lambda device: 1e-6)
    with pytest.raises(PlannerUnavailable, match="GiB are free"):
        await written(gemma_at(checkpoint), "Tell me.", WORDS)


def test_float32_needs_twice_what_a_bfloat16_file_takes(checkpoint: Path) -> None:
    assert needed_gib(checkpoint, "float32") == 2 * needed_gib(checkpoint, "bfloat16")


def test_folder_without_a_checkpoint_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(PlannerUnavailable, match="holds no checkpoint"):
        find_checkpoint(str(tmp_path))


def test_model_that_cannot_be_had_offline_says_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(PlannerUnavailable, match="WARDROUND_GEMMA_CHECKPOINT"):
        find_checkpoint("google/gemma-4-E4B-it")


async def test_checkpoint_without_a_chat_template_is_refused(
    checkpoint: Path, tmp_path: Path
) -> None:
    for file in checkpoint.iterdir():
        if file.name != "chat_template.jinja":
            (tmp_path / file.name).symlink_to(file)
    with pytest.raises(PlannerUnavailable, match="chat template"):
        await written(gemma_at(tmp_path), "Tell me.", WORDS)
