"""Every number must be one of the evidence's, or follow from two of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from agent.grounding.agreement import agrees
from agent.grounding.attachment import attached
from agent.grounding.case import Case, Refusal, above_all
from agent.grounding.derived import follows
from agent.grounding.percentiles import ranked
from agent.grounding.quantities import Quantity
from agent.grounding.units import NONE, Unit

__all__ = ["numbers_hold"]

_SMALL = 10


def numbers_hold(case: Case) -> Refusal | None:
    """Every number must be one of the evidence's, of the same quantity, side and subject."""
    quantities = _timed(case, [ranked(case, q) for q in case.said.quantities])
    units = {q.number.unit for q in quantities} - {NONE}
    for quantity in quantities:
        refusal = _number_holds(case, quantity)
        if refusal is None or _borrowed(case, quantity, units) is None:
            continue
        if not follows(case, quantity):
            return refusal
    return _pairs_hold(case)


def _borrowed(case: Case, said: Quantity, units: set[Unit]) -> Refusal | None:
    """'2266 cm3, of which 1073 …': a bare number may have the unit of its neighbours."""
    worst: Refusal | None = Refusal("unit", "The number has no unit.")
    if said.number.unit is not NONE or said.number.label or len(units) != 1:
        return worst
    number = replace(said.number, unit=next(iter(units)))
    return _number_holds(case, replace(said, number=number))


def _timed(case: Case, quantities: list[Quantity]) -> list[Quantity]:
    """Read 'went up from 6 % to 96 %': the first number is the earlier one."""
    earlier = [q for known in case.known for q in known.quantities if q.earlier]
    changed = any(m.category == "change" for m in case.said.mentions)
    plain = [q for q in quantities if q.number.label is None and not q.number.spoken]
    if not earlier or not changed or len(plain) != 2 or any(q.earlier is not None for q in plain):
        return quantities
    back = _from_behind(case, plain[1])  # 'at 96 %, up from 6 %'
    order = {id(plain[0]): not back, id(plain[1]): back}
    return [replace(q, earlier=order[id(q)]) if id(q) in order else q for q in quantities]


def _from_behind(case: Case, second: Quantity) -> bool:
    for sentence in case.said.sentences:
        for one, two in pairwise(sentence.items):
            if two.start == second.number.start and two.kind == "number":
                return one.text.endswith(("up from", "down from"))
    return False


def _number_holds(case: Case, said: Quantity) -> Refusal | None:
    if said.number.role == "scale" or _small_talk(case, said):
        return None
    if any(_turned(said, other) for known in case.known for other in known.quantities):
        return Refusal("number", f"The evidence has {said.number.value:g} as the opposite bound.")
    value = f"{said.number.value:g}"
    worst = Refusal("number", f"The number {value} is not in the cited evidence.")
    for known in case.known:
        for other in known.quantities:
            if not agrees(said.number, other.number):
                if _unit_slipped(said, other):
                    worst = Refusal("unit", f"The unit of {value} is not the evidence's.")
                continue
            refusal = attached(case, said, known, other)
            if refusal is None:
                return None
            worst = refusal
    if len(said.sides) == 2 and worst.code == "side":
        halves = [replace(said, sides=frozenset({side})) for side in said.sides]
        return next(filter(None, (_number_holds(case, half) for half in halves)), None)
    return worst


def _turned(said: Quantity, other: Quantity) -> bool:
    """Tell whether 'above -950' stands against 'below -950'."""
    one, two = said.number, other.number
    bounds = one.comparator[0] + two.comparator[0]
    return bounds in {"<>", "><"} and one.unit == two.unit and one.value == two.value


def _small_talk(case: Case, said: Quantity) -> bool:
    """'Both of the two', 'four diagnoses': counts of what the evidence lists."""
    number = said.number
    if number.unit is not NONE or number.label or number.value >= _SMALL:
        return False
    sizes = {known.class_size for known in case.known} - {0}
    if number.value in sizes:
        return True
    kinds = {kind for kind, _ in said.around}
    if sizes - {1} and kinds & {"possible", "set", "undecided"}:
        return False  # a count of the classes of a set, and not theirs
    if said.things and number.value == _count(case, said.things):
        return True
    return number.spoken and number.value <= 2 and not said.things and number.value > 0


def _count(case: Case, names: frozenset[str]) -> int:
    """In how many pieces of evidence a finding is there."""
    return sum(
        any(names & above_all(m.names) and (m.level or 0) > 0 for m in known.mentions)
        for known in case.known
    )


def _unit_slipped(said: Quantity, other: Quantity) -> bool:
    same = abs(said.number.value - other.number.value) <= said.number.half_step
    return same and said.number.unit != other.number.unit


def _pairs_hold(case: Case) -> Refusal | None:
    """'920 of 51,209': both numbers must be of one pair of the evidence."""
    known = [p for k in case.known for s in k.claims.sentences for p in _pairs(s.quantities)]
    for sentence in case.said.sentences:
        for part, whole in _pairs(sentence.quantities):
            if part.number.label or whole.number.label:
                continue
            fits = any(
                agrees(replace(part.number, role=None), replace(a.number, role=None))
                and agrees(replace(whole.number, role=None), replace(b.number, role=None))
                for a, b in known
            )
            shares = any(
                agrees(replace(part.number, role=None), replace(q.number, role=None))
                for k in case.known for q in k.quantities if q.number.unit.kind == "proportion"
            )  # fmt: skip
            if known and not fits and not (shares and part.number.unit.kind == "proportion"):
                return Refusal("number", "The evidence does not pair these two numbers.")
    return None


def _pairs(quantities: object) -> list[tuple[Quantity, Quantity]]:
    listed = list(quantities)  # type: ignore[call-overload]
    return [
        (one, two)
        for one, two in pairwise(listed)
        if one.number.role == "part" and two.number.role == "whole"
    ]
