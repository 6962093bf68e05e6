"""A statement beside its evidence, and what a rule gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agent.grounding.claims import Claims
from agent.grounding.frames import frame_of
from agent.grounding.known import Known
from agent.grounding.lexicon import above

__all__ = ["Case", "Refusal", "Rule", "first_refusal"]


@dataclass(frozen=True)
class Refusal:
    """Why a statement is not supported."""

    code: str
    reason: str


@dataclass(frozen=True)
class Case:
    """A statement taken apart, beside what its citations say."""

    said: Claims
    known: tuple[Known, ...]

    @property
    def frame(self) -> frozenset[str]:
        """Terms that the cited tools bring with them: a chest film shows the chest."""
        return frozenset().union(*(frame_of(each.item.tool) for each in self.known))

    @property
    def sources(self) -> frozenset[str]:
        """Where the cited evidence comes from."""
        return frozenset().union(*(each.sources for each in self.known))

    @property
    def tags(self) -> frozenset[tuple[str, str]]:
        """All that the cited evidence names."""
        return frozenset().union(*(each.tags for each in self.known))

    @property
    def stems(self) -> frozenset[str]:
        """All words of the cited evidence."""
        return frozenset().union(*(each.claims.stems for each in self.known))


def above_all(names: Iterable[str]) -> set[str]:
    """Return names with all broader ones."""
    return {wide for name in names for wide in above(name)}


Rule = Callable[[Case], Refusal | None]


def first_refusal(case: Case, rules: Sequence[Rule]) -> Refusal | None:
    """Apply rules in order; the first that refuses decides."""
    return next((refusal for rule in rules if (refusal := rule(case)) is not None), None)
