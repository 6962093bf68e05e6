"""How near words stand to each other: what belongs to what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from agent.grounding.tokens import Token

__all__ = ["cost", "near", "nearest"]

T = TypeVar("T")

_BORDER = {",", "and", "(", ")", "while", "whereas", "with", "but", "."}


_APART = 100.0
"""What stands behind a semicolon belongs to something else."""


def cost(tokens: Sequence[Token], one: tuple[int, int], two: tuple[int, int]) -> float:
    """Return how far apart two spans are: words between them, borders counting more."""
    first, second = sorted((one, two))
    total = 0.0
    for token in _without_brackets(tokens[first[1] : second[0]]):
        total += _APART if token.text == ";" else 4.0 if token.text in _BORDER else 1.0
    return total


def _without_brackets(tokens: Sequence[Token]) -> Sequence[Token]:
    """Leave out what stands in brackets between two things."""
    texts = [token.text for token in tokens]
    if "(" not in texts or ")" not in texts[texts.index("(") :]:
        return tokens
    opens = texts.index("(")
    closes = texts.index(")", opens)
    return _without_brackets([*tokens[:opens], *tokens[closes + 1 :]])


def nearest(
    tokens: Sequence[Token], span: tuple[int, int], others: Iterable[tuple[int, int]]
) -> int | None:
    """Return the index of the nearest span; of two as near, the one that follows directly."""
    best: tuple[float, int] | None = None
    for index, other in enumerate(others):
        far = cost(tokens, span, other) - (0.5 if other[0] >= span[1] else 0)
        if best is None or far < best[0]:
            best = (far, index)
    return None if best is None else best[1]


def near(
    tokens: Sequence[Token], place: tuple[int, int], choices: Sequence[tuple[int, int, T]]
) -> T | None:
    """Return what stands nearest to a number, not looking past a semicolon."""
    choices = [each for each in choices if cost(tokens, place, each[:2]) < _APART]
    index = _nearest_before(tokens, place, [(start, end) for start, end, _ in choices])
    return None if index is None else choices[index][2]


def _nearest_before(
    tokens: Sequence[Token], span: tuple[int, int], others: Sequence[tuple[int, int]]
) -> int | None:
    """Like `_nearest`, but of two as near the one before counts: 'volume 2.5 L'."""
    best: tuple[float, int] | None = None
    for index, other in enumerate(others):
        far = cost(tokens, span, other) + (0.5 if other[0] >= span[1] else 0)
        if best is None or far < best[0]:
            best = (far, index)
    return None if best is None else best[1]
