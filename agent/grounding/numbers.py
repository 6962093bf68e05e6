"""Numbers with their units: how they are written in six languages, and when two are the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from agent.grounding.items import Item
from agent.grounding.lexicon import read_table, split
from agent.grounding.tokens import Token, plain, tokenise

__all__ = ["NONE", "Number", "Unit", "agrees", "find_numbers", "unit_named"]

_SPOKEN = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce "
    "quince dieciséis diecisiete dieciocho diecinueve",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze "
    "quinze seize dix-sept dix-huit dix-neuf",
    "de": "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn "
    "fünfzehn sechzehn siebzehn achtzehn neunzehn",
    "pt": "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze "
    "dezesseis dezessete dezoito dezenove",
    "zh": "零 一 二 三 四 五 六 七 八 九 十",
}
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "fr": "vingt trente quarante cinquante soixante soixante-dix quatre-vingts quatre-vingt-dix",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    "zh": "",
}
_ALSO = {"de": {"zwo": 2}, "es": {"dos": 2}, "pt": {"duas": 2}, "zh": {"两": 2}}
_LABELS = {"label", "q"}
_FRACTIONS = {"half": 0.5, "third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "tenth": 0.1}
_ORDINAL_ENDS = {"st", "nd", "rd", "th", "e", "er", "eme", "o", "a", "º", "ª", "."}


@dataclass(frozen=True)
class Unit:
    """A unit and how it converts to the base unit of its kind."""

    kind: str
    factor: float


NONE = Unit("none", 1.0)
PERCENT = Unit("proportion", 0.01)


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


@lru_cache(maxsize=8)
def _words(language: str) -> dict[str, float]:
    words = {plain(word): float(value) for value, word in enumerate(_SPOKEN[language].split())}
    tens = {plain(word): 10.0 * value for value, word in enumerate(_TENS[language].split(), 2)}
    return words | tens | {plain(k): float(v) for k, v in _ALSO.get(language, {}).items()}


@lru_cache(maxsize=8)
def _units(language: str) -> dict[tuple[str, ...], Unit]:
    units: dict[tuple[str, ...], Unit] = {}
    for row in read_table("units.tsv"):
        unit = Unit(row["kind"], float(row["factor"]))
        for spelling in (row["unit"], *split(row["spellings"])):
            units[_unit_key(spelling, language)] = unit
    return units


def _unit_key(text: str, language: str) -> tuple[str, ...]:
    joined = re.sub(r"\s*([/])\s*", r"\1", text.strip().lower().replace("μ", "µ"))
    return tuple(token.stem for token in tokenise(joined, language))


def unit_named(code: str | None) -> Unit:
    """Look up a UCUM code; an unknown one is a kind of its own."""
    if code in {None, "", "1", "{score}", "{probability}", "{fraction}"}:
        return NONE
    return _units("en").get(_unit_key(str(code), "en"), Unit(str(code).lower().strip("{}"), 1.0))


def find_numbers(tokens: Sequence[Token], items: Sequence[Item], language: str) -> list[Number]:
    """Find the numbers of a sentence, with comparator and unit."""
    by_end = {item.end: item for item in items}
    by_start = {item.start: item for item in items}
    numbers: list[Number] = []
    at = 0
    while at < len(tokens):
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
        value, half_step, other = _digits(tokens[at].text, language)
        width, spoken = 1, False
    else:
        word = _spoken(tokens, at, language)
        if word is None:
            return _fraction(tokens, at, by_start, language)
        ahead = by_start.get(at + 1)
        if ahead is not None and ahead.has("frac"):
            return _fraction(tokens, at + 1, by_start, language)
        (value, width), half_step, other, spoken = word, 0.5, None, True
        if at not in by_start and value < 10:
            return None
    end = at + width
    while (
        end < len(tokens)
        and plain(tokens[end].text) in _ORDINAL_ENDS
        and (end + 1 < len(tokens) and tokens[end].text != ".")
    ):
        end += 1
    end, unit = _unit_after(tokens, end, language)
    if spoken and unit is NONE and value == 1:
        return None
    start, comparator = _comparator(tokens, at, end, by_start, by_end)
    if comparator == "" or (comparator == "=" and tokens[start].text.startswith("+")):
        comparator = "="
    label = _label(start, by_end) or _label_behind(start, end, by_start, by_end)
    label = label if unit is NONE else None
    unit = _percentile(at, end, by_start, by_end) or unit
    return Number(value, half_step, unit, comparator, start, end, label, spoken, other=other)


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
    if at and (times := _words(language).get(plain(tokens[at - 1].text))) and times < 10:
        value, start = value * times, at - 1
    return Number(100 * value, 2.5, PERCENT, "=", start, item.end, None, True, role="fraction")


def _digits(text: str, language: str) -> tuple[float, float, float | None]:
    """Return value, half of the last place, and the other reading if there is one."""
    text = re.sub(r"\s", "", text.replace("−", "-").replace("–", "-")).lstrip("+")
    decimal, group = (".", ",") if language in {"en", "zh"} else (",", ".")
    grouped = rf"-?[1-9]\d{{0,2}}([{group}]\d{{3}})+"
    if re.fullmatch(rf"{grouped}([{decimal}]\d+)?", text):
        whole = _number(text.replace(group, ""), decimal)
        single = text.count(group) == 1 and decimal not in text
        other = float(text.replace(group, ".")) if single and group == "." else None
        return (*whole, other)
    if re.fullmatch(r"-?[1-9]\d{0,2}([.,]\d{3}){2,}", text):
        return (*_number(re.sub("[.,]", "", text), decimal), None)
    return (*_number(text.replace(",", "."), "."), None)


def _number(text: str, decimal: str) -> tuple[float, float]:
    text = text.replace(decimal, ".")
    mantissa, _, exponent = text.partition("e")
    if mantissa.count(".") > 1:
        mantissa = mantissa.replace(".", "")
    places = len(mantissa.partition(".")[2])
    power = int(exponent or 0)
    return float(f"{mantissa}e{power}"), 0.5 * 10 ** (power - places)


def _spoken(tokens: Sequence[Token], at: int, language: str) -> tuple[float, int] | None:
    """Read 'ninety-three', 'vingt et un', '十五'; a lone 'one' is no number."""
    words = _words(language)
    first = words.get(plain(tokens[at].text))
    if first is None or tokens[at].kind != "word":
        return None
    if language == "zh":
        return _chinese(tokens, at)
    nxt = words.get(plain(tokens[at + 1].text)) if at + 1 < len(tokens) else None
    if first >= 20 and nxt is not None and 0 < nxt < 10:
        return first + nxt, 2
    return (first, 1) if first != 1 else None


def _chinese(tokens: Sequence[Token], at: int) -> tuple[float, int] | None:
    words = _words("zh")
    digits: list[float] = []
    while at + len(digits) < len(tokens) and tokens[at + len(digits)].text in words:
        digits.append(words[tokens[at + len(digits)].text])
    if digits == [1.0] or not digits:
        return None
    if 10.0 in digits:
        cut = digits.index(10.0)
        tens = digits[0] if cut else 1.0
        return 10 * tens + (digits[cut + 1] if cut + 1 < len(digits) else 0), len(digits)
    return (digits[0], 1) if len(digits) == 1 else None


def _unit_after(tokens: Sequence[Token], at: int, language: str) -> tuple[int, Unit]:
    if at + 1 < len(tokens) and tokens[at].text == "-":
        shifted, unit = _unit_after(tokens, at + 1, language)
        return (shifted, unit) if unit is not NONE else (at, NONE)
    units = _units(language)
    if at < len(tokens) and tokens[at].text in {"a", "d"}:  # 'from 2 a 3' in Spanish
        return at, NONE
    for width in (5, 4, 3, 2, 1):
        stems = tuple(token.stem for token in tokens[at : at + width])
        if len(stems) == width and stems in units:
            return at + width, units[stems]
    return at, NONE


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
        if before.text not in {
            ":",
            "=",
            "is",
            "no",
            "nr",
            "of",
            "number",
            "第",
            "ist",
            "es",
            "est",
        }:
            return None
        place = before.start
    return None


def _paired(
    tokens: Sequence[Token], numbers: list[Number], by_start: dict[int, Item]
) -> list[Number]:
    """Mark '975 of the 986' as part and whole; read '96 out of 100' as a percentage."""
    joints = {
        "of",
        "out",
        "in",
        "de",
        "sur",
        "von",
        "aus",
        "em",
        "/",
        "des",
        "der",
        "den",
        "las",
        "los",
        "les",
        "dos",
        "das",
    }
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
        elif between[0] in {"in", "em", "las", "los", "les", "des", "der", "den", "das", "dos"}:
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
              "vs", "right", "left", "the", "für"}  # fmt: skip
    for index in range(len(numbers) - 2, -1, -1):
        one, two = numbers[index], numbers[index + 1]
        between = [token.text for token in tokens[one.end : two.start]]
        joined = between and len(between) < 5 and all(word in joints for word in between)
        if joined and one.unit is NONE and one.label is None and two.unit.kind != "percentile":
            numbers[index] = replace(one, unit=two.unit)
    return numbers


def agrees(said: Number, known: Number) -> bool:
    """Tell whether a stated number follows from a known one.

    Args:
        said: From the statement.
        known: From evidence.
    """
    readings = [said, *([replace(said, value=said.other, half_step=0.0005)] if said.other else [])]
    return any(_agrees(each, known) for each in readings)


def _agrees(said: Number, known: Number) -> bool:
    pair = _comparable(said, known)
    if pair is None:
        return False
    value, half_step, truth = pair
    if known.comparator not in {"=", "~"}:
        return _same_bound(said, known, value, truth)
    if said.comparator in {">", "<", ">=", "<="}:
        holds = {">": truth > value, "<": truth < value, ">=": truth >= value,
                 "<=": truth <= value}[said.comparator]  # fmt: skip
        return holds and _near(value, truth)
    if said.comparator == "~":
        half_step = max(half_step, _loose(said) * said.unit.factor)
    if said.role == "fraction":
        half_step = 0.025
    return _rounds_to(value, half_step, truth, said)


def _near(value: float, truth: float) -> bool:
    """'More than 2' may be said of 2.5 and of 4, and hardly of 4000."""
    return abs(truth - value) <= max(abs(truth), abs(value))


def _comparable(said: Number, known: Number) -> tuple[float, float, float] | None:
    """Bring two numbers to one scale: stated value, its half step, known value."""
    if said.label != known.label and (said.label and known.label):
        return None
    if said.label and not known.label:
        return None
    if known.label and not said.label and not said.spoken and said.unit is not NONE:
        return None
    if (
        said.role in {"part", "whole"}
        and known.role in {"part", "whole"}
        and said.role != known.role
    ):
        return None
    if said.unit.kind == known.unit.kind:
        factor = said.unit.factor
        return said.value * factor, said.half_step * factor, known.base
    kinds = {said.unit.kind, known.unit.kind}
    fraction = said if said.unit.kind == "none" else known
    if kinds == {"proportion", "none"} and 0 <= fraction.value <= 1:
        return said.base, said.half_step * said.unit.factor, known.base
    if kinds == {"percentile", "none"} and known.unit.kind == "percentile":
        return said.value, said.half_step, known.value
    return None


def _same_bound(said: Number, known: Number, value: float, truth: float) -> bool:
    """A bound supports itself alone: it may be the threshold that something was measured by."""
    same = abs(value - truth) <= 1e-9 * max(1.0, abs(truth))
    if said.comparator in {"=", "~"}:
        return same
    return same and said.comparator[0] == known.comparator[0]


def _loose(said: Number) -> float:
    """Half of the last place that isn't a zero, keeping two digits: 'about 2,500'."""
    whole = f"{abs(said.value):.0f}"
    zeros = len(whole) - len(whole.rstrip("0"))
    if said.half_step < 0.5:
        return said.half_step
    if len(whole) < 3:
        return 1.0 if len(whole) == 2 else said.half_step
    return float(0.5 * 10 ** min(max(zeros, 1), len(whole) - 2))


def _rounds_to(value: float, half_step: float, truth: float, said: Number) -> bool:
    error = abs(value - truth)
    if error > half_step * (1 + 1e-9) + 1e-12:
        return False
    if said.unit.kind == "proportion" or (said.unit is NONE and 0 <= truth <= 1):
        if value in {0.0, 1.0}:
            return error <= 0.005
        if half_step <= 0.005 + 1e-12:
            return True
    return error <= 0.1 * abs(truth) + 1e-12
