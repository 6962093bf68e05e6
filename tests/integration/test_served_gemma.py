"""The shipped Gemma at a server: the same one, and what is told where it can't be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent import Agent
from agent.answer import Attachment
from agent.evaluate.cases import Case, read_cases
from agent.gemma import PlanRequest
from agent.gemma.embedded.grammar import rest_grammar
from agent.gemma.embedded.layout import SERVED, serve_line, served_name, write_layout
from agent.gemma.embedded.planner import EmbeddedGemma
from agent.gemma.embedded.served import ServedGemma
from agent.gemma.training.catalogues import shipped
from agent.settings import Settings
from agent.toolbox import ToolInfo
from specialists.errors import PlannerUnavailable
from specialists.schema import Manifest
from tests.scripted import Script, scripted_endpoint
from tests.servers import standin

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.xdist_group("gemma"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

FILM = Manifest(kind="radiograph", format="DICOM", modality="CR", body_part="chest", view="PA")
SLOTS, FILES = ["<T1>", "<T2>"], ["A1", "A2", "A3"]


@pytest.fixture(scope="module")
def gemma() -> EmbeddedGemma:
    return EmbeddedGemma()


@pytest.fixture(scope="module")
def catalogue() -> dict[str, ToolInfo]:
    return shipped()


@pytest.fixture(scope="module")
def cases(data_folder: Path) -> list[Case]:
    return read_cases(data_folder / "routing" / "validation.jsonl")


@pytest.fixture(scope="module")
def data_folder() -> Path:
    return Path(__file__).parents[1] / "data"


def at(url: str, gemma: EmbeddedGemma) -> ServedGemma:
    return ServedGemma(Settings(gemma_url=url, gemma_model=served_name(gemma.card)))


def asked(catalogue: dict[str, ToolInfo]) -> PlanRequest:
    return PlanRequest("Is there pneumonia?", [Attachment(id="A1", manifest=FILM)], catalogue)


def test_readings_are_those_of_this_process_with_the_same_probabilities(
    gemma: EmbeddedGemma, catalogue: dict[str, ToolInfo], cases: list[Case], tmp_path: Path
) -> None:
    with standin(tmp_path) as url:
        served = at(url, gemma)
        for case in cases[8:80:9]:
            request = case.request(catalogue)
            here, there = gemma.write(request), served.write(request)
            assert there.words == here.words, case.id
            assert there.probabilities == pytest.approx(here.probabilities, abs=1e-3)
            assert there.margins == pytest.approx(here.margins, abs=1e-3)


@pytest.mark.parametrize(
    ("words", "allowed", "denied"),
    [
        ("<read> <T1> <all>", {"<pair>", "<T2>", "<any>", "<end>"}, {"<T1>", "<A1>"}),
        ("<read> <T1> <A1>", {"<A2>", "<pair>", "<T2>", "<end>"}, {"<T1>", "<all>"}),
        ("<read> <T1> <A1> <A2> <A3>", {"<pair>", "<end>"}, {"<A1>"}),
        ("<read> <T1> <all> <pair>", {"<T2>", "<end>"}, {"<pair>", "<T1>"}),
        ("<read> <T1> <all> <T2> <all> <any> <all>", {"<pair>", "<end>"}, {"<T1>", "<any>"}),
        ("", {"<read>", "<about>"}, {"<T1>", "<end>"}),
    ],
)
def test_rest_of_a_reading_wishes_for_no_tool_twice(
    gemma: EmbeddedGemma, words: str, allowed: set[str], denied: set[str]
) -> None:
    from llguidance import LLMatcher

    grammar = LLMatcher.grammar_from_lark(rest_grammar(words.split(), SLOTS, FILES))
    matcher = LLMatcher(gemma.checkpoint._guide, grammar)
    assert not matcher.is_error(), matcher.get_error()
    bits = int.from_bytes(matcher.compute_bitmask(), "little")
    number: Any = gemma.checkpoint.tokenizer.token_to_id
    assert all(bits >> number(word) & 1 for word in allowed)
    assert not any(bits >> number(word) & 1 for word in denied)


async def test_other_weights_than_those_that_ship_are_refused(
    catalogue: dict[str, ToolInfo],
) -> None:
    served = ServedGemma(Settings(gemma_url="http://127.0.0.1:9/v1", gemma_model=f"{SERVED}-0000"))
    with pytest.raises(PlannerUnavailable, match=r"agent\.gemma\.embedded"):
        await served.plan(asked(catalogue))


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        ("text/html", "<html>It works!</html>", "can't be used|no OpenAI-compatible"),
        ("application/json", "not json", "no OpenAI-compatible"),
        (
            "application/json",
            json.dumps({"id": "1", "object": "text_completion", "created": 1, "model": "m",
                        "choices": [{"index": 0, "text": "Hello", "finish_reason": "stop"}]}),
            "token ids",
        ),
        (
            "application/json",
            json.dumps({"id": "1", "object": "text_completion", "created": 1, "model": "m",
                        "choices": [{"index": 0, "text": "", "finish_reason": "stop",
                                     "token_ids": [843, 905],
                                     "logprobs": {"top_logprobs": [{"a": -1.0}, {"b": -1.0}]}}]}),
            "grammar",
        ),
    ],
)  # fmt: skip
async def test_server_that_is_no_vllm_is_reported(
    gemma: EmbeddedGemma, catalogue: dict[str, ToolInfo], kind: str, content: str, told: str
) -> None:
    script = Script()
    script.kind, script.answers, script.repeats = kind, [content], True
    with scripted_endpoint(script) as url, pytest.raises(PlannerUnavailable, match=told):
        await at(url, gemma).plan(asked(catalogue))


async def test_server_that_is_not_there_leaves_planning_to_the_one_in_process(
    settings: Settings, gemma: EmbeddedGemma, data: Path
) -> None:
    name = served_name(gemma.card)
    given = {"gemma_url": "http://127.0.0.1:9/v1", "gemma_model": name, "gemma_embedded": True}
    async with Agent(settings.model_copy(update=given)) as agent:
        assert [one.name for one in agent.planners][:2] == [f"{gemma.name} (endpoint)", gemma.name]
        answer = await agent.ask_async("pneumonia?", [data / "cxr" / "nih_00000001_000.png"])
    assert answer.provenance.planner.startswith(gemma.name)
    assert "can't be reached" in answer.provenance.planner
    assert answer.statements


def test_layout_is_one_that_transformers_loads_as_the_same_model(
    gemma: EmbeddedGemma, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    name = write_layout(tmp_path / "served")
    loaded: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "served", dtype=torch.float32)
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path / "served")
    text = "<bos> <tools> <T1> chest film : looks for pneumonia <ask> pneumonia ? <plan>"
    ids = gemma.checkpoint.tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer(text, add_special_tokens=False).input_ids == ids
    with torch.inference_mode():
        own = gemma.checkpoint.model(torch.tensor([ids])).logits
        other = loaded(torch.tensor([ids])).logits
    assert torch.allclose(own, other, atol=1e-4)
    assert f"--served-model-name {SERVED}-" in serve_line(tmp_path, name)
