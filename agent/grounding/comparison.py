"""Comparatives and trends: what follows from two numbers of the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agent.grounding.case import Case, Refusal
from agent.grounding.claims import Sentence
from agent.grounding.items import Item
from agent.grounding.mentions import SIDES, Mention
from agent.grounding.quantities import Quantity

__all__ = ["comparisons_hold", "trend_holds"]

_TRENDS: dict[str, Callable[[float, float], bool]] = {
    "increased": lambda old, new: new > old,
    "decreased": lambda old, new: new < old,
    "changed": lambda old, new: new != old,
    "new": lambda old, new: False,
}
_PLACES = {
    "above", "over", "below", "under", "beneath", "beyond", "on top", "north of", "über",
    "unter", "oberhalb", "unterhalb", "oberhalb von", "unterhalb von", "jenseits von", "sous",
    "au dessus de", "au dessous de", "en dessous de", "au delà de", "por encima de",
    "por debajo de", "acima de",
    "abaixo de", "acima dos",
}  # fmt: skip
"""Comparatives that are places too: 'above the lowest slice'."""
Subject = frozenset[str]
"""Sides and places that tell one quantity from another."""


def trend_holds(case: Case, change: Mention) -> bool:
    """Tell whether a change follows from an earlier and a present number."""
    name = next(iter(change.names))
    if name not in _TRENDS or (change.level or 0) < 0:
        return False
    quantities = [q for known in case.known for q in known.quantities]
    old = [q.number for q in quantities if q.earlier]
    new = [q.number for q in quantities if not q.earlier and q.quantity == "probability"]
    new = new or [q.number for q in quantities if not q.earlier]
    pairs = [(a.base, b.base) for a in old for b in new[:1] if a.unit.kind == b.unit.kind]
    return bool(pairs) and all(_TRENDS[name](a, b) for a, b in pairs)


def comparisons_hold(case: Case) -> Refusal | None:
    """'The right is larger than the left' must follow from the two numbers."""
    for sentence in case.said.sentences:
        for at in _comparatives(sentence):
            if not _holds(case, sentence, at):
                return Refusal("comparison", "The comparison does not follow from the evidence.")
    return None


def _comparatives(sentence: Sentence) -> Iterator[int]:
    """Find comparatives that are about no number: 'larger than the left'."""
    for at, item in enumerate(sentence.items):
        if at in sentence.counted or not (item.has("more", "less") or _bound(item)):
            continue
        clause = sentence.clause_of(at)
        ahead = range(at + 1, clause.end)
        if (
            any(sentence.items[i].has("than") for i in ahead)
            or _bound(item)
            or (sentence.said_of_two(clause) and not item.has("modifier", "hl"))
        ):
            yield at


def _bound(item: Item) -> bool:
    """'Larger than' before no number."""
    return bool({"<", ">"} & set(item.values("cmp"))) and item.text not in _PLACES


def _holds(case: Case, sentence: Sentence, at: int) -> bool:
    if _repeats(case, sentence, at):
        return True
    if _since(sentence, at):
        return _grown(case, sentence.items[at])
    subjects = list(_subjects(sentence, at))
    if len(subjects) != 2:
        return not sentence.said_of_two(sentence.clause_of(at))
    first, second = subjects
    one, two = _values(case, first), _values(case, second)
    shared = set(one) & set(two)
    kinds = _kinds(sentence, at) & shared or {"volume"} & shared or shared
    more = sentence.items[at].has("more") or ">" in sentence.items[at].values("cmp")
    return bool(kinds) and all(
        one[kind] > two[kind] if more else one[kind] < two[kind] for kind in kinds
    )


def _since(sentence: Sentence, at: int) -> bool:
    """'Bigger than on the previous film'."""
    clause = sentence.clause_of(at)
    return any(
        sentence.items[i].has("earlier") or ("x", "time") in sentence.items[i].tags
        for i in range(clause.start, clause.end)
    )


def _grown(case: Case, item: Item) -> bool:
    more = item.has("more") or ">" in item.values("cmp")
    name = "increased" if more else "decreased"
    change = Mention(frozenset({name}), "change", 2, False, "current")
    return ("change", name) in case.tags or trend_holds(case, change)


def _repeats(case: Case, sentence: Sentence, at: int) -> bool:
    """The evidence says 'larger on the right' itself."""
    greater = _greater(sentence, at)
    return greater is not None and any(
        _greater(other, place) == greater
        for known in case.known
        for other in known.claims.sentences
        for place in range(len(other.items))
        if place not in other.counted
        if other.items[place].has("more", "less") or _bound(other.items[place])
    )


def _greater(sentence: Sentence, at: int) -> str | None:
    """The side that is the larger one: 'larger on the right', 'L < R'."""
    clause = sentence.clause_of(at)
    sides = [
        v for i in range(clause.start, clause.end) for v in sentence.items[i].values("side")
        if v != "both"
    ]  # fmt: skip
    sides = list(dict.fromkeys(sides))
    if not sides:
        return None
    more = sentence.items[at].has("more") or ">" in sentence.items[at].values("cmp")
    return sides[0] if more else {"left": "right", "right": "left"}[sides[0]]


def _subjects(sentence: Sentence, at: int) -> Iterator[Subject]:
    """The two things compared, in order: sides where there are two, else places."""
    clause = sentence.clause_of(at)
    for kind in ("side", "anatomy", "finding"):
        spots = [
            v
            for i in range(clause.start, clause.end)
            if i not in sentence.counted
            for v in sentence.items[i].values(kind)
        ]
        spots = list(dict.fromkeys(spots))
        if kind == "side":
            spots = [s for s in spots if s != "both"]
        if len(spots) == 2:
            yield from (SIDES[s] if kind == "side" else frozenset({s}) for s in spots)
            return


def _kinds(sentence: Sentence, at: int) -> set[str]:
    nouns = sentence.values("q")
    if "dense" in sentence.items[at].text:
        return {"density"}
    return {"area" if n == "area" else n for n in nouns}


def _values(case: Case, subject: Subject) -> dict[str, float]:
    found: dict[str, float] = {}
    for known in case.known:
        for q in known.quantities:
            if q.number.label is None and _about(q, subject):
                found.setdefault(q.number.unit.kind, q.number.base)
    return found


def _about(q: Quantity, subject: Subject) -> bool:
    if subject <= {"left", "right"}:
        return q.sides == subject
    named = {v for kind, v in q.around if kind in {"anatomy", "finding"}}
    return bool(subject & named)
