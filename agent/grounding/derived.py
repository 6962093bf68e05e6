"""Numbers that the evidence does not give and that follow from two that it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from agent.grounding.agreement import agrees
from agent.grounding.case import Case
from agent.grounding.claims import Sentence
from agent.grounding.items import Item
from agent.grounding.known import Known
from agent.grounding.numbers import Number
from agent.grounding.quantities import Quantity

__all__ = ["follows"]

_ADDITIVE = {"volume", "area", "mass"}


def follows(case: Case, said: Quantity) -> bool:
    """Tell whether a number is a sum, a difference or the rest of numbers of the evidence.

    'Both lungs together 5288 mL', 'the left is 458 mL smaller', '2.6 % could not be matched':
    only where the statement's words say which, and of numbers of one kind.
    """
    if said.number.label or said.number.role:
        return False
    sentence = _sentence(case, said)
    if sentence is None:
        return False
    results = [*_sums(case, said, sentence), *_differences(case, sentence), *_rests(case, sentence)]
    return any(agrees(said.number, each) for each in results)


def _sentence(case: Case, said: Quantity) -> Sentence | None:
    return next((s for s in case.said.sentences if said.number in s.numbers), None)


def _has(sentence: Sentence, value: str) -> bool:
    return any(("derived", value) in item.tags for item in sentence.items)


def _sums(case: Case, said: Quantity, sentence: Sentence) -> Iterator[Number]:
    if not _has(sentence, "sum") or _one_side_before(sentence, said):
        return
    for one, two in _pairs(case):
        if one.unit.kind in _ADDITIVE and one.unit.kind == two.unit.kind:
            yield _number(one, one.base + two.base)


def _one_side_before(sentence: Sentence, said: Quantity) -> bool:
    """'The left lung measures 5.3 L in total' is no sum of both."""
    ahead = [i for i in sentence.items if i.end <= said.number.start]
    return len({v for i in ahead for v in i.values("side")}) == 1 and not any(
        ("side", "both") in i.tags for i in ahead
    )


def _differences(case: Case, sentence: Sentence) -> Iterator[Number]:
    compared = any(i.has("more", "less", "than", "change") or _bound(i) for i in sentence.items)
    if not compared and not _has(sentence, "difference"):
        return
    for one, two in [*_pairs(case), *_sides(case)]:
        if one.unit.kind == two.unit.kind:
            yield _number(one, abs(one.base - two.base))


def _bound(item: Item) -> bool:
    return bool({"<", ">"} & set(item.values("cmp")))


def _rests(case: Case, sentence: Sentence) -> Iterator[Number]:
    """The share that is not: 100 % less the share that is."""
    if not _has(sentence, "rest") and not any(i.has("not", "no") for i in sentence.items):
        return
    for known in case.known:
        for each in _measured(known):
            if each.number.unit.kind == "proportion":
                yield replace(each.number, value=100 - each.number.value)
            elif each.quantity in {"overlap", "share"} and 0 <= each.number.value <= 1:
                yield replace(each.number, value=1 - each.number.value)


def _pairs(case: Case) -> Iterator[tuple[Number, Number]]:
    """Two numbers of the same measure, from two pieces of evidence of one file."""
    for one, two in combinations(case.known, 2):
        if one.item.attachment != two.item.attachment or one.item.tool != two.item.tool:
            continue
        for a in _measured(one)[:1]:
            for b in _measured(two)[:1]:
                same = a.quantity == b.quantity and a.statistic == b.statistic
                if same and one.item.text != two.item.text:
                    yield a.number, b.number


def _sides(case: Case) -> Iterator[tuple[Number, Number]]:
    """The right's and the left's number of one text."""
    for known in case.known:
        for a, b in combinations(known.quantities, 2):
            if len(a.sides) == len(b.sides) == 1 and a.sides != b.sides:
                yield a.number, b.number


def _measured(known: Known) -> list[Quantity]:
    """The item's own value first."""
    value = known.item.value
    if value is None:
        return []
    return [q for q in known.quantities if q.number.value == value]


def _number(like: Number, base: float) -> Number:
    return replace(like, value=base / like.unit.factor, comparator="=", role=None, other=None)
