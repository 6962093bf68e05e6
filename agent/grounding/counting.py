"""Rules for numbers: one of the evidence's, of the same quantity, side, subject and place."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from agent.grounding.case import Case, Refusal, above_all
from agent.grounding.known import Known
from agent.grounding.naming import seats
from agent.grounding.numbers import NONE, Unit, agrees, unit_named
from agent.grounding.quantities import Quantity

__all__ = ["numbers_hold"]

_SHARES = {"share", "overlap", "coverage"}
_ODDS = {"probability", "score", "risk"}
_MEASURES = {"volume", "length", "area", "density"}
_SMALL = 10
_EVEN = 0.5
_PERCENTILE = unit_named("{percentile}")


def numbers_hold(case: Case) -> Refusal | None:
    """Every number must be one of the evidence's, of the same quantity, side and subject."""
    quantities = _timed(case, [_ranked(case, q) for q in case.said.quantities])
    units = {q.number.unit for q in quantities} - {NONE}
    for quantity in quantities:
        refusal = _number_holds(case, quantity)
        if refusal is not None and _borrowed(case, quantity, units) is not None:
            return refusal
    return _pairs_hold(case)


def _borrowed(case: Case, said: Quantity, units: set[Unit]) -> Refusal | None:
    """'2266 cm3, of which 1073 …': a bare number may have the unit of its neighbours."""
    worst: Refusal | None = Refusal("unit", "The number has no unit.")
    if said.number.unit is not NONE or said.number.label or len(units) != 1:
        return worst
    number = replace(said.number, unit=next(iter(units)))
    return _number_holds(case, replace(said, number=number))


def _ranked(case: Case, said: Quantity) -> Quantity:
    """Read 'higher than 84 % of the samples' as the 84th percentile, 'top fifth' as the 80th."""
    number = said.number
    if number.unit.kind != "proportion" or not _has_percentile(case):
        return said
    people = {v for kind, v in said.around if kind in {"label", "thing"}}
    if ("q", "overlap") in said.around or "variant" in people or not _ranks(case):
        return said
    rank = number.value
    tags = said.around
    above = ("more", "") in tags or ("cmp", ">") in tags
    below = ("less", "") in tags or ("cmp", "<") in tags
    wording = {value for kind, value in tags if kind == "rank"}
    if "upper" in wording and number.role == "fraction":
        return replace(
            said,
            number=replace(number, value=100 - rank, unit=_PERCENTILE, comparator=">=", role=None),
        )
    if "lower" in wording and number.role == "fraction":
        return replace(
            said, number=replace(number, value=rank, unit=_PERCENTILE, comparator="<=", role=None)
        )
    if not above and not below:
        return said
    direct = _sample_first(case, said)
    value = rank if above == direct else 100 - rank
    half = max(number.half_step, 4.0 if number.role == "fraction" else 0.5)
    return replace(
        said,
        number=replace(
            number, value=value, unit=_PERCENTILE, comparator="=", half_step=half, role=None
        ),
    )


def _ranks(case: Case) -> bool:
    """'The score is higher than in 84 %', and not 'the patient is taller than 84 %'."""
    ranked = {("q", "score"), ("q", "percentile"), ("label", "sample"), ("thing", "file")}
    return any(ranked & item.tags for item in case.said.items)


def _sample_first(case: Case, said: Quantity) -> bool:
    """'Your score is higher than 84 % …' against '84 % have a higher score'."""
    for sentence in case.said.sentences:
        for at, item in enumerate(sentence.items):
            if item.start <= said.number.start < item.end or item.start == said.number.start:
                before = sentence.items[: at + 1]
                return any(
                    i.has("more", "less") or {"<", ">"} & set(i.values("cmp")) for i in before
                )
    return True


def _has_percentile(case: Case) -> bool:
    return any(q.number.unit.kind == "percentile" for known in case.known for q in known.quantities)


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


def _attached(case: Case, said: Quantity, known: Known, other: Quantity) -> Refusal | None:
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
    if bare and said.things and other.things and not said.things & other.things:
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
    if said.attributes and not said.attributes & above_all(around | fields):
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
    if not said.anatomy or said.number.label or said.number.unit == _PERCENTILE:
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
