"""Twenty real cases: what the specialists said of them, and the notes that plain code writes.

`python -m tests.answers record` asks the agent and stores evidence, facts and failures;
`python -m tests.answers write` writes the notes anew from what is stored. The notes are read by
people when they change.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.answer import Fact, Failure, Statement
from agent.composition import compose
from agent.composition.sections import arrange
from agent.language import detect
from specialists.schema import Evidence

DATA = Path(__file__).parent / "data"
FOLDER = DATA / "answers"
CASES, RECORDED, NOTES = FOLDER / "cases.jsonl", FOLDER / "recorded.jsonl", FOLDER / "notes.md"


@dataclass(frozen=True)
class Recorded:
    """What a question brought."""

    id: str
    question: str
    evidence: list[Evidence]
    facts: dict[str, Fact]
    failures: list[Failure]

    def statements(self) -> list[Statement]:
        """As plain code writes them."""
        return compose(self.question, self.evidence, self.failures, self.facts)


def recorded() -> list[Recorded]:
    """The stored cases."""
    return [_read(json.loads(line)) for line in RECORDED.read_text("utf-8").splitlines()]


def _read(row: dict[str, Any]) -> Recorded:
    return Recorded(
        row["id"],
        row["question"],
        [Evidence.model_validate(one) for one in row["evidence"]],
        {name: Fact.model_validate(one) for name, one in row["facts"].items()},
        [Failure.model_validate(one) for one in row["failures"]],
    )


def note(case: Recorded) -> str:
    """A case's answer as a reader sees it, without evidence table and provenance."""
    language = detect(case.question)
    ordered, sections = arrange(
        case.question, case.statements(), case.evidence, case.facts, language
    )
    lines = [f"# {case.id}: {case.question}"]
    for section in sections:
        lines += ["", f"## {section.title}", ""]
        lines += [_line(ordered[index]) for index in section.statements]
    return "\n".join(lines)


def _line(statement: Statement) -> str:
    cites = f" [{', '.join(statement.citations)}]" if statement.citations else ""
    return f"- {statement.text}{cites}"


def notes() -> dict[str, str]:
    """The stored notes by case."""
    parts = NOTES.read_text("utf-8").strip().split("\n\n---\n\n")
    return {part[2:].split(":", 1)[0]: part for part in parts}


async def record() -> None:
    """Ask the agent every case and store what came back."""
    from agent import Agent, Settings

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        async with Agent(Settings(state_dir=Path(folder))) as agent:
            for line in CASES.read_text("utf-8").splitlines():
                case = json.loads(line)
                for turn in case["turns"]:
                    files = [DATA / name for name in turn["files"]]
                    answer = await agent.ask_async(turn["query"], files, case["id"])
                told = answer.model_dump(mode="json")
                kept = {name: told[name] for name in ("question", "evidence", "facts", "failures")}
                rows.append({"id": case["id"], **kept})
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    RECORDED.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["record"]:
        asyncio.run(record())
    NOTES.write_text("\n\n---\n\n".join(map(note, recorded())) + "\n", encoding="utf-8")
