"""Real servers that are not ours; run by `make check-vllm`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent import Agent
from agent.gemma.embedded.planner import SHIPPED
from agent.settings import Settings
from tests.checkpoints import build_terse
from tests.servers import transformers_serve

pytestmark = [pytest.mark.anyio, pytest.mark.served]


async def test_server_that_ignores_the_schema_is_noticed_and_the_shipped_gemma_plans(
    settings: Settings, data: Path, tmp_path: Path
) -> None:
    film = data / "cxr" / "nih_00000001_000.png"
    tiny = build_terse(tmp_path / "tiny")
    with transformers_serve(tiny, tmp_path / "log") as url:
        given = {"gemma_url": url, "gemma_model": str(tiny), "gemma_embedded": True}
        asked = settings.model_copy(update=given)
        async with Agent(asked) as agent:
            answer = await agent.ask_async("Is there pneumonia?", [film])
    planner = answer.provenance.planner
    assert planner.startswith(SHIPPED)
    assert "does not keep to the JSON schema" in planner
    assert {call.tool for call in answer.plan.calls} == {"report_chest_xray"}
    assert answer.statements
    assert json.dumps(answer.provenance.prompts) == "{}"
