"""A composer's statements on their way into an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent import Agent, Answer, Settings
from agent.answer import Call, Plan, Statement
from agent.gemma import Rejected
from specialists.schema import Evidence
from tests.toys import ScriptedPlanner, toy_spec

pytestmark = pytest.mark.anyio
TOLD = "Pneumonia or opacity is present (calibrated probability 0.93)."


class Scripted:
    """Writes the same statements whenever it is asked."""

    name = "script"
    compose_prompt = None

    def __init__(self, *statements: Statement) -> None:
        self.statements = list(statements)
        self.reasons: list[str] = []

    async def compose(
        self, question: str, evidence: Sequence[Evidence], rejected: Sequence[Rejected]
    ) -> list[Statement]:
        self.reasons += [one.reason for one in rejected]
        return self.statements


@pytest.fixture
def ask(serve: Callable[..., Any], settings: Settings, score: Path) -> Callable[..., Any]:
    async def asked(composer: Scripted, question: str = "Is there pneumonia?") -> Answer:
        plan = Plan(action="call", calls=(Call(tool="report_toy", attachments=("A1",)),))
        agent = Agent(
            settings,
            servers={"toys": serve(toy_spec())},
            planner=ScriptedPlanner(plan),
            composer=composer,
        )
        async with agent:
            return await agent.ask_async(question, [score])

    return asked


def said(text: str, *cites: str, **others: Any) -> Statement:
    return Statement(text=text, kind="finding", citations=cites, **others)


async def test_certainty_is_that_of_the_evidence_whatever_the_composer_says(
    ask: Callable[..., Any],
) -> None:
    answer = await ask(
        Scripted(said("Pneumonia or opacity is present.", "E1", certainty="certain"))
    )
    assert answer.statements[0].certainty == "probable"


async def test_what_a_composer_leaves_out_is_told_in_plain_code(ask: Callable[..., Any]) -> None:
    answer = await ask(Scripted(said("The left lung in view measures 2400 cm3.", "E2")))
    assert [one.text for one in answer.statements] == [
        TOLD,
        "The left lung in view measures 2400 cm3.",
    ]
    assert answer.provenance.composer == "script; completed by plain code"
    assert answer.examination.coverage == 1.0


async def test_lies_leave_no_trace_but_their_number(ask: Callable[..., Any]) -> None:
    lies = Scripted(
        said("There is no pneumonia or opacity.", "E1"),
        said("There is a fracture of the left femur.", "E1"),
        said("The left lung in view measures 4200 cm3.", "E2"),
        Statement(text="Nothing more was looked at than the spleen.", kind="limitation"),
    )
    answer = await ask(lies)
    assert [one.text for one in answer.statements] == [TOLD]
    assert answer.dropped.count == 4
    assert len(lies.reasons) == 4
    told = answer.model_dump_json()
    assert not any(word in told for word in ("fracture", "femur", "4200", "spleen"))


async def test_what_nobody_spoke_of_is_told_beside_a_composer(ask: Callable[..., Any]) -> None:
    composer = Scripted(said("Pneumonia or opacity is present.", "E1"))
    answer = await ask(composer, "Is there pneumonia or a fracture?")
    assert answer.statements[-1].text == "Nothing that was consulted speaks of fracture."
    assert [one.name for one in answer.sections] == ["answer", "limitations"]
