"""From text to claims: what is named, how strongly, where, and with which numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.grounding.clauses import Clause, clauses
from agent.grounding.items import Item, itemise, unfold
from agent.grounding.lexicon import Lexicon
from agent.grounding.mentions import SIDES, Mention, find_mentions, grouped
from agent.grounding.numbers import Number, find_numbers
from agent.grounding.quantities import Quantity, find_quantities
from agent.grounding.tokens import Token, sentences, tokenise

__all__ = ["Claims", "Sentence", "parse"]


@dataclass(frozen=True)
class Sentence:
    """One sentence, taken apart."""

    tokens: Sequence[Token]
    items: Sequence[Item]
    clauses: Sequence[Clause]
    mentions: Sequence[Mention]
    numbers: Sequence[Number]
    quantities: Sequence[Quantity]
    counted: frozenset[int]
    """Positions among the items that belong to numbers."""

    def clause_of(self, at: int) -> Clause:
        """Return the clause of an item."""
        return next((c for c in self.clauses if at in c), Clause(0, len(self.items)))

    def said_of_two(self, clause: Clause) -> bool:
        """Tell whether a clause is about one side or place against another."""
        sides = {
            v for at in range(clause.start, clause.end) for v in self.items[at].values("side")
        } - {"both"}
        return bool(sides) and not any(clause == q.clause for q in self.quantities)

    def values(self, kind: str) -> set[str]:
        """Return the values of one kind of tag in the sentence."""
        return {
            value
            for at, item in enumerate(self.items)
            if at not in self.counted
            for value in item.values(kind)
        }


@dataclass(frozen=True)
class Claims:
    """All that a text says."""

    text: str
    language: str
    sentences: tuple[Sentence, ...]

    @property
    def mentions(self) -> list[Mention]:
        """All mentions, in order."""
        return [mention for sentence in self.sentences for mention in sentence.mentions]

    @property
    def quantities(self) -> list[Quantity]:
        """All numbers, in order."""
        return [each for sentence in self.sentences for each in sentence.quantities]

    @property
    def items(self) -> list[Item]:
        """All items, in order."""
        return [item for sentence in self.sentences for item in sentence.items]

    @property
    def anatomy(self) -> frozenset[str]:
        """All places that are named."""
        return frozenset(v for sentence in self.sentences for v in sentence.values("anatomy"))

    @property
    def sides(self) -> frozenset[str]:
        """All sides that are named."""
        named = {v for sentence in self.sentences for v in sentence.values("side")}
        return frozenset().union(*(SIDES[value] for value in named))

    @property
    def stems(self) -> frozenset[str]:
        """All words."""
        return frozenset(t.stem for sentence in self.sentences for t in sentence.tokens)

    def has(self, *kinds: str) -> bool:
        """Tell whether any item has a tag of one of these kinds."""
        return any(item.has(*kinds) for item in self.items)


def parse(text: str, language: str = "en", own: Lexicon | None = None) -> Claims:
    """Take a text apart.

    Args:
        text: A statement, or the text of evidence.
        language: Of the text.
        own: Names that only the cited evidence uses.
    """
    told = tuple(_sentence(part, language, own) for part in sentences(text))
    return Claims(text, language, told)


def _sentence(text: str, language: str, own: Lexicon | None) -> Sentence:
    tokens = unfold(tokenise(text, language), language)
    items = itemise(tokens, language, own)
    numbers = find_numbers(tokens, items, language)
    counted = frozenset(
        at
        for at, item in enumerate(items)
        for number in numbers
        if item.start < number.end and number.start < item.end
    )
    spans = clauses(items)
    mentions = find_mentions(items, spans, counted)
    quantities = _renamed(items, mentions, find_quantities(items, spans, numbers, counted))
    return Sentence(
        tokens, items, spans, tuple(grouped(items, mentions)), numbers, quantities, counted
    )


def _renamed(
    items: Sequence[Item], mentions: Sequence[Mention], quantities: Sequence[Quantity]
) -> list[Quantity]:
    """Let numbers be of a name that a finding and its place have together."""
    joined = {v: m.names for m in mentions for v in items[m.start].values("finding")}
    return [
        replace(q, subjects=frozenset(n for s in q.subjects for n in joined.get(s, {s})))
        for q in quantities
    ]
