"""What the numbers of a sentence are numbers of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from agent.grounding.clauses import NOWHERE, Clause
from agent.grounding.items import Item
from agent.grounding.nearness import cost
from agent.grounding.numbers import Number
from agent.grounding.units import NONE

__all__ = ["Quantity", "find_quantities"]

Spot = tuple[int, str]
"""Position among the items, and what stands there."""
_CLOSE = 3
_OF_LABELS = {("q", "grade")}
"""'Grade 2' is a name: no other number is a grade."""
_FROM = {"from", "de", "von", "从", "由"}
_TO = {"to", "a", "à", "auf", "para", "→", "至", "到", "升", "降"}
_OWNERS = {"side"}
_PLACED = {"anatomy", "side"}


@dataclass(frozen=True)
class Quantity:
    """A number with what it is a number of."""

    number: Number
    quantity: str | None = None
    """The kind of quantity that stands nearest: 'volume'."""
    statistic: str | None = None
    subjects: frozenset[str] = frozenset()
    anatomy: frozenset[str] = frozenset()
    sides: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    things: frozenset[str] = frozenset()
    """What it counts, if that stands right behind it: 'variant'."""
    earlier: bool | None = None
    """True of the earlier examination, False of the present one, None where nothing says."""
    around: frozenset[tuple[str, str]] = frozenset()
    """All tags of its clause (in evidence: of its sentence)."""
    denied: bool = False
    clause: Clause = NOWHERE


def find_quantities(
    items: Sequence[Item],
    spans: Sequence[Clause],
    numbers: Sequence[Number],
    counted: frozenset[int],
) -> list[Quantity]:
    """Attach to each number what stands nearest to it, or in the same order as it.

    Args:
        items: The sentence.
        spans: Its clauses.
        numbers: Its numbers.
        counted: Positions of items that belong to numbers.
    """
    places = [_place(items, number) for number in numbers]
    found = []
    for number, place in zip(numbers, places, strict=True):
        span = next((c for c in spans if place[0] in c), Clause(0, len(items)))
        rivals = [
            p for n, p in zip(numbers, places, strict=True) if n.label is None and p[0] in span
        ]
        near = _Near(items, span, counted, place, rivals)
        found.append(_quantity(number, near, span))
    return _moved(items, _against(items, found))


def _moved(items: Sequence[Item], found: list[Quantity]) -> list[Quantity]:
    """'Has grown from 4 mm to 6 mm': the first number is of the earlier examination."""
    if not any(item.has("change") or item.text == "→" for item in items):
        return found
    for at, (one, two) in enumerate(pairwise(found)):
        before = [i for i in items if i.end <= one.number.start][-1:]
        between = [i.text for i in items if one.number.end <= i.start < two.number.start]
        moved = bool(before) and before[0].text.split()[-1] in _FROM
        if between and (between[0] == "→" or (moved and between[0] in _TO)):
            found[at] = replace(one, earlier=True)
            found[at + 1] = replace(two, earlier=False)
    return found


def _against(items: Sequence[Item], found: list[Quantity]) -> list[Quantity]:
    """'The right lung is larger (2873 against 2415 mL)': the second is of the other side."""
    for at, (one, two) in enumerate(pairwise(found)):
        between = [i for i in items if one.number.end <= i.start < two.number.start]
        alike = one.sides == two.sides and len(one.sides) == 1 and one.clause == two.clause
        if alike and len(between) <= 2 and any(i.has("than") for i in between):
            found[at + 1] = replace(two, sides=frozenset({"left", "right"}) - one.sides)
    return found


@dataclass(frozen=True)
class _Near:
    """The neighbourhood of one number."""

    items: Sequence[Item]
    span: Clause
    counted: frozenset[int]
    place: tuple[int, int]
    rivals: Sequence[tuple[int, int]]

    def spots(self, kind: str) -> list[Spot]:
        return [
            (at, value)
            for at in range(self.span.start, self.span.end)
            if at not in self.counted
            for value in self.items[at].values(kind)
        ]

    def one(self, kind: str) -> str | None:
        """What belongs to the number: in the same order, the only one, or the nearest."""
        spots = [(at, v) for at, v in self.spots(kind) if (kind, v) not in _OF_LABELS]
        if not spots:
            return None
        if kind in _OWNERS:
            spots = self._owning(spots)
        if not spots:
            return None
        places = {at for at, _ in spots}
        if len(places) == len(self.rivals) > 1 and self.place in self.rivals:
            ordered = sorted(places)
            own = ordered[self.rivals.index(self.place)]
            return next(value for at, value in spots if at == own)
        if kind in _PLACED:
            spots = [(at, v) for at, v in spots if not self._behind_another(at)]
        if not spots:
            return None
        far = [(cost(self.items, self.place, (at, at + 1)), at, value) for at, value in spots]
        free = [(c, at, v) for c, at, v in far if not self._taken(at)]
        if not free and min(far)[0] > 1 and kind in {"q", "stat"}:
            return None
        return min(free or far)[2]

    def _owning(self, spots: Sequence[Spot]) -> list[Spot]:
        """'The right lung (2.9 L, -821 HU)': in brackets stands what belongs to what is before."""
        texts = [item.text for item in self.items[: self.place[0]]]
        if texts.count("(") <= texts.count(")"):
            return list(spots)
        opens = len(texts) - 1 - texts[::-1].index("(")
        if any(at > opens and (")" not in self._texts(opens, at)) for at, _ in spots):
            return list(spots)
        before = [spot for spot in spots if self.span.start <= spot[0] < opens]
        inside = [rival for rival in self.rivals if rival[0] > opens]
        if len(before) == len(inside) > 1:  # 'left, right (1, 2)'
            return list(spots)
        return before[-1:]

    def _texts(self, start: int, end: int) -> list[str]:
        return [item.text for item in self.items[start:end]]

    def _behind_another(self, at: int) -> bool:
        """'90 mm, 87 mm of it abdomen': the other number stands between."""
        return any(self.place[1] <= rival[0] < at for rival in self.rivals)

    def _taken(self, at: int) -> bool:
        """Right beside another number: '90 % coverage'."""
        own = cost(self.items, self.place, (at, at + 1))
        others = [cost(self.items, p, (at, at + 1)) for p in self.rivals if p != self.place]
        return bool(others) and min(others) < own

    def counts(self) -> bool:
        """'503 EUR samples': the number counts something."""
        behind = self.items[self.place[1] : min(self.place[1] + 2, self.span.end)]
        return any(item.has("label") for item in behind) and all(
            item.has("label") or item.kind == "unknown" for item in behind[:1]
        )

    def after(self, kind: str) -> frozenset[str]:
        """What stands right behind the number."""
        for at in range(self.place[1], min(self.place[1] + _CLOSE, self.span.end)):
            if values := self.items[at].values(kind):
                return frozenset(values)
            if self.items[at].kind == "number" or self.items[at].text in {",", ";", ".", "("}:
                break
        return frozenset()


def _quantity(number: Number, near: _Near, span: Clause) -> Quantity:
    side = near.one("side")
    subject = near.one("finding") or near.one("trait")
    quality = near.one("attribute")
    place = near.one("anatomy")
    return Quantity(
        number=number,
        quantity=None if number.unit is NONE and near.counts() else near.one("q"),
        statistic=near.one("stat"),
        subjects=frozenset({subject} if subject else ()),
        anatomy=frozenset({place} if place else ()),
        sides=frozenset({"left", "right"} if side == "both" else {side} if side else ()),
        attributes=frozenset({quality} if quality else ()),
        things=near.after("thing") | near.after("finding"),
        earlier=_earlier(near),
        around=frozenset(tag for at in range(span.start, span.end) for tag in near.items[at].tags),
        denied=_denied(near),
        clause=span,
    )


def _earlier(near: _Near) -> bool | None:
    """Tell of which examination a number is."""
    old, new = near.spots("earlier"), near.spots("current")
    if near.spots("change") and not (old and new):  # 'stable since the prior examination'
        return None
    spots = [(at, "old") for at, _ in old] + [(at, "new") for at, _ in new]
    if not spots:
        return None
    if not new and len(near.rivals) > 1:
        far = [cost(near.items, p, (at, at + 1)) for p in near.rivals for at, _ in old]
        own = min(cost(near.items, near.place, (at, at + 1)) for at, _ in old)
        return own <= min(far)
    if len(spots) == len(near.rivals) > 1 and near.place in near.rivals:
        return sorted(spots)[near.rivals.index(near.place)][1] == "old"
    reached = [(cost(near.items, near.place, (at, at + 1)), what) for at, what in spots]
    return min(reached)[1] == "old"


def _denied(near: _Near) -> bool:
    """'Does not measure 2.5 L', and not 'is not shown (probability 0.1)'."""
    for at in range(near.place[0] - 1, max(near.span.start, near.place[0] - 3) - 1, -1):
        item = near.items[at]
        if item.has("finding", "anatomy", "thing", "undecided", "q", "sure") or item.text in {
            "(",
            ",",
            ":",
            ";",
        }:
            return False
        if item.has("not", "no") and not item.has("cmp"):
            return True
    return False


def _place(items: Sequence[Item], number: Number) -> tuple[int, int]:
    inside = [
        at for at, item in enumerate(items) if item.start < number.end and number.start < item.end
    ]
    return (inside[0], inside[-1] + 1) if inside else (0, 1)


def completed(quantities: Sequence[Quantity], sides: frozenset[str]) -> list[Quantity]:
    """Where a text names one side only, all its numbers are of it."""
    if len(sides) != 1:
        return list(quantities)
    return [replace(q, sides=q.sides or sides) for q in quantities]
