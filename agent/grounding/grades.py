"""Grades of diabetic retinopathy: what a statement says of them, against a set of several.

A prediction set of grades is told in many ways: 'moderate to proliferative', 'grade 2 or more',
'mild is not in the set'. Both sides are read as sets of numbers on the International Clinical
Diabetic Retinopathy scale (Wilkinson et al. 2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from agent.grounding.case import Case, Refusal, above_all
from agent.grounding.claims import Sentence
from agent.grounding.clauses import Clause
from agent.grounding.items import Item
from agent.grounding.mentions import Mention
from agent.grounding.scale import DEGREES, HIGHEST

__all__ = ["grade_settled", "grades_hold"]

_RANGES = {
    "to", "through", "-", "–", "up to", "and", "a", "bis", "und", "y", "e", "et", "à", "até",
    "hasta", "jusqu'à", "至", "到", "与", "和",
}  # fmt: skip
_ANDS = {"and", "und", "y", "e", "et", "和", "与"}
_BETWEEN = {"between", "entre", "zwischen", "介于"}
_OR_MORE = {
    "or worse", "or more", "or higher", "or above", "or greater", "at least", "and above", "or up",
    "al menos", "o más", "o peor", "au moins", "ou plus", "mindestens", "oder mehr", "oder höher",
    "pelo menos", "ou mais", "ou pior", "至少", "及以上", "或以上",
}  # fmt: skip


def grades_hold(case: Case) -> Refusal | None:
    """A grade told of a set of several must leave the others open, or be denied and outside."""
    known = _known(case)
    if len(known) < 2:
        return None
    for sentence in case.said.sentences:
        for clause in sentence.clauses:
            said = _said(sentence, clause)
            if said and not _fits(sentence, clause, said, known):
                return Refusal("certainty", "The evidence leaves open which grade it is.")
    return None


def grade_settled(case: Case, mention: Mention) -> bool:
    """Tell whether a mention is of grades that `grades_hold` has judged."""
    if "diabetic retinopathy" not in above_all(mention.names) or len(_known(case)) < 2:
        return False
    if mention.sides or mention.sites - {"retina", "eye"} or mention.status != "current":
        return False
    return any(
        _said(sentence, mention.clause)
        for sentence in case.said.sentences
        if mention in sentence.mentions
    )


def _known(case: Case) -> frozenset[int]:
    """The grades that the cited set leaves."""
    for known in case.known:
        finding = known.item.finding
        if finding is not None and known.class_size > 1 and "retinopathy" in finding.name:
            return frozenset(_class_grade(part) for part in finding.name.lower().split(" or "))
    return frozenset()


def _class_grade(name: str) -> int:
    if name.startswith("no "):
        return 0
    return next((grade for word, grade in DEGREES.items() if word in name), HIGHEST)


def _said(sentence: Sentence, clause: Clause) -> frozenset[int]:
    """The grades that a clause names."""
    items = sentence.items
    inside = range(clause.start, clause.end)
    spots = {at: grade for at in inside if (grade := _grade(sentence, at)) is not None}
    if not spots or not _about_grades(sentence, clause):
        return frozenset()
    grades = set(spots.values())
    for one, two in pairwise(sorted(spots)):
        if _ranges(items, one, two):
            grades |= set(range(spots[one], spots[two] + 1))
    if any(" ".join(i.text for i in items[at : at + 2]) in _OR_MORE for at in inside) or any(
        items[at].text in _OR_MORE for at in inside
    ):
        grades |= set(range(min(grades), HIGHEST + 1))
    return frozenset(grades)


def _ranges(items: Sequence[Item], one: int, two: int) -> bool:
    """'Moderate to proliferative', 'between grade 2 and grade 4'."""
    joints = [
        i.text for i in items[one + 1 : two]
        if (i.text in _RANGES or not i.has("w")) and ("q", "grade") not in i.tags
    ]  # fmt: skip
    if len(joints) != 1 or joints[0] not in _RANGES:
        return False
    opened = any(i.text in _BETWEEN for i in items[max(0, one - 2) : one])
    return opened or joints[0] not in _ANDS


def _grade(sentence: Sentence, at: int) -> int | None:
    item = sentence.items[at]
    for value in item.values("modifier"):
        if value in DEGREES:
            return DEGREES[value]
    if "proliferative diabetic retinopathy" in item.values("finding"):
        return HIGHEST
    if item.kind == "number":
        number = next((n for n in sentence.numbers if n.start <= item.start < n.end), None)
        if number is not None and number.label == "grade" and 0 <= number.value <= HIGHEST:
            return int(number.value)
    return None


def _about_grades(sentence: Sentence, clause: Clause) -> bool:
    return any(
        ("q", "grade") in sentence.items[at].tags
        or "diabetic retinopathy" in above_all(sentence.items[at].values("finding"))
        for at in range(clause.start, clause.end)
    )


def _fits(sentence: Sentence, clause: Clause, said: frozenset[int], known: frozenset[int]) -> bool:
    inside = [sentence.items[at] for at in range(clause.start, clause.end)]
    denied = any(i.has("abs", "no") or (i.has("not") and not i.has("possible")) for i in inside)
    hedged = any(i.has("possible", "undecided", "set", "unlikely") for i in inside) or any(
        m.clause == clause and m.level == 0 for m in sentence.mentions
    )
    if said >= known:
        return not denied or hedged
    if denied and not any(m.clause == clause and m.level == 0 for m in sentence.mentions):
        return not said & known
    return hedged and said <= known
