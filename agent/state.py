"""What the steps share.

The state holds plain JSON values only: it goes into checkpoints, and a checkpoint must not be
able to bring code or classes back with it. Pixels and genotypes never enter it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar

from agent.gemma import Composer, Planner
from agent.toolbox import Toolbox
from specialists.schema import Data

__all__ = ["Consultation", "State", "dump", "load", "with_prompt"]

JSON = dict[str, Any]
Model = TypeVar("Model", bound=Data)


class State(TypedDict, total=False):
    """One thread: what lasts over its questions, and what belongs to the current one."""

    # the whole thread
    sources: list[str]
    """What the caller named so far: needed to open the files again in another process."""
    attachments: list[JSON]
    history: list[list[str]]
    """Per question of the last few: its words, the action, the calls in words, what was found."""
    older: Mapping[str, Mapping[str, int]]
    """Counts of what came before those; see `agent.context`."""
    kept: dict[str, JSON]
    """Results by the key of their call; see `agent.kept`."""
    earlier: list[JSON]
    """Calls of the last question that had any."""
    # the current question
    question: str
    files: list[str]
    second_reader: bool
    """Whether another model of each tool is to read the same files."""
    new: list[str]
    """Ids of the attachments that came with the question."""
    rounds: int
    more: bool
    """Whether the plan may be extended with what came back."""
    plan: JSON
    planner: str
    """Who planned, and why an earlier one in the order did not."""
    can_extend: bool
    """Whether who planned is asked again once evidence is there."""
    prompts: list[str]
    """Names of the prompts that were given so far."""
    done: list[JSON]
    """Calls that were carried out, so that a plan that is extended does not repeat them."""
    evidence: list[JSON]
    facts: dict[str, JSON]
    """What each piece of evidence is about, by its id."""
    models: dict[str, list[JSON]]
    pictures: list[JSON]
    failures: list[JSON]
    reused: list[JSON]
    """Calls whose results were kept from an earlier question."""
    not_assessed: list[str]
    caveats: list[str]
    statements: list[JSON]
    rejected: list[JSON]
    dropped: list[JSON]
    attempts: int
    composer: str
    answer: JSON


async def _silent(_: str, __: float, ___: str) -> None:
    return None


@dataclass(frozen=True)
class Consultation:
    """What the steps work with; not part of the state."""

    toolbox: Toolbox
    planners: Sequence[Planner]
    """In order: the next is used where one can't be."""
    composers: Sequence[Composer]
    max_rounds: int = 3
    report: Callable[[str, float, str], Awaitable[None]] = field(default=_silent)
    """Told a tool's name, the share done and what it is doing."""


def dump(items: Sequence[Data]) -> list[JSON]:
    """Models to plain values."""
    return [item.model_dump(mode="json") for item in items]


def load(kind: type[Model], items: Sequence[JSON]) -> list[Model]:
    """Plain values to models."""
    return [kind.model_validate(item) for item in items]


def with_prompt(used: Sequence[str], name: str | None) -> list[str]:
    """The names of the prompts used so far, with one more where there is one."""
    return list(used) if name is None or name in used else [*used, name]
