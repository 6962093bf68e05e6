"""Is a thing said to be there, not to be there, or perhaps to be there?

After the idea of ConText (Harkema et al. 2009): cues set the assertion of what stands in their
scope. A sentence is cut into clauses; 'no' reaches forward to the end of its clause, 'absent' and
'negative' back to its beginning, the others both ways. The cues of six languages are in
`cues.tsv`; nothing here depends on the language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.grounding.items import Item

__all__ = ["NOWHERE", "Clause", "Level", "clauses", "level_of", "status_of"]

Level = int | None
"""3 emphatic, 2 stated, 1 probable, 0 possible or open, -1 improbable, -2 absent, -3 emphatic;
None where a thing is only named ('the probability of X')."""

NAMED = {"finding", "procedure", "drug", "attribute"}
_ASSERTING = {
    "no", "not", "abs", "affirm", "possible", "probable", "unlikely", "definite", "undecided",
}  # fmt: skip
_NEAR = 4
_PLAIN = {
    "undecided": ("undecided",), "possible": ("possible", "set"), "probable": ("probable",),
    "unlikely": ("unlikely",),
}  # fmt: skip
"""Meanings that a cue has wherever it stands in the clause."""
_ODDS = {"probability", "score", "risk", "percentile", "grade"}
_SHARE = re.compile(r"[01]?[.,]\d+")
_STATUSES = ("family", "history", "hypothetical", "unassessed")


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
    return not (item.has("still") and not _names(items, range(at + 1, len(items))))


def _denies_anew(items: Sequence[Item], start: int, at: int) -> bool:
    """'Effusion without pneumothorax', 'no X, no Y'."""
    if not items[at].has("no") or items[at].has("abs", "q"):
        return False
    if items[at - 1].has("or"):
        return False
    before = range(start, at)
    ahead = _names(items, range(at + 1, min(at + 1 + _NEAR, len(items))))
    return bool(_names(items, before)) and bool(ahead) and not _listing(items, at)


def _listing(items: Sequence[Item], at: int) -> bool:
    """'Neither X nor Y', 'no X nor Y': one denial over both."""
    return at > 0 and items[at].has("or")


def _names(items: Sequence[Item], span: range) -> list[int]:
    return [at for at in span if items[at].has(*NAMED)]


def _soft(items: Sequence[Item], start: int, at: int) -> bool:
    item = items[at]
    if not (item.text == "," or item.has("and")):
        return False
    right = _segment(items, at + 1)
    left = range(start, at)
    if right.start < len(items) and items[right.start].has("and", "or"):
        right = range(right.start + 1, right.stop)
    here, there = _names(items, left), _names(items, right)
    if not here:
        return _told(items, left) and bool(there) and _told(items, right)
    return bool(there) and _parts_ways(items, left, right, _last_cut(items, start, at))


def _parts_ways(items: Sequence[Item], left: range, right: range, cut: int) -> bool:
    """Both sides name something: are they told of together, or each by itself?"""
    here, there = _names(items, left), _names(items, right)
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


def level_of(items: Sequence[Item], clause: Clause, at: int) -> tuple[Level, bool]:
    """Return how strongly an item is asserted, and whether it is said to be undecided."""
    if any(items[cue].has("unassessed") for cue in range(clause.start, at)):
        return None, False
    told = _meanings(items, clause, at)
    if "undecided" in told or _left_open(items, clause):
        return 0, True
    if {"possible", "absent"} <= told and "unlikely" not in told:
        return -1, True  # 'there may be no X': open, and no worse than absent
    return _combined(told, _only_named(items, at)), False


def _left_open(items: Sequence[Item], clause: Clause) -> bool:
    """'X is at 66 %, but nothing is settled': the next clause names nothing and leaves it open."""
    after = Clause(clause.end, len(items))
    if clause.end >= len(items) or _names(items, range(after.start, after.end)):
        return False
    if any(items[i].has("q", "thing", "anatomy") for i in range(after.start, after.end)):
        return False
    return any(
        items[i].has("undecided")
        or (items[i].has("not", "no") and negated(items, after, i) == "undecided")
        for i in range(after.start, after.end)
    )


def _meanings(items: Sequence[Item], clause: Clause, at: int) -> set[str]:
    """Collect the meanings of the cues that reach an item; denials are resolved into one."""
    told: set[str] = set()
    flips: set[str] = set()
    for cue in range(clause.start, clause.end):
        if cue == at:
            continue
        item = items[cue]
        told |= {meaning for meaning in _PLAIN if item.has(*_PLAIN[meaning])}
        if item.has("definite") and not _after_not(items, clause, cue):
            told.add("definite")
        told |= _denial(items, clause, cue, at, flips)
    if len(flips) % 2:
        told.add("absent")
    return told


def _denial(items: Sequence[Item], clause: Clause, cue: int, at: int, flips: set[str]) -> set[str]:
    """Resolve one denying cue: into a flip of the assertion, or into a meaning."""
    item = items[cue]
    if item.has("untrue"):
        flips.add("untrue")
    if item.has("not"):
        meaning = negated(items, clause, cue)
        if meaning == "absent" and _reaches(items, clause, cue, at):
            flips.add("no")
        return {meaning} - {"absent"} if meaning else set()
    if item.has("no"):
        return _no(items, clause, cue, at, flips)
    reaches = cue > at or not _names(items, range(clause.start, cue))
    if item.has("abs") and reaches and not _after_not(items, clause, cue):
        flips.add("abs")
    return set()


def _no(items: Sequence[Item], clause: Clause, cue: int, at: int, flips: set[str]) -> set[str]:
    """'No X', 'X: no', 'neither X can be excluded', 'without being conclusive'."""
    if cue < at:
        if any(items[i].has("excl") for i in range(at + 1, clause.end)):
            return {"possible"}
        return _no_ahead(items, clause, cue, flips)
    if _answers_no(items, clause, cue):
        flips.add("no")
    elif negated(items, clause, cue, _NEAR + 2) == "undecided":
        return {"undecided"}
    return set()


def _no_ahead(items: Sequence[Item], clause: Clause, cue: int, flips: set[str]) -> set[str]:
    """'No X' denies, 'no clear X' nearly, 'without being conclusive' leaves open."""
    for at in range(cue + 1, min(cue + 1 + _NEAR + 2, clause.end)):
        if items[at].has("sure", "definite"):
            named = _names(items, range(at + 1, clause.end))
            return {"unlikely"} if named and at == cue + 1 else {"undecided"}
        if items[at].has(*NAMED):
            break
    flips.add("no")
    return set()


def _answers_no(items: Sequence[Item], clause: Clause, cue: int) -> bool:
    """'Pneumonia: no', and nothing behind it that would be denied."""
    before = items[cue - 1]
    return before.text in {":", "=", "(", "-", "–"} and not _names(
        items, range(cue + 1, clause.end)
    )


def negated(items: Sequence[Item], clause: Clause, cue: int, reach: int = _NEAR) -> str | None:
    """Tell what a 'not' makes of the word that it stands before: open, possible or absent."""
    for at in range(cue + 1, min(cue + 1 + reach, clause.end)):
        item = items[at]
        if item.has("excl", "unlikely"):
            return "possible"
        if item.has("sure", "definite"):
            return "undecided"
        if item.has("seen", "affirm"):
            return "absent"
        if item.has("abs"):
            return "affirmed"
        if item.has("probable"):
            return "unlikely"
        if item.has(*NAMED, "trait", "thing", "change") or item.kind == "number":
            break
    return "absent"


def _after_not(items: Sequence[Item], clause: Clause, at: int) -> bool:
    span = range(max(clause.start, at - _NEAR), at)
    return any(items[i].has("not") for i in span)


def _reaches(items: Sequence[Item], clause: Clause, cue: int, at: int) -> bool:
    """'The model did not see X' denies what comes after; 'X was not seen' what stands before."""
    after = _names(items, range(cue + 1, clause.end))
    return at > cue or not after


def _only_named(items: Sequence[Item], at: int) -> bool:
    """Tell of 'the probability of X', 'the score for X', 'X 的概率', 'X has a probability of'."""
    return _named_before(items, at) or _named_after(items, at)


def _named_before(items: Sequence[Item], at: int) -> bool:
    place, steps = at - 1, 0
    while place >= 0 and steps < 2 * _NEAR:
        item = items[place]
        if item.has("q"):
            odds = _ODDS if _counted(items) else _ODDS - {"risk"}
            return bool(odds & set(item.values("q")))
        if ("thing", "surrogate") in item.tags:
            return True
        linked = item.has("finding", "attribute") and items[place + 1].has("or", "and")
        if item.kind == "number" or item.text == "%":
            place, steps = place - 1, steps + 1
            continue
        if not (
            linked or item.has("w", "or", "modifier", "attribute", "no", "anatomy")
            or item.text in {"(", "/"}
        ):  # fmt: skip
            return False
        place, steps = place - 1, steps + (not linked)
    return False


def _named_after(items: Sequence[Item], at: int) -> bool:
    """Only little words between the name and what is told of it."""
    for place in range(at + 1, min(at + 1 + _NEAR, len(items))):
        item = items[place]
        if item.has("not"):  # 'retinopathy not referable'
            return any(each.has("attribute") for each in items[at + 1 : at + 1 + _NEAR])
        if item.kind == "number":
            said = any(each.has("seen", "affirm", "w") for each in items[:at] if each.text != "the")
            return not said and _is_share(items, place)
        if item.has("q"):
            odds = _ODDS if _counted(items) else _ODDS - {"risk"}
            if any(each.has("modifier") for each in items[at + 1 : at + 2 * _NEAR]):
                odds = odds - {"grade"}  # 'grade: severe'
            return bool(odds & set(item.values("q")))
        other = item.has("finding") and not items[at + 1].has("or")
        if other or not item.has("w", "and", "side", "or", "finding"):
            return False
    return False


def _is_share(items: Sequence[Item], place: int) -> bool:
    """A number that may be a probability: '0.06', '6 %'."""
    behind = items[place + 1].text if place + 1 < len(items) else "."
    if behind == "%":
        return True
    return bool(_SHARE.fullmatch(items[place].text)) and behind in {".", ",", ";", ")", "/", "("}


def _counted(items: Sequence[Item]) -> bool:
    return any(item.kind == "number" for item in items)


def _combined(told: set[str], named: bool) -> Level:
    absent = "absent" in told
    if "unlikely" in told:
        return 0 if absent else -1
    if "possible" in told:
        return 0
    if "probable" in told:
        return -1 if absent else 1
    if "definite" in told:
        return -3 if absent else 3
    if absent:
        return -2
    return None if named else 2


def status_of(items: Sequence[Item], clause: Clause, at: int) -> str:
    """Return current, history, family, hypothetical or unassessed."""
    for cue in range(clause.start, clause.end):
        for status in _STATUSES:
            if items[cue].has(status) and (cue < at or status == "unassessed"):
                return status
    return "current"
