"""Cases to measure routing with: a question, what is attached, and the plan that is right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.answer import Attachment, Call, Plan
from agent.calling import pertinent
from agent.commands import read_lines
from agent.context import remembered
from agent.gemma import PlanRequest
from agent.kept import in_words
from agent.toolbox import ToolInfo
from specialists.errors import InvalidInput
from specialists.schema import Accepts, Data, Manifest

__all__ = ["AddedTool", "Case", "Turn", "read_cases"]

_FREE = {"type": "object", "properties": {"query": {"type": "string"}}}


class Turn(Data):
    """An earlier question of the conversation, and what it led to."""

    question: str
    action: str
    calls: tuple[Call, ...] = ()


class AddedTool(Data):
    """A tool of another maker that is there for this case."""

    name: str
    title: str
    description: str
    accepts: tuple[Accepts, ...] | None = None
    """None: takes no files from here."""
    arguments: dict[str, Any] = _FREE
    """JSON schema of its options."""

    def info(self) -> ToolInfo:
        """As a server would have described it."""
        return ToolInfo(
            self.name, self.title, self.description, self.arguments, "added", self.accepts
        )


class Case(Data):
    """One line of a file of routing cases."""

    id: str
    query: str
    expected: Plan
    also: tuple[Plan, ...] = ()
    """Other plans that are as right."""
    files: tuple[str, ...] = ()
    """Relative to a root; `wardround route` reads these."""
    attachments: tuple[Manifest | None, ...] | None = None
    """What the files are; None where a file can't be read. Without it, the files are inspected."""
    history: tuple[Turn, ...] = ()
    new: tuple[str, ...] = ()
    """Ids of the attachments that came with this question, in a conversation."""
    tools: tuple[AddedTool, ...] = ()
    ordered: bool = False
    """Whether the order of the files in a call counts: which film is the earlier one."""
    language: str = "en"
    category: str = ""
    voice: str = ""
    source: str = ""

    def request(
        self, catalogue: Mapping[str, ToolInfo], seen: tuple[Manifest | None, ...] = ()
    ) -> PlanRequest:
        """What a planner is told."""
        manifests = self.attachments if self.attachments is not None else seen
        last = next((turn.calls for turn in reversed(self.history) if turn.calls), ())
        request = PlanRequest(
            question=self.query,
            attachments=[
                Attachment(id=f"A{number}", handle=f"file-{number:016x}", manifest=one)
                for number, one in enumerate(manifests, 1)
            ],
            catalogue={**catalogue, **{one.name: one.info() for one in self.tools}},
            history=remembered(
                [(one.question, one.action, in_words(one.calls)) for one in self.history]
            ),
            new=self.new if self.history else None,
            earlier=last,
        )
        return pertinent(request)

    @property
    def right(self) -> tuple[Plan, ...]:
        """The plans that count as right, the expected one first."""
        return (self.expected, *self.also)


def read_cases(path: Path) -> list[Case]:
    """Read cases, one JSON object a line.

    Raises:
        InvalidInput: If a line is not a case, or there is none; the line is told.
    """
    cases = [_case(row, number) for number, row in enumerate(read_lines(path), 1)]
    if not cases:
        raise InvalidInput("The file holds no cases.")
    return cases


def _case(row: dict[str, Any], number: int) -> Case:
    try:
        return Case.model_validate(row)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InvalidInput(f"Case {number} does not fit the format at: {where}.") from None
