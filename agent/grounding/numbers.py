"""The numbers of a sentence, with comparator, unit and what they number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from agent.grounding.items import Item
from agent.grounding.numerals import number_words, read_digits, read_words
from agent.grounding.tokens import Token, plain
from agent.grounding.units import NONE, PERCENT, Unit, unit_named, unit_of

__all__ = ["Number", "find_numbers"]

_NAMES = {"finding", "trait", "procedure", "drug", "anatomy"}
_FRACTIONS = {"half": 0.5, "third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "tenth": 0.1}
_NUMBERING = {":", "=", "is", "no", "nr", "of", "number", "第", "ist", "es", "est"}
_ARTICLES = {"des", "der", "den", "las", "los", "les", "dos", "das"}
_ORDINAL_ENDS = {"st", "nd", "rd", "th", "e", "er", "eme", "o", "a", "º", "ª", "."}


@dataclass(frozen=True)
class Number:
    """A number as it is written."""

    value: float
    """In the unit as written."""
    half_step: float
    """Half of the last digit's place: what rounding can have taken away."""
    unit: Unit
    comparator: str
    """=, >, <, >=, <= or ~."""
    start: int
    end: int
    """Token positions, with comparator and unit."""
    label: str | None = None
    """What it numbers ('grade', 'sample'): then it is a name more than a quantity."""
    spoken: bool = False
    """Written as a word."""
    role: str | None = None
    """part or whole, in '975 of 986'."""
    other: float | None = None
    """The other reading of '3.202', which is 3202 to half of Europe."""
    denied: bool = False

    @property
    def base(self) -> float:
        """The value in the base unit of its kind."""
        return self.value * self.unit.factor


def find_numbers(tokens: Sequence[Token], items: Sequence[Item], language: str) -> list[Number]:
    """Find the numbers of a sentence, with comparator and unit."""
    by_end = {item.end: item for item in items}
    by_start = {item.start: item for item in items}
    named = {at for item in items if item.has(*_NAMES) for at in range(item.start + 1, item.end)}
    numbers: list[Number] = []
    at = 0
    while at < len(tokens):
        if at in named and tokens[at].kind == "number":  # 'COVID-19'
            at += 1
            continue
        read = _read(tokens, at, language, by_start, by_end)
        if read is not None:
            numbers.append(read)
        at = max(read.end if read is not None else 0, at + 1)
    return _share_units(tokens, _paired(tokens, numbers, by_start))


def _read(
    tokens: Sequence[Token],
    at: int,
    language: str,
    by_start: dict[int, Item],
    by_end: dict[int, Item],
) -> Number | None:
    if tokens[at].kind == "number":
        value, half_step, other = read_digits(tokens[at].text, language)
        width, spoken = 1, False
    else:
        word = read_words(tokens, at, language)
        if word is None:
            return _fraction(tokens, at, by_start, language)
        ahead = by_start.get(at + 1)
        if ahead is not None and ahead.has("frac"):
            return _fraction(tokens, at + 1, by_start, language)
        (value, width), half_step, other, spoken = word, 0.5, None, True
        if at not in by_start and value < 10:
            return None
    end = _ordinal_end(tokens, at + width)
    end, unit = unit_of(tokens, at, end, language, by_start)
    if spoken and unit is NONE and value == 1:
        return None
    start, comparator = _comparator(tokens, at, end, by_start, by_end)
    if comparator == "" or (comparator == "=" and tokens[start].text.startswith("+")):
        comparator = "="
    label = _label(start, by_end) or _label_behind(start, end, by_start, by_end)
    label = label if unit is NONE else None
    if label is None:
        unit = _percentile(at, end, by_start, by_end) or unit
    return Number(value, half_step, unit, comparator, start, end, label, spoken, other=other)


def _ordinal_end(tokens: Sequence[Token], end: int) -> int:
    """Skip the 'rd' of '83rd'."""
    while (
        end + 1 < len(tokens)
        and plain(tokens[end].text) in _ORDINAL_ENDS
        and tokens[end].text != "."
    ):
        end += 1
    return end


def _fraction(
    tokens: Sequence[Token], at: int, by_start: dict[int, Item], language: str
) -> Number | None:
    """Read 'a quarter', 'three quarters', '四分之一' as a share."""
    item = by_start.get(at)
    if item is None or not item.has("frac"):
        return None
    if item.has("anatomy") and any(
        each.has("side") or ("anatomy", "lung") in each.tags for each in by_start.values()
    ):
        return None
    value = _FRACTIONS[item.values("frac")[0]]
    start = at
    if at and (times := number_words(language).get(plain(tokens[at - 1].text))) and times < 10:
        value, start = value * times, at - 1
    return Number(100 * value, 2.5, PERCENT, "=", start, item.end, None, True, role="fraction")


def _percentile(
    at: int,
    end: int,
    by_start: dict[int, Item],
    by_end: dict[int, Item],
) -> Unit | None:
    """Read 'percentile 84', 'percentile: 84', '84 percentile rank' and 'percentile is 84'."""
    named = _percentile_before(at, by_end) or _percentile_behind(end, by_start)
    return unit_named("{percentile}") if named else None


def _percentile_before(at: int, by_end: dict[int, Item]) -> bool:
    place = at
    for _ in range(4):
        before = by_end.get(place)
        if before is None or before.text in {",", ";", "("}:
            return False
        if ("q", "percentile") in before.tags:
            owner = by_end.get(before.start)
            while owner is not None and owner.text in _ORDINAL_ENDS:
                owner = by_end.get(owner.start)
            return owner is None or owner.kind != "number"  # '83rd percentile of 3,202'
        if not (before.has("w", "cmp", "seen") or before.kind == "sign"):
            return False
        place = before.start
    return False


def _percentile_behind(end: int, by_start: dict[int, Item]) -> bool:
    for place in (end, end + 1):
        after = by_start.get(place)
        if after is None:
            continue
        if ("q", "percentile") in after.tags:
            return True
        if not (after.has("w") or after.text in _ORDINAL_ENDS - {"."}):
            return False
    return False


def _comparator(
    tokens: Sequence[Token],
    at: int,
    end: int,
    by_start: dict[int, Item],
    by_end: dict[int, Item],
) -> tuple[int, str]:
    place = at
    for _ in range(2):
        before = by_end.get(place)
        if before is None:
            break
        if before.has("cmp"):
            return before.start, before.values("cmp")[0]
        if not before.has("w") or before.end - before.start > 1:
            break
        place = before.start
    after = by_start.get(end)
    if after is not None and after.values("cmp") == ["~"] and after.text in {"左右", "or so"}:
        return at, "~"
    return at, "="


def _label_behind(
    start: int, end: int, by_start: dict[int, Item], by_end: dict[int, Item]
) -> str | None:
    """'第10层': in Chinese the name stands behind."""
    before, after = by_end.get(start), by_start.get(end)
    if before is None or after is None or before.text != "第" or not after.has("label"):
        return None
    return after.values("label")[0]


def _label(start: int, by_end: dict[int, Item]) -> str | None:
    place = start
    for _ in range(2):
        before = by_end.get(place)
        if before is None:
            return None
        if before.values("label"):
            return before.values("label")[0]
        if ("q", "grade") in before.tags:
            return "grade"
        if before.text not in _NUMBERING:
            return None
        place = before.start
    return None


def _paired(
    tokens: Sequence[Token], numbers: list[Number], by_start: dict[int, Item]
) -> list[Number]:
    """Mark '975 of the 986' as part and whole; read '96 out of 100' as a percentage."""
    joints = {"of", "out", "in", "de", "sur", "von", "aus", "em", "/", *_ARTICLES}
    for index, (one, two) in enumerate(pairwise(numbers)):
        between = [token.text for token in tokens[one.end : two.start]]
        if not between or between[0] not in joints or len(between) > 5:
            continue
        if one.spoken and two.spoken and between[0] in {"in", "out", "de", "sur", "von", "em"}:
            share = replace(one, value=100 * one.value / two.value, half_step=5.0, unit=PERCENT)
            numbers[index] = replace(share, comparator="~")
            numbers[index + 1] = replace(two, role="scale")
            continue
        if two.value in {10, 100, 1000} and one.unit is NONE and two.unit is NONE:
            scale = Unit("proportion", 1 / two.value)
            numbers[index] = replace(one, unit=scale, half_step=min(one.half_step, 0.5))
            numbers[index + 1] = replace(two, role="scale")
        elif between[0] in {"in", "em", *_ARTICLES}:
            continue
        elif one.label:
            numbers[index + 1] = replace(two, label=one.label)
        elif one.unit.kind != "percentile":
            numbers[index] = replace(one, role="part")
            numbers[index + 1] = replace(two, role="whole")
    return numbers


def _share_units(tokens: Sequence[Token], numbers: list[Number]) -> list[Number]:
    """Give '2.5 and 3.0 L' and '3 x 4 cm' the unit of the last."""
    joints = {"and", "x", "×", "to", "-", "–", "by", ",", "or", "y", "e", "et", "und", "a", "à",
              "bis", "por", "par", "mal", "on", "auf", "至", "和", "与", "、", "against", "versus",
              "vs", "right", "left", "the", "für", "→"}  # fmt: skip
    for index in range(len(numbers) - 2, -1, -1):
        one, two = numbers[index], numbers[index + 1]
        between = [token.text for token in tokens[one.end : two.start]]
        joined = between and len(between) < 5 and all(word in joints for word in between)
        if joined and one.unit is NONE and one.label is None and two.unit.kind != "percentile":
            numbers[index] = replace(one, unit=two.unit)
    return numbers
