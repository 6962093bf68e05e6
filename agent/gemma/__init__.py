"""The language model's part: one protocol, several homes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.answer import Attachment, Call, Plan, Statement
from agent.toolbox import ToolInfo
from specialists.schema import Evidence

__all__ = ["Composer", "PlanRequest", "Planner", "Rejected"]


@dataclass(frozen=True)
class PlanRequest:
    """What a planner may know: no path, no name, no pixel."""

    question: str
    attachments: Sequence[Attachment]
    catalogue: Mapping[str, ToolInfo]
    history: Sequence[tuple[str, str]] = ()
    """Earlier questions of the thread, each with the action it led to; see `agent.context`."""
    evidence: Sequence[Evidence] = ()
    """What earlier rounds of this question brought."""
    new: Sequence[str] | None = None
    """Ids of the attachments that came with this question; None: all of them."""
    earlier: Sequence[Call] = ()
    """Calls of the last question of the thread that had any; their results are kept."""


@dataclass(frozen=True)
class Rejected:
    """A statement that the checker did not accept, and why."""

    statement: Statement
    reason: str


class Planner(Protocol):
    """Turns a question into a plan. What it can besides is said by its properties."""

    @property
    def name(self) -> str:
        """What the answer's provenance calls it."""

    @property
    def can_extend(self) -> bool:
        """Whether it is asked what else is wanted, once evidence is there."""
        return False

    @property
    def plan_prompt(self) -> str | None:
        """Name of the prompt that it is given, if any: the answer tells its digest."""
        return None

    async def plan(self, request: PlanRequest) -> Plan:
        """Write a plan. Raises `PlannerUnavailable` if the model can't be used."""


class Composer(Protocol):
    """Turns evidence into statements."""

    @property
    def name(self) -> str:
        """What the answer's provenance calls it."""

    @property
    def compose_prompt(self) -> str | None:
        """Name of the prompt that it is given, if any: the answer tells its digest."""
        return None

    async def compose(
        self, question: str, evidence: Sequence[Evidence], rejected: Sequence[Rejected]
    ) -> list[Statement]:
        """Write statements. Raises `PlannerUnavailable` if the model can't be used."""
