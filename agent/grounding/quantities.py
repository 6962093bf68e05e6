"""What the numbers of a sentence are numbers of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from agent.grounding.assertion import clauses
from agent.grounding.mentions import Mention, Place, Side, grouped, source_of
from agent.grounding.nearness import cost, near
from agent.grounding.numbers import Number, Unit
from agent.grounding.tokens import Token

__all__ = ["QUANTITIES", "Quantity", "find_quantities"]

QUANTITIES = {
    "probability": "probability", "likelihood": "probability", "chance": "probability",
    "confidenc": "probability", "confident": "probability", "p": "probability",
    "odd": "odds", "risk": "risk", "scor": "score", "pg": "score", "prs": "score",
    "percentil": "percentile", "rank": "percentile",
    "overlap": "overlap", "match": "overlap",
    "volum": "volume", "capacity": "volume",
    "density": "density", "attenuation": "density", "hu": "density", "hounsfield": "density",
    "long": "length", "wid": "length", "wide": "length", "thick": "length",
    "thickness": "length", "diameter": "length", "width": "length",
    "length": "length", "depth": "length",
    "area": "area", "shar": "share", "fraction": "share", "proportion": "share",
    "percentag": "share", "coverag": "coverage",
    "sensitivity": "sensitivity", "specificity": "specificity", "accuracy": "accuracy",
    "auc": "auc", "dice": "dice", "grad": "grade", "stag": "stage", "ratio": "ratio",
    "spac": "spacing", "weight": "weight", "ag": "age",
}  # fmt: skip


_STATISTICS = {
    "mean": "mean", "averag": "mean", "median": "median", "minimum": "minimum", "lowest": "minimum",
    "maximum": "maximum", "highest": "maximum", "peak": "maximum", "deviation": "deviation",
}  # fmt: skip


_PEOPLE = {"referenc", "population", "peopl", "individual", "person", "eur", "afr", "eas", "sas",
           "amr", "panel", "european", "participant", "cohort"}  # fmt: skip


@dataclass(frozen=True)
class Quantity:
    """A number with what it is a number of."""

    number: Number
    quantity: str | None
    statistic: str | None
    subjects: frozenset[str]
    anatomy: str | None
    sides: frozenset[str]
    nouns: frozenset[str] = frozenset()
    """All quantities that the clause names."""
    attribute: str | None = None
    """The attribute that stands directly before ('referable')."""
    close: bool = False
    """True where a quantity stands right beside the number."""
    source: str | None = None
    """Where it was measured, if the clause says so."""


def find_quantities(
    tokens: Sequence[Token],
    numbers: Sequence[Number],
    mentions: Sequence[Mention],
    anatomy: Sequence[Place],
    sides: Sequence[Side],
) -> list[Quantity]:
    """Attach to each number the quantity, finding, place and side that stand nearest."""
    findings = [m for m in grouped(tokens, mentions) if m.category in {"finding", "trait"}]
    spread = _spread(tokens, numbers, sides)
    in_turn = _in_turn(tokens, numbers, anatomy)
    found = []
    for number in numbers:
        place = (number.start, number.end)
        nouns = _free(tokens, _nouns(tokens, QUANTITIES, number), number, numbers)
        statistics = _nouns(tokens, _STATISTICS, number)
        span = next((c for c in clauses(tokens) if number.start in c), range(0))
        here = [(m.start, m.end, m.names) for m in findings if m.start in span]
        subject = near(tokens, place, here)
        holder = next((m for m in findings if m.start in span and m.names == subject), None)
        where = in_turn.get(number.start) or near(tokens, place, anatomy)
        side = near(tokens, place, [(at, at + 1, value) for at, value in sides])
        found.append(
            Quantity(
                _as_percentile(tokens, number),
                near(tokens, place, nouns),
                near(tokens, place, statistics),
                subject or frozenset(),
                where,
                spread.get(number.start, _own_side(tokens, place, side, sides, holder)),
                frozenset(noun for at, _, noun in nouns if at in span),
                _attribute(tokens, number, mentions),
                any(_beside(tokens, number, each[0]) for each in nouns),
                source_of(tokens, place),
            )
        )
    return found


def _own_side(
    tokens: Sequence[Token],
    place: tuple[int, int],
    closest: frozenset[str] | None,
    sides: Sequence[Side],
    holder: Mention | None,
) -> frozenset[str]:
    """Take the side that stands by the number; else the side of the finding that it is of."""
    beside = any(cost(tokens, place, (at, at + 1)) <= 4 for at, _ in sides)
    if holder is not None and not beside and not (closest and len(holder.sides) > 1):
        return holder.sides
    return closest or frozenset()


def _free(
    tokens: Sequence[Token],
    nouns: Sequence[Place],
    number: Number,
    numbers: Sequence[Number],
) -> list[Place]:
    """Leave out nouns that stand right beside another number: '90 % coverage'."""
    others = [(n.start, n.end) for n in numbers if n is not number]
    own = (number.start, number.end)
    return [
        noun
        for noun in nouns
        if cost(tokens, own, noun[:2]) <= 1
        or not any(cost(tokens, other, noun[:2]) <= 1 for other in others)
    ]


def _attribute(tokens: Sequence[Token], number: Number, mentions: Sequence[Mention]) -> str | None:
    before = [m for m in mentions if m.end <= number.start]
    last = max(before, key=lambda m: m.end, default=None)
    return min(last.names) if last is not None and last.category == "attribute" else None


def _beside(tokens: Sequence[Token], number: Number, noun: int) -> bool:
    """'Score of 1.2', '90 % coverage', and not '97 % of the score'."""
    far = cost(tokens, (number.start, number.end), (noun, noun + 1))
    return far <= 2 if noun < number.start else far == 0


def _nouns(tokens: Sequence[Token], table: dict[str, str], number: Number) -> list[Place]:
    return [
        (at, at + 1, table[token.stem])
        for at, token in enumerate(tokens)
        if token.stem in table and not number.start <= at < number.end
    ]


def _spread(
    tokens: Sequence[Token],
    numbers: Sequence[Number],
    sides: Sequence[Side],
) -> dict[int, frozenset[str]]:
    """Read 'the left and right lungs measure 2.5 and 3.0 L': each side its number, in order."""
    joined = [
        (one, two)
        for one, two in pairwise(sides)
        if [t.text for t in tokens[one[0] + 1 : two[0]]] in (["and"], ["lung", "and"], ["/"])
    ]
    if len(sides) != 2 or not joined:
        return {}
    measured = [n for n in numbers if n.label is None and n.start > sides[1][0]]
    kinds = {number.unit.kind for number in measured}
    if len(measured) == 2 and len(kinds) == 1:
        return {n.start: side for n, (_, side) in zip(measured, sides, strict=True)}
    if len(measured) == 1:
        return {measured[0].start: frozenset({"left", "right"})}
    return {}


def _in_turn(
    tokens: Sequence[Token], numbers: Sequence[Number], anatomy: Sequence[Place]
) -> dict[int, str]:
    """Read 'spleen and liver volumes are 246 mL and 1612 mL': each place its number, in order."""
    measured = [n for n in numbers if n.label is None]
    if len(anatomy) != 2 or len(measured) != 2 or measured[0].start < anatomy[1][1]:
        return {}
    if [token.text for token in tokens[anatomy[0][1] : anatomy[1][0]]] != ["and"]:
        return {}
    return {n.start: name for n, (_, _, name) in zip(measured, anatomy, strict=True)}


def _as_percentile(tokens: Sequence[Token], number: Number) -> Number:
    """Read 'higher than in 84 % of the reference population' as the 84th percentile."""
    after = {token.stem for token in tokens[number.end : number.end + 5]}
    if number.unit.kind != "proportion" or not after & _PEOPLE:
        return number
    before = " ".join(token.text for token in tokens[max(0, number.start - 3) : number.start + 3])
    percentile = Unit("percentile", 1.0)
    if re.search(r"\btop\b", before):
        return replace(number, value=100 - number.value, unit=percentile, comparator=">=")
    if re.search(r"\b(higher|above|exceeds|greater|larger|more)\b", before):
        return replace(number, unit=percentile, comparator="=")
    if re.search(r"\b(lower|below|less|smaller)\b", before):
        return replace(number, value=100 - number.value, unit=percentile, comparator="=")
    return number
