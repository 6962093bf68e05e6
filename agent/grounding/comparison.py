"""Comparisons of two sides, such as 'The right lung is larger than the left'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.grounding.claims import Sentence
from agent.grounding.known import Known
from agent.grounding.quantities import QUANTITIES

__all__ = ["Comparison", "compared", "comparison_holds", "leanings"]

_MORE = {"larger": "volume", "bigger": "volume", "greater": None, "higher": None, "more": None,
         "denser": "density"}  # fmt: skip
_LESS = {"smaller": "volume", "lower": None, "less": None, "fewer": None}


@dataclass(frozen=True)
class Comparison:
    """One side said to have more of something than the other."""

    kind: str | None
    """Kind of unit, where the adjective or a noun says it."""
    more: frozenset[str]
    less: frozenset[str]
    positions: frozenset[int]
    """Tokens that the comparison takes up."""


def compared(sentence: Sentence) -> Comparison | None:
    """Find the comparison of two sides in a sentence."""
    for at, token in enumerate(sentence.tokens):
        if token.text not in _MORE | _LESS:
            continue
        than = next(
            (i for i in range(at + 1, min(at + 6, len(sentence.tokens)))
             if sentence.tokens[i].text == "than"), None,
        )  # fmt: skip
        if than is None or any(at <= q.number.start <= than + 3 for q in sentence.quantities):
            continue
        before = [sides for place, sides in sentence.sides if place < than]
        after = [sides for place, sides in sentence.sides if place > than]
        one, two = (before or [frozenset[str]()])[-1], (after or [frozenset[str]()])[0]
        more, less = (one, two) if token.text in _MORE else (two, one)
        return Comparison(_kind(sentence, token.text), more, less, frozenset({at, than}))
    return None


def leanings(sentence: Sentence) -> set[tuple[str, frozenset[str]]]:
    """Read 'larger on the right': which comparative goes with which side."""
    return {
        (token.text, sides)
        for at, token in enumerate(sentence.tokens)
        if token.text in _MORE | _LESS | {"worse": None, "stronger": None, "denser": None}
        for place, sides in sentence.sides
        if 0 < place - at <= 5
    }


def _kind(sentence: Sentence, adjective: str) -> str | None:
    nouns = {QUANTITIES[t.stem] for t in sentence.tokens if t.stem in QUANTITIES}
    if len(nouns) == 1:
        return nouns.pop()
    return (_MORE | _LESS)[adjective]


def comparison_holds(comparison: Comparison, known: Sequence[Known]) -> bool:
    """Tell whether the evidence's own numbers have that order."""
    if not comparison.more or not comparison.less:
        return False
    one = _values(comparison.more, comparison.kind, known)
    two = _values(comparison.less, comparison.kind, known)
    shared = set(one) & set(two)
    return bool(shared) and all(one[kind] > two[kind] for kind in shared)


def _values(sides: frozenset[str], kind: str | None, known: Sequence[Known]) -> dict[str, float]:
    return {
        q.number.unit.kind: q.number.base
        for each in known
        for q in each.quantities
        if q.sides == sides
        and q.number.counted is None
        and kind in {None, q.number.unit.kind, q.quantity}
    }
