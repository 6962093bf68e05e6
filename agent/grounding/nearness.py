"""How near items stand to each other: what belongs to what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.grounding.items import Item

__all__ = ["cost", "nearest"]

_BORDER = {",", "(", ")", "."}
_APART = 100.0
"""What stands behind a semicolon belongs to something else."""


def cost(items: Sequence[Item], one: tuple[int, int], two: tuple[int, int]) -> float:
    """Return how far apart two spans are: items between them, borders counting more."""
    first, second = sorted((one, two))
    total = 0.0
    for item in _without_brackets(items[first[1] : second[0]]):
        if item.text == ";":
            total += _APART
        elif item.text in _BORDER or item.has("and", "split"):
            total += 4.0
        else:
            total += 1.0
    return total


def _without_brackets(items: Sequence[Item]) -> Sequence[Item]:
    """Leave out what stands in brackets between two things."""
    texts = [item.text for item in items]
    if "(" not in texts or ")" not in texts[texts.index("(") :]:
        return items
    opens = texts.index("(")
    closes = texts.index(")", opens)
    return _without_brackets([*items[:opens], *items[closes + 1 :]])


def nearest(
    items: Sequence[Item], span: tuple[int, int], others: Iterable[tuple[int, int]]
) -> int | None:
    """Return the index of the nearest span; of two as near, the one that follows directly."""
    best: tuple[float, int] | None = None
    for index, other in enumerate(others):
        far = cost(items, span, other) - (0.5 if other[0] >= span[1] else 0)
        if best is None or far < best[0]:
            best = (far, index)
    return None if best is None else best[1]
