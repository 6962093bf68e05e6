"""Is a number told of what it is a number of: quantity, time, side, subject and place?"""

from __future__ import annotations

from agent.grounding.agreement import agrees
from agent.grounding.case import Case, Refusal, above_all
from agent.grounding.known import Known
from agent.grounding.naming import seats
from agent.grounding.percentiles import PERCENTILE
from agent.grounding.quantities import Quantity
from agent.grounding.units import NONE

__all__ = ["attached"]


_SHARES = {"share", "overlap", "coverage"}
_ODDS = {"probability", "score", "risk"}
_MEASURES = {"volume", "length", "area", "density"}
_EVEN = 0.5


def attached(case: Case, said: Quantity, known: Known, other: Quantity) -> Refusal | None:
    """Refuse a number that is the evidence's, but of something else.

    Args:
        case: The statement beside its evidence.
        said: The number as stated.
        known: The evidence that has it.
        other: The number in the evidence.
    """
    value = f"{said.number.value:g}"
    if said.denied != other.denied:
        return Refusal("polarity", f"The statement denies {value}, which the evidence says.")
    told = {v for kind, v in said.around if kind == "src"}
    if told and not told & known.sources and len(case.known) > 1:
        return Refusal("source", f"That is not where {value} comes from.")
    if not _same_time(case, said, other):
        return Refusal("time", f"The evidence gives {value} for another examination.")
    if not _same_quantity(said, known, other):
        return Refusal("number", f"In the evidence {value} is not the {said.quantity}.")
    if not _side_fits(case, said, known, other):
        return Refusal("side", f"The evidence gives {value} for another side.")
    if not _subject_fits(case, said, known, other):
        return Refusal("finding", f"The evidence gives {value} for something else.")
    if not _place_fits(case, said, known, other):
        return Refusal("site", f"The evidence gives {value} for another place.")
    bare = said.number.unit is NONE
    counted = other.things | above_all({n for m in known.mentions for n in m.names})
    if bare and said.things and other.things and not said.things & counted:
        return Refusal("number", f"The evidence counts something else with {value}.")
    return None


def _same_time(case: Case, said: Quantity, other: Quantity) -> bool:
    if other.earlier:
        return bool(said.earlier)
    return not said.earlier


def _same_quantity(said: Quantity, known: Known, other: Quantity) -> bool:
    number = said.number
    if number.label:
        return True
    if _other_statistic(said, other) or _wrong_kind(said):
        return False
    if said.quantity is None or other.quantity is None:
        return True
    if said.quantity == "score" and number.unit.kind == "proportion" and other.quantity in _SHARES:
        return True
    if other.quantity == said.quantity:
        return True
    if number.unit is not NONE and number.unit.kind != "proportion":
        return True
    if {said.quantity, other.quantity} <= _SHARES or {said.quantity, other.quantity} <= _ODDS:
        return "coverage" not in {said.quantity, other.quantity}
    named = {v for kind, v in said.around if kind == "q"}
    return other.quantity in named


def _other_statistic(said: Quantity, other: Quantity) -> bool:
    """A mean told of a minimum; 'the highest probability' is a probability all the same."""
    plain = said.quantity == other.quantity == "probability"
    if said.statistic == "maximum" and ("cmp", "<=") in other.around:
        return False
    if said.statistic and said.statistic != other.statistic and not plain:
        return True
    extreme = other.statistic in {"minimum", "maximum", "deviation"} and said.statistic is None
    return extreme and any(kind == "stat" for kind, _ in said.around)


def _wrong_kind(said: Quantity) -> bool:
    """'A volume of 112 mm'."""
    kind = said.number.unit.kind
    return said.quantity in _MEASURES and kind in _MEASURES and kind != said.quantity


def _other_side(case: Case, said: Quantity, other: Quantity) -> bool:
    """The cited evidence has the same measure of the other side too: then it must be said which."""
    if case.said.sides:
        return False
    rivals = [
        q.number for known in case.known for q in known.quantities
        if q.sides and q.sides != other.sides and q.number.unit == other.number.unit
        and q.statistic == other.statistic and q.number.value != other.number.value
        and q.quantity == other.quantity
    ]  # fmt: skip
    stated = [q.number for q in case.said.quantities if q.number is not said.number]
    return bool(rivals) and not any(agrees(one, two) for one in stated for two in rivals)


def _side_fits(case: Case, said: Quantity, known: Known, other: Quantity) -> bool:
    if said.number.label:
        return True
    if not said.sides:
        return len(other.sides) != 1 or not _other_side(case, said, other)
    sides = other.sides or known.sides
    if len(said.sides) == 2 and not sides:  # 'between both lungs'
        return True
    return said.sides == sides or (len(said.sides) == 1 and said.sides < sides)


def _subject_fits(case: Case, said: Quantity, known: Known, other: Quantity) -> bool:
    fields = {name for m in known.mentions for name in m.names}
    around = {v for kind, v in other.around if kind == "attribute"}
    if said.number.label:
        return True
    denied = any((m.level or 0) < 0 and "cancer" in above_all(m.names) for m in known.mentions)
    spared = {"benign"} if denied else set()  # 'benign, with 2 % for malignant'
    if said.attributes - spared and not said.attributes & above_all(around | fields):
        return False
    if _rival(known, said, other, "subjects") or _of_absence(case, said, known, other):
        return False
    if not said.subjects or said.subjects <= case.frame:
        return True
    if said.quantity == other.quantity == "coverage":
        return True
    own = {v for kind, v in other.around if kind in {"finding", "trait", "anatomy"}}
    reached = above_all(own | fields)
    if said.subjects & reached:
        return True
    denied = any((m.level or 0) < 0 and m.names & said.subjects for m in case.said.mentions)
    if denied and any(above_all(said.subjects) & fields for _ in (0,)):
        return True
    if not (own | fields):
        return _subject_beside(case, said, known)
    return bool(said.anatomy & above_all(own)) and not own & {"finding"}


def _subject_beside(case: Case, said: Quantity, known: Known) -> bool:
    """Tell whether the same tool names the subject in another cited item: a score's percentile."""
    source = (known.item.tool, known.item.attachment)
    return any(
        said.subjects & above_all(mention.names)
        for each in case.known
        if (each.item.tool, each.item.attachment) == source
        for mention in each.mentions
    )


def _place_fits(case: Case, said: Quantity, known: Known, other: Quantity) -> bool:
    if not said.anatomy or said.number.label or said.number.unit == PERCENTILE:
        return True
    own = {v for kind, v in other.around if kind in {"anatomy", "finding", "thing"}}
    own |= {s for m in known.mentions for s in seats(m)}
    reached = above_all(own | known.anatomy) if len(known.claims.sentences) == 1 else above_all(own)
    if not own:
        reached |= above_all(known.anatomy)
    if said.anatomy & reached:
        exact = other.anatomy and other.anatomy != said.anatomy
        return not exact or not _rival(known, said, other, "anatomy")
    return bool(said.anatomy & case.frame) and not (said.anatomy & {"lung"})


def _rival(known: Known, said: Quantity, other: Quantity, slot: str) -> bool:
    """Another number of the same text has that subject or place: then this one hasn't."""
    own, mine = getattr(said, slot), getattr(other, slot)
    if not own or not mine or own == mine or own & above_all(mine):
        return False
    return any(
        q is not other and getattr(q, slot) == own and q.number.value != other.number.value
        and q.number.unit.kind == other.number.unit.kind and q.number.label is None
        for q in known.quantities
    )  # fmt: skip


def _of_absence(case: Case, said: Quantity, known: Known, other: Quantity) -> bool:
    """The evidence's probability is that there is none; the statement's, that there is."""
    finding, value = known.item.finding, known.item.value
    if finding is None or finding.assertion != "absent" or value is None or value <= _EVEN:
        return False
    if other.number.value != value or not said.subjects:
        return False
    return not any((m.level or 0) < 0 and m.names & said.subjects for m in case.said.mentions)
