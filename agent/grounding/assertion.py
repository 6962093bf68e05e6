"""Is a thing said to be there, not to be there, or perhaps to be there?

After the idea of ConText (Harkema et al. 2009): cues set the assertion of what stands in their
scope. A sentence is cut into clauses (`clauses`); 'no' reaches forward to the end of its clause,
'absent' and 'negative' back to its beginning, the others both ways. The cues of six languages are
in `cues.tsv`; nothing here depends on the language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from agent.grounding.clauses import NAMED, Clause, Level, names_in
from agent.grounding.items import Item

__all__ = ["level_of", "negated", "status_of"]

_NEAR = 4

_PLAIN = {
    "undecided": ("undecided",), "possible": ("possible", "set", "opens"),
    "probable": ("probable",), "unlikely": ("unlikely",),
}  # fmt: skip
"""Meanings that a cue has wherever it stands in the clause."""
_ODDS = {"probability", "score", "risk", "percentile", "grade"}
_SHARE = re.compile(r"[01]?[.,]\d+")
_STATUSES = ("family", "history", "hypothetical", "unassessed")


def level_of(items: Sequence[Item], clause: Clause, at: int) -> tuple[Level, bool]:
    """Return how strongly an item is asserted, and whether it is said to be undecided."""
    if any(items[cue].has("unassessed") for cue in range(clause.start, clause.end)):
        return None, False
    told = _meanings(items, clause, at)
    if "undecided" in told or _left_open(items, clause) or _neither(items, clause):
        return 0, True
    if {"possible", "absent"} <= told and "unlikely" not in told:
        return -1, True  # 'there may be no X': open, and no worse than absent
    return _combined(told, _only_named(items, at)), False


def _left_open(items: Sequence[Item], clause: Clause) -> bool:
    """'X is at 66 %, but nothing is settled': the next clause names nothing and leaves it open."""
    after = Clause(clause.end, len(items))
    if clause.end >= len(items) or names_in(items, range(after.start, after.end)):
        return False
    if any(items[i].has("q", "thing", "anatomy") for i in range(after.start, after.end)):
        return False
    return any(
        items[i].has("undecided")
        or (items[i].has("not", "no") and negated(items, after, i) == "undecided")
        for i in range(after.start, after.end)
    )


def _neither(items: Sequence[Item], clause: Clause) -> bool:
    """'X is neither shown nor ruled out': two denials, of being there and of not."""
    cues = [at for at in range(clause.start, len(items)) if items[at].has("no")]
    for one, two in pairwise(cues):
        between, behind = items[one + 1 : two], items[two + 1 : two + 2 + _NEAR]
        shown = any(i.has("seen", "sure", "affirm", "definite", "probable") for i in between)
        if shown and any(i.has("excl") for i in behind):
            return not any(i.has(*NAMED) or i.text == ";" for i in between)
    return False


def _meanings(items: Sequence[Item], clause: Clause, at: int) -> set[str]:
    """Collect the meanings of the cues that reach an item; denials are resolved into one."""
    told: set[str] = set()
    flips: set[str] = set()
    for cue in range(clause.start, clause.end):
        if cue == at:
            continue
        item = items[cue]
        told |= {meaning for meaning in _PLAIN if item.has(*_PLAIN[meaning])}
        if _impossible(items, clause, cue):
            told.discard("possible")
        if item.has("definite") and not _after_not(items, clause, cue):
            told.add("definite")
        told |= _denial(items, clause, cue, at, flips)
    if len(flips) % 2:
        told.add("absent")
    return told


def _impossible(items: Sequence[Item], clause: Clause, cue: int) -> bool:
    """'X is not possible', 'X does not belong to the set'."""
    ahead = range(cue + 1, clause.end)
    if any(items[i].has("excl", "sure", "apart") for i in ahead):
        return False
    if items[cue].has("possible") and cue > clause.start and not names_in(items, ahead):
        return items[cue - 1].has("not") and not items[cue - 1].has("possible")
    before = range(max(clause.start, cue - _NEAR), cue)
    denials = [i for i in before if items[i].has("not", "abs")]
    return items[cue].has("set") and bool(denials) and not names_in(
        items, range(denials[-1] + 1, cue)
    )  # fmt: skip


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
    reaches = cue > at or not names_in(items, range(clause.start, cue))
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
            named = names_in(items, range(at + 1, clause.end))
            return {"unlikely"} if named and at == cue + 1 else {"undecided"}
        if items[at].has("class"):  # 'no tumour type was assigned'
            return {"undecided"}
        if items[at].has(*NAMED) and not items[min(at + 1, clause.end - 1)].has("class"):
            break
    flips.add("no")
    return set()


def _answers_no(items: Sequence[Item], clause: Clause, cue: int) -> bool:
    """'Pneumonia: no', and nothing behind it that would be denied."""
    before = items[cue - 1]
    return before.text in {":", "=", "(", "-", "–"} and not names_in(
        items, range(cue + 1, clause.end)
    )


def negated(items: Sequence[Item], clause: Clause, cue: int, reach: int = _NEAR) -> str | None:
    """Tell what a 'not' makes of the word that it stands before: open, possible or absent."""
    if any(items[at].has("apart") for at in range(cue + 1, clause.end)):
        return "undecided"
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
    after = names_in(items, range(cue + 1, clause.end))
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
    if at > clause.start and items[at - 1].has("earlier") and items[at].has("finding"):
        return "history"  # 'previous tuberculosis'
    for cue in range(clause.start, clause.end):
        for status in _STATUSES:
            if items[cue].has(status) and (cue < at or status == "unassessed"):
                return status
    return "current"
