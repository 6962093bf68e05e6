"""Rules for numbers: one of the evidence's, of the same quantity, side, subject and place."""

from __future__ import annotations

from dataclasses import replace

from agent.grounding.case import Case, Refusal
from agent.grounding.known import Known
from agent.grounding.numbers import NONE, agrees
from agent.grounding.quantities import Quantity

__all__ = ["numbers_hold"]


def numbers_hold(case: Case) -> Refusal | None:
    """Every number must be one of the evidence's, of the same quantity, side and subject."""
    for quantity in case.said.quantities:
        refusal = _number_holds(case, quantity)
        if refusal is not None:
            return refusal
    return None


def _number_holds(case: Case, said: Quantity) -> Refusal | None:
    if _counts_classes(case, said):
        return None
    value = f"{said.number.value:g}"
    if any(_turned(said, other) for known in case.known for other in known.quantities):
        return Refusal("number", f"The evidence has {value} as the opposite bound.")
    worst = Refusal("number", f"The number {value} is not in the cited evidence.")
    for known in case.known:
        for other in known.quantities:
            if not agrees(said.number, other.number):
                if _unit_slipped(said, other):
                    worst = Refusal("unit", f"The unit of {value} is not the evidence's.")
                continue
            refusal = _attached(case, said, known, other)
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


def _unit_slipped(said: Quantity, other: Quantity) -> bool:
    same = abs(said.number.value - other.number.value) <= said.number.half_step
    return same and said.number.unit != other.number.unit


def _counts_classes(case: Case, said: Quantity) -> bool:
    if said.number.counted not in {"class", "diagnos", "diagnosis", "candidat"}:
        return False
    sizes = {len(m.names) for known in case.known for m in known.mentions}
    return said.number.value in sizes and said.number.comparator == "="


def _attached(case: Case, said: Quantity, known: Known, other: Quantity) -> Refusal | None:
    value = f"{said.number.value:g}"
    if not known.comes_from(said.source):
        return Refusal("source", f"That is not where {value} comes from.")
    if said.number.denied != other.number.denied:
        return Refusal("polarity", f"The statement denies {value}, which the evidence says.")
    if not _same_quantity(said, known, other):
        return Refusal("number", f"In the evidence {value} is not the {said.quantity}.")
    if not _side_fits(said, known, other):
        return Refusal("side", f"The evidence gives {value} for another side.")
    if not _subject_fits(case, said, known, other):
        return Refusal("finding", f"The evidence gives {value} for something else.")
    if not _place_fits(case, said, known, other):
        return Refusal("site", f"The evidence gives {value} for another place.")
    return None


def _same_quantity(said: Quantity, known: Known, other: Quantity) -> bool:
    number = said.number
    if said.statistic and other.statistic and said.statistic != other.statistic:
        return False
    if number.label or number.counted or said.quantity is None:
        return True
    if number.unit is not NONE and number.unit.kind != "proportion":
        return True
    if other.quantity in {None, said.quantity}:
        implied = said.quantity == "share" and number.unit.kind == "proportion"
        return implied or other.quantity is not None or said.quantity in known.nouns
    if not said.close and other.quantity in said.nouns:
        return True
    alike = {said.quantity, other.quantity} <= {"share", "overlap", "coverage"}
    return alike and said.quantity in known.nouns


def _side_fits(said: Quantity, known: Known, other: Quantity) -> bool:
    sides = other.sides
    if said.number.label or (not said.sides and known.item.finding is not None):
        return True
    if not said.sides:
        return len(sides) != 1 or said.number.counted is not None
    return said.sides == sides


def _subject_fits(case: Case, said: Quantity, known: Known, other: Quantity) -> bool:
    if said.attribute and not any(said.attribute in m.names for m in known.mentions):
        return False
    if said.number.label or not said.subjects or said.subjects <= case.frame:
        return True
    denied = any((m.level or 0) < 0 and m.names & said.subjects for m in case.said.mentions)
    if said.quantity == other.quantity == "coverage":
        return True
    named = [m.names for m in known.mentions if m.category in {"finding", "trait"}]
    if not named and not known.anatomy:
        return _subject_beside(case, said, known)
    if not named:
        return said.anatomy is not None and said.anatomy in known.anatomy
    about = [other.subjects] if other.subjects and not denied else named
    above = case.vocabulary.above
    fit = any if denied else all
    return any(fit(said.subjects & above(name) for name in names) for names in about)


def _subject_beside(case: Case, said: Quantity, known: Known) -> bool:
    """Tell whether the same tool names the subject in another cited item: a score's percentile."""
    source = (known.item.tool, known.item.attachment)
    above = case.vocabulary.above
    return any(
        said.subjects & above(name)
        for each in case.known
        if (each.item.tool, each.item.attachment) == source
        for mention in each.mentions
        for name in mention.names
    )


def _place_fits(case: Case, said: Quantity, known: Known, other: Quantity) -> bool:
    if said.anatomy is None or said.anatomy in case.frame - {"lung"}:
        return True
    stated = [q.number for q in known.quantities if q.number.comparator == "="]
    alone = len({number.base for number in stated if not number.label}) == 1
    if other.anatomy is not None and not alone:
        return said.anatomy == other.anatomy
    return said.anatomy in known.anatomy or said.anatomy in case.frame
