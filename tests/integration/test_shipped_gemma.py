from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import pytest

from agent import Agent
from agent.answer import Attachment
from agent.calling import pertinent
from agent.gemma import PlanRequest
from agent.gemma.embedded.planner import SHIPPED, EmbeddedGemma
from agent.gemma.training.catalogues import shipped
from agent.settings import Settings
from agent.toolbox import ToolInfo
from specialists.schema import Manifest

pytestmark = pytest.mark.anyio

FOLDER = Path(str(files("agent.gemma.embedded")))
FILM = Manifest(kind="radiograph", format="DICOM", modality="CR", body_part="chest", view="PA")
ANKLE = FILM.model_copy(update={"body_part": "ankle"})
CT = Manifest(kind="volume", format="DICOM", modality="CT", body_part="chest")
EYE = Manifest(kind="photograph", format="JPEG", modality="OP", body_part="eye")


@pytest.fixture(scope="module")
def gemma() -> EmbeddedGemma:
    return EmbeddedGemma()


@pytest.fixture(scope="module")
def catalogue() -> dict[str, ToolInfo]:
    return shipped()


def test_card_describes_the_weights_that_ship(gemma: EmbeddedGemma) -> None:
    weights = FOLDER / "model.safetensors"
    assert gemma.card["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert weights.stat().st_size < 30_000_000
    assert 4_000_000 <= gemma.card["parameters"] <= 12_000_000
    assert gemma.card["architecture"] == "Gemma3ForCausalLM"
    assert json.loads((FOLDER / "config.json").read_text())["vocab_size"] == 4096


async def test_shipped_gemma_plans_where_no_other_is_configured(tmp_path: Path) -> None:
    async with Agent(Settings(state_dir=tmp_path)) as agent:
        assert agent.planner_name.startswith(SHIPPED)
    async with Agent(Settings(state_dir=tmp_path, gemma_embedded=False)) as agent:
        assert agent.planner_name.startswith("rules")


@pytest.mark.parametrize(
    ("question", "manifests", "action", "tools"),
    [
        ("Is there pneumonia on this chest film?", (FILM,), "call", {"report_chest_xray"}),
        ("¿Hay neumonía?", (FILM,), "call", {"report_chest_xray"}),
        ("How much emphysema is there?", (CT,), "call", {"report_ct"}),
        ("Grade the diabetic retinopathy", (FILM, EYE), "call", {"classify_retina"}),
        ("Is there pneumonia?", (ANKLE,), "clarify", set()),
        ("Is there pneumonia?", (), "clarify", set()),
        ("What can you do?", (), "answer", set()),
        ("Which antibiotic should I give?", (FILM,), "refuse", set()),
    ],
)
async def test_shipped_gemma_plans(
    gemma: EmbeddedGemma,
    catalogue: dict[str, ToolInfo],
    question: str,
    manifests: tuple[Manifest, ...],
    action: str,
    tools: set[str],
) -> None:
    attached = [Attachment(id=f"A{n}", manifest=one) for n, one in enumerate(manifests, 1)]
    plan = await gemma.plan(pertinent(PlanRequest(question, attached, catalogue)))
    assert plan.action == action
    assert {call.tool for call in plan.calls} == tools
