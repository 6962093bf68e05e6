"""A statement beside its evidence, and what a rule gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.grounding.claims import Claims, Vocabulary
from agent.grounding.frames import frame_terms
from agent.grounding.known import Known

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
    vocabulary: Vocabulary

    @property
    def frame(self) -> frozenset[str]:
        """Terms that the cited tools bring with them: a chest film shows the chest."""
        return frozenset().union(*(frame_terms(each.item.tool) for each in self.known))

    def above_all(self, names: frozenset[str] | set[str]) -> set[str]:
        """Return the names with all broader ones."""
        return {above for name in names for above in self.vocabulary.above(name)}


Rule = Callable[[Case], Refusal | None]


def first_refusal(case: Case, rules: Sequence[Rule]) -> Refusal | None:
    """Apply rules in order; the first that refuses decides."""
    return next((refusal for rule in rules if (refusal := rule(case)) is not None), None)
