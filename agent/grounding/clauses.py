"""Where a sentence turns: clauses, each with an assertion of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.grounding.items import Item

__all__ = ["NAMED", "NOWHERE", "Clause", "Level", "clauses", "names_in"]


Level = int | None
"""3 emphatic, 2 stated, 1 probable, 0 possible or open, -1 improbable, -2 absent, -3 emphatic;
None where a thing is only named ('the probability of X')."""
NAMED = {"finding", "procedure", "drug", "attribute"}
_ASSERTING = {
    "no", "not", "abs", "affirm", "possible", "probable", "unlikely", "definite", "undecided",
    "unassessed",
}  # fmt: skip
_NEAR = 4


@dataclass(frozen=True)
class Clause:
    """A stretch of a sentence with its own assertion."""

    start: int
    end: int
    """Positions in the sentence's items."""

    def __contains__(self, at: int) -> bool:
        return self.start <= at < self.end


NOWHERE = Clause(0, 0)


def clauses(items: Sequence[Item]) -> list[Clause]:
    """Cut a sentence into clauses.

    At 'but' and semicolons always; before 'no' and 'without' where something was named before;
    at commas and 'and' where both sides name something and one of them asserts by itself.
    """
    cuts = [0]
    for at in range(1, len(items)):
        if _hard(items, at) or _denies_anew(items, cuts[-1], at) or _soft(items, cuts[-1], at):
            cuts.append(at)
    return [Clause(a, b) for a, b in zip(cuts, [*cuts[1:], len(items)], strict=True) if b > a]


def _hard(items: Sequence[Item], at: int) -> bool:
    item = items[at]
    if item.text in {";", "—"}:
        return True
    if not item.has("split"):
        return False
    # 'yet to be settled' and 'there is still' do not turn the sentence.
    return not (item.has("still") and not names_in(items, range(at + 1, len(items))))


def _denies_anew(items: Sequence[Item], start: int, at: int) -> bool:
    """'Effusion without pneumothorax', 'no X, no Y'."""
    if not items[at].has("no") or items[at].has("abs", "q"):
        return False
    if items[at - 1].has("or"):
        return False
    before = range(start, at)
    ahead = names_in(items, range(at + 1, min(at + 1 + _NEAR, len(items))))
    return bool(names_in(items, before)) and bool(ahead) and not _listing(items, at)


def _listing(items: Sequence[Item], at: int) -> bool:
    """'Neither X nor Y', 'no X nor Y': one denial over both."""
    return at > 0 and items[at].has("or")


def names_in(items: Sequence[Item], span: range) -> list[int]:
    """Return where in a span something is named."""
    return [at for at in span if items[at].has(*NAMED)]


def _soft(items: Sequence[Item], start: int, at: int) -> bool:
    item = items[at]
    if not (item.text == "," or item.has("and")):
        return False
    right = _segment(items, at + 1)
    left = range(start, at)
    if right.start < len(items) and items[right.start].has("and", "or"):
        right = range(right.start + 1, right.stop)
    here, there = names_in(items, left), names_in(items, right)
    if here and _of_another(items, right):
        return True
    if not here:
        return _told(items, left) and bool(there) and _told(items, right)
    return bool(there) and _parts_ways(items, left, right, _last_cut(items, start, at))


def _of_another(items: Sequence[Item], span: range) -> bool:
    """'…, grade undetermined': what stands open is the grade."""
    graded = [i for i in span if ("q", "grade") in items[i].tags]
    return any(items[i].has("undecided", "unassessed") for i in span if graded and i > graded[0])


def _parts_ways(items: Sequence[Item], left: range, right: range, cut: int) -> bool:
    """Both sides name something: are they told of together, or each by itself?"""
    here, there = names_in(items, left), names_in(items, right)
    own = [i for i in right if items[i].has(*_ASSERTING) and items[i].text != "none"]
    if own and min(own) < min(there) and not all(items[i].has("finding") for i in own):
        return True
    mine = [i for i in left if items[i].has(*_ASSERTING)]
    if mine and min(mine) > max(here):
        return True
    if own:  # 'X, Y and Z absent' is a list; 'a nodule in the lung, effusion absent' is not
        return bool(mine) or not _short(items, range(cut, left.stop))
    return bool(mine) and not _short(items, right) and not _closes(items, right)


def _told(items: Sequence[Item], span: range) -> bool:
    return any(items[i].has(*_ASSERTING) for i in span)


def _segment(items: Sequence[Item], start: int) -> range:
    end = start
    while end < len(items) and not (
        (items[end].text == "," or items[end].has("and") or _hard(items, end)) and end > start
    ):
        end += 1
    return range(start, end)


def _last_cut(items: Sequence[Item], start: int, at: int) -> int:
    cut = start
    for i in range(start, at):
        if items[i].text == "," or items[i].has("and"):
            cut = i + 1
    return cut


def _short(items: Sequence[Item], span: range) -> bool:
    """A member of a list: a name, with little around it."""
    told = [i for i in span if items[i].has("side") or items[i].kind == "number"]
    content = [i for i in span if items[i].tags and not items[i].has("w", "and", "or", "src")]
    return not told and len(content) <= 2


def _closes(items: Sequence[Item], span: range) -> bool:
    """The list goes on to an 'or' that ends it."""
    return any(items[i].has("or") and items[i].text != "/" for i in span)
