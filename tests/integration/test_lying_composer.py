"""A composer that lies on purpose, on real evidence: nothing false may stay in an answer."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest

from agent.answer import Statement
from agent.composition import compose
from agent.grounding import check
from agent.grounding.tokens import LANGUAGES
from agent.state import State, dump
from agent.steps.verify import verify
from specialists.schema import Evidence
from tests.answers import Recorded, recorded
from tests.lies import LIES, lie

pytestmark = pytest.mark.anyio
TRIES = 500
SEED = 7


@cache
def composed() -> list[tuple[Recorded, str, Statement, list[Evidence]]]:
    """What plain code says of every case, in every language, with what it cites."""
    found = []
    for case in recorded():
        evidence = {each.id: each for each in case.evidence}
        for language in LANGUAGES:
            for one in compose(case.question, case.evidence, case.failures, case.facts, language):
                if one.citations:
                    found.append((case, language, one, [evidence[n] for n in one.citations]))
    return found


def lies() -> list[tuple[Recorded, Any]]:
    """False statements in real cases: one change each, by the dice."""
    dice, found, seen = random.Random(SEED), [], set()
    for case, language, statement, cited in composed():
        if not check(statement.text, cited).supported:
            continue
        for kind in LIES:
            text = lie(statement.text, kind, dice, language)
            if text is not None and (text, statement.citations) not in seen:
                seen.add((text, statement.citations))
                found.append((case, statement.model_copy(update={"text": text})))
    dice.shuffle(found)
    return found[:TRIES]


def state_of(case: Recorded, statements: list[Any]) -> State:
    return State(
        question=case.question,
        evidence=dump(case.evidence),
        facts={name: fact.model_dump(mode="json") for name, fact in case.facts.items()},
        failures=[],
        statements=dump(statements),
        rejected=[],
        dropped=[],
        attempts=2,
        composer="liar",
        history=[],
    )


async def test_no_lie_of_a_lying_composer_stays_in_an_answer() -> None:
    by_case: dict[str, tuple[Recorded, list[Any]]] = {}
    tried = 0
    for case, statement in lies():
        by_case.setdefault(case.id, (case, []))[1].append(statement)
        tried += 1
    assert tried == TRIES
    for case, statements in by_case.values():
        after = await verify(state_of(case, statements), None)  # type: ignore[arg-type]
        kept = {one["text"] for one in after["statements"]}
        assert not kept & {one.text for one in statements}
        assert len(after["dropped"]) == len(statements)


def test_every_statement_of_plain_code_is_supported_in_six_languages() -> None:
    faults = [
        (language, statement.text, check(statement.text, cited).reason)
        for _, language, statement, cited in composed()
        if not check(statement.text, cited).supported and not asked(cited)
    ]
    assert faults == []


def asked(cited: list[Evidence]) -> bool:
    """An open answer to a question has no coverage in its text, and its translation tells one."""
    return all(each.tool == "answer_image_question" for each in cited)
