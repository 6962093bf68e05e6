"""The International Clinical Diabetic Retinopathy scale: its numbers and its names.

Source: Wilkinson et al., Ophthalmology 2003;110:1677.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agent.grounding.claims import parse
from agent.grounding.lexicon import above
from agent.grounding.mentions import Mention
from agent.grounding.numbers import Number
from agent.grounding.quantities import Quantity
from agent.grounding.units import NONE

__all__ = ["DEGREES", "HIGHEST", "grade_numbers", "graded", "implied"]


_GRADES = {
    0: "No diabetic retinopathy.",
    1: "Mild non-proliferative diabetic retinopathy.",
    2: "Moderate non-proliferative diabetic retinopathy.",
    3: "Severe non-proliferative diabetic retinopathy.",
    4: "Proliferative diabetic retinopathy.",
}
HIGHEST = 4
DEGREES = {"mild": 1, "moderate": 2, "severe": 3}


def graded(mentions: Sequence[Mention], quantities: Sequence[Quantity]) -> list[Mention]:
    """'Retinopathy grade 2' says that there is one, grade 0 that there is none."""
    grades = {q.number.value for q in quantities if q.number.label == "grade"}
    if len(grades) != 1:
        return list(mentions)
    level = 2 if max(grades) > 0 else -2
    return [
        replace(m, level=level) if m.level is None and m.names == {"diabetic retinopathy"} else m
        for m in mentions
    ]


def implied(mentions: Sequence[Mention], quantities: Sequence[Quantity]) -> list[Mention]:
    """A grade of retinopathy and its name are the same thing."""
    if not any("diabetic retinopathy" in m.names and (m.level or 0) > 0 for m in mentions):
        return []
    grades = [q.number.value for q in quantities if q.number.label == "grade"]
    text = _GRADES.get(int(grades[0])) if len(set(grades)) == 1 else None
    return parse(text).mentions if text else []


def grade_numbers(mentions: Sequence[Mention]) -> list[Quantity]:
    """'Moderate diabetic retinopathy' is grade 2."""
    found = set()
    for mention in mentions:
        wide = frozenset().union(*(above(name) for name in mention.names))
        if "diabetic retinopathy" not in wide:
            continue
        found |= {DEGREES[m] for m in mention.modifiers if m in DEGREES}
        if "proliferative diabetic retinopathy" in mention.names:
            found.add(HIGHEST)
    return [
        Quantity(Number(float(grade), 0.0, NONE, "=", 0, 0, "grade"), "grade") for grade in found
    ]
