"""How good answers are: whether statements are cited and supported, and what they leave out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from agent.agent import Agent
from agent.answer import Answer, Statement
from agent.composition.attribution import without_attribution
from agent.grounding import check

__all__ = ["answered", "judged", "read_cases", "summed_up"]


async def answered(
    agent: Agent, cases: Sequence[Mapping[str, Any]], root: Path
) -> AsyncIterator[tuple[str, Answer]]:
    """Ask every case; a case of several turns is one conversation.

    Args:
        agent: Whom to ask.
        cases: Each with an id and turns, every turn with a query and files.
        root: Folder of the files.
    """
    run = uuid4().hex
    for case in cases:
        thread = f"{run}-{case['id']}" if len(case["turns"]) > 1 else None
        for number, turn in enumerate(case["turns"], 1):
            files = [root / name for name in turn["files"]]
            name = case["id"] if len(case["turns"]) == 1 else f"{case['id']} {number}"
            yield name, await agent.ask_async(turn["query"], files, thread)


def judged(name: str, answer: Answer) -> dict[str, Any]:
    """The figures of one answer."""
    claims = [one for one in answer.statements if one.kind != "limitation"]
    return {
        "case": name,
        "language": answer.language,
        "statements": len(claims),
        "cited": sum(bool(one.citations) for one in claims),
        "supported": sum(_supported(one, answer) for one in claims),
        "dropped": answer.dropped.count,
        "coverage": answer.examination.coverage,
        "hallucination": answer.examination.hallucination,
        "important": answer.examination.asked_of_answer,
        "left_out": list(answer.examination.left_out),
    }


def summed_up(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figures over all answers: shares of statements, and of important evidence."""
    statements = sum(row["statements"] for row in rows)
    important = sum(row["important"] for row in rows)
    told = important - sum(len(row["left_out"]) for row in rows)
    strange = [row["hallucination"] for row in rows if row["hallucination"] is not None]
    return {
        "answers": len(rows),
        "statements": statements,
        "cited": _share(sum(row["cited"] for row in rows), statements),
        "supported": _share(sum(row["supported"] for row in rows), statements),
        "coverage": _share(told, important),
        "hallucination": max(strange, default=None),
        "dropped": sum(row["dropped"] for row in rows),
    }


def read_cases(path: Path) -> list[dict[str, Any]]:
    """Read cases, one JSON object a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def _supported(statement: Statement, answer: Answer) -> bool:
    cited = [one for one in answer.evidence if one.id in statement.citations]
    text = without_attribution(statement.text, cited, answer.facts)
    return check(text, cited).supported


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
