"""The same routing cases through every home of the planner.

The homes of the shipped weights must plan alike; those of other checkpoints, whose tiny weights
know nothing, must write plans that fit the schema, and the gate must hold.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agent.evaluate.cases import read_cases
from agent.evaluate.routing import Outcome, run_case
from agent.gemma import Planner, PlanRequest
from agent.gemma.embedded.layout import served_name, write_layout
from agent.gemma.embedded.planner import EmbeddedGemma
from agent.gemma.embedded.served import ServedGemma
from agent.gemma.endpoint import EndpointGemma
from agent.gemma.local import LocalGemma
from agent.gemma.training.catalogues import shipped
from agent.rules import planned
from agent.settings import Settings
from tests.checkpoints import build_terse
from tests.servers import standin, vllm

pytestmark = [
    pytest.mark.xdist_group("gemma"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Home = Callable[[Path], AbstractContextManager[Planner]]
PlannedAt = Callable[[Home], list[Outcome]]
CASES = read_cases(Path(__file__).parents[1] / "data" / "routing" / "validation.jsonl")[::11]


@contextmanager
def embedded(_: Path) -> Iterator[Planner]:
    yield EmbeddedGemma()


@contextmanager
def served(folder: Path) -> Iterator[Planner]:
    """The shipped weights behind a stand-in for vLLM."""
    name = served_name(EmbeddedGemma().card)
    with standin(folder) as url:
        yield ServedGemma(Settings(gemma_url=url, gemma_model=name))


@contextmanager
def local(folder: Path) -> Iterator[Planner]:
    yield LocalGemma(Settings(gemma_checkpoint=str(build_terse(folder))))


@contextmanager
def endpoint(folder: Path) -> Iterator[Planner]:
    """A stand-in at which chance writes, under the schema."""
    with standin(folder) as url:
        yield EndpointGemma(Settings(gemma_url=url, gemma_model="chance"))


@contextmanager
def served_by_vllm(folder: Path) -> Iterator[Planner]:
    name = write_layout(folder / "shipped")
    with vllm(folder / "shipped", name, 4096, folder / "log") as url:
        yield ServedGemma(Settings(gemma_url=url, gemma_model=name))


@contextmanager
def endpoint_of_vllm(folder: Path) -> Iterator[Planner]:
    tiny = build_terse(folder / "tiny")
    with vllm(tiny, "tiny", 8192, folder / "log") as url:
        yield EndpointGemma(Settings(gemma_url=url, gemma_model="tiny"))


SHIPPED = (embedded, served, pytest.param(served_by_vllm, marks=pytest.mark.served))
OTHERS = (local, endpoint, pytest.param(endpoint_of_vllm, marks=pytest.mark.served))


@pytest.fixture(scope="module")
def planned_at(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Home], list[Outcome]]:
    """Plan all cases in a home, once."""

    @cache
    def outcomes(home: Home) -> list[Outcome]:
        requests = [case.request(shipped()) for case in CASES]
        with home(tmp_path_factory.mktemp(home.__name__)) as planner:
            return asyncio.run(_all(planner, requests))

    return outcomes


async def _all(planner: Any, requests: Sequence[PlanRequest]) -> list[Outcome]:
    made = [await run_case(planner, *one) for one in zip(CASES, requests, strict=True)]
    if hasattr(planner, "close"):
        await planner.close()
    return made


@pytest.mark.parametrize("home", [*SHIPPED, *OTHERS])
def test_every_plan_is_one_that_may_be_carried_out(home: Home, planned_at: PlannedAt) -> None:
    outcomes = planned_at(home)
    assert len(outcomes) >= 60
    assert all(one.plan is not None for one in outcomes)
    assert sum(one.violations for one in outcomes) == 0


@pytest.mark.parametrize("home", [*SHIPPED, *OTHERS])
def test_question_about_a_file_is_never_answered_by_words_alone(
    home: Home, planned_at: PlannedAt
) -> None:
    catalogue = shipped()
    for one in planned_at(home):
        request = one.case.request(catalogue)
        acts = one.case.expected.action == planned(request).action == "call"
        if request.attachments and acts:
            assert one.plan is not None
            assert one.plan.action != "answer", one.case.id


@pytest.mark.parametrize("home", SHIPPED)
def test_shipped_weights_plan_alike_wherever_they_run(home: Home, planned_at: PlannedAt) -> None:
    outcomes = planned_at(home)
    assert [one.plan for one in outcomes] == [one.plan for one in planned_at(embedded)]
    assert sum(one.exact for one in outcomes) / len(outcomes) > 0.8


@pytest.mark.parametrize("home", OTHERS)
def test_calls_of_weights_that_know_nothing_are_turned_into_questions(
    home: Home, planned_at: PlannedAt
) -> None:
    """They call tools on any file; the user is asked instead, unless chance was right."""
    actions = Counter(one.plan.action for one in planned_at(home) if one.plan)
    assert actions["clarify"] > actions["call"] > 0
