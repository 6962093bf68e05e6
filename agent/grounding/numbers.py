"""Numbers with their units: how they are written, and when two are the same."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise

from agent.grounding.tokens import Token, tokenise

__all__ = ["Number", "Unit", "agrees", "find_numbers", "unit_named"]

_WORDS = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2
    )
}
_COUNTED = {
    "voxel", "pixel", "variant", "allel", "position", "slic", "sampl", "imag", "til", "patch",
    "nodul", "lesion", "seri", "series", "class", "diagnos", "diagnosis", "person", "peopl",
    "individual", "region", "frame", "candidat", "genotyp", "snp", "fram", "microaneurysm",
    "fractur", "mass", "opacity",
}  # fmt: skip
_LABELLED = {
    "grad", "sampl", "slic", "stag", "level", "typ", "step", "chromosom", "chr", "class",
    "categor", "category", "version", "build", "seri", "series", "segment", "imag", "fram",
}  # fmt: skip
_COMPARATORS = {
    ">": ("above", "over", "more than", "greater than", "higher than", "larger than", "exceeds",
          "exceed", "exceeding", "bigger than", ">", "upwards of", "in excess of", "beyond",
          "top", "better than", "older than"),
    "<": ("below", "under", "less than", "smaller than", "lower than", "fewer than", "<",
          "short of", "younger than"),
    ">=": ("at least", "not less than", "no less than", "≥", ">=", "minimum of"),
    "<=": ("at most", "not more than", "no more than", "up to", "≤", "<=", "maximum of",
           "not exceeding"),
    "~": ("about", "around", "approximately", "roughly", "circa", "ca", "nearly", "almost",
          "approx", "close to", "some", "an estimated", "~", "≈"),
}  # fmt: skip
_PHRASES = sorted(
    ((tuple(t.text for t in tokenise(p)), sign) for sign, ps in _COMPARATORS.items() for p in ps),
    key=lambda pair: -len(pair[0]),
)


@dataclass(frozen=True)
class Unit:
    """A unit and how it converts to the base unit of its kind."""

    kind: str
    factor: float


NONE = Unit("none", 1.0)


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
    counted: str | None = None
    """The noun that it counts ('voxel')."""
    denied: bool = False
    """'not 2.5 L'."""
    role: str | None = None
    """part or whole, in '975 of 986'."""

    @property
    def base(self) -> float:
        """The value in the base unit of its kind."""
        return self.value * self.unit.factor


@lru_cache(maxsize=1)
def _units() -> dict[tuple[str, ...], Unit]:
    text = (
        files("agent.grounding").joinpath("data").joinpath("units.tsv").read_text(encoding="utf-8")
    )
    units: dict[tuple[str, ...], Unit] = {}
    for row in csv.DictReader(text.splitlines(), delimiter="\t"):
        unit = Unit(row["kind"], float(row["factor"]))
        for spelling in (row["unit"], *row["spellings"].split(";")):
            units[_split(spelling)] = unit
    return units


def _split(text: str) -> tuple[str, ...]:
    joined = re.sub(r"\s*([/])\s*", r"\1", text.strip().lower().replace("μ", "µ"))
    return tuple(token.stem for token in tokenise(joined))


def unit_named(code: str | None) -> Unit:
    """Look up a UCUM code; an unknown one is a kind of its own."""
    if code in {None, "", "1", "{score}", "{probability}", "{fraction}"}:
        return NONE
    return _units().get(_split(str(code)), Unit(str(code).lower().strip("{}"), 1.0))


def find_numbers(tokens: Sequence[Token]) -> list[Number]:
    """Find the numbers of a sentence, with comparator and unit."""
    numbers: list[Number] = []
    at = 0
    while at < len(tokens):
        read = _read(tokens, at)
        if read is None:
            at += 1
            continue
        numbers.append(read)
        at = max(read.end, at + 1)
    return _share_units(tokens, _paired(tokens, numbers))


def _paired(tokens: Sequence[Token], numbers: list[Number]) -> list[Number]:
    """Mark '975 of the 986' as part and whole."""
    for index, (one, two) in enumerate(pairwise(numbers)):
        between = [token.text for token in tokens[one.end : two.start]]
        if between == ["/"] or (between[:1] in (["of"], ["out"]) and len(between) <= 5):
            numbers[index] = replace(one, role="part", counted=one.counted or two.counted)
            numbers[index + 1] = replace(two, role="whole")
    return numbers


def _read(tokens: Sequence[Token], at: int) -> Number | None:
    spoken = _digits(tokens[at]) if tokens[at].kind == "number" else _spoken(tokens, at)
    if spoken is None:
        return None
    value, half_step, width = spoken
    end = at + width
    end, unit = _unit_after(tokens, end)
    start, comparator = _comparator_before(tokens, at)
    back = at - 2 if at > 1 and tokens[at - 1].text in {":", "is", "="} else at - 1
    label = tokens[back].stem if back >= 0 and tokens[back].stem in _LABELLED else None
    if unit is not NONE:
        label = None
    before = [token.text for token in tokens[max(0, start - 2) : start]]
    if comparator == "=" and tokens[start].text in {"+", "plus"}:
        return None
    percentile = _percentile_label(tokens, at, end)
    unit = percentile or unit
    return Number(
        value=value,
        half_step=half_step,
        unit=unit,
        comparator=comparator,
        start=start,
        end=end,
        label=label,
        counted=_counted(tokens, end, unit),
        denied="not" in before or "no" in before[-1:],
    )


def _digits(token: Token) -> tuple[float, float, int]:
    text = re.sub(r"[\s    ]", "", token.text.replace("−", "-").replace("–", "-"))
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    text = text.replace(",", ".")
    mantissa, _, exponent = text.partition("e")
    places = len(mantissa.partition(".")[2])
    return float(text), 0.5 * 10 ** (int(exponent or 0) - places), 1


def _spoken(tokens: Sequence[Token], at: int) -> tuple[float, float, int] | None:
    """Read 'ninety-three'; a lone 'one' is a pronoun more often than a number."""
    word = tokens[at].text
    if word in _TENS:
        rest = [token.text for token in tokens[at + 1 : at + 3]]
        rest = rest[1:] if rest[:1] == ["-"] else rest[:1]
        if rest and 0 < _WORDS.get(rest[0], 0) < 10:
            width = 3 if tokens[at + 1].text == "-" else 2
            return float(_TENS[word] + _WORDS[rest[0]]), 0.5, width
        return float(_TENS[word]), 0.5, 1
    if word in _WORDS and word != "one":
        return float(_WORDS[word]), 0.5, 1
    return None


def _unit_after(tokens: Sequence[Token], at: int) -> tuple[int, Unit]:
    if at < len(tokens) and tokens[at].text == "-" and at + 1 < len(tokens):
        shifted, unit = _unit_after(tokens, at + 1)
        return (shifted, unit) if unit is not NONE else (at, NONE)
    if at < len(tokens) and tokens[at].text in {"st", "nd", "rd", "th"}:
        return (
            _unit_after(tokens, at + 1) if _next(tokens, at + 1) == "percentil" else (at + 1, NONE)
        )
    for width in (5, 4, 3, 2, 1):
        stems = tuple(token.stem for token in tokens[at : at + width])
        if len(stems) == width and stems in _units():
            return at + width, _units()[stems]
    return at, NONE


def _next(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].stem if at < len(tokens) else ""


def _percentile_label(tokens: Sequence[Token], at: int, end: int) -> Unit | None:
    """Read 'percentile 84', 'percentile: 84' and 'percentile is 84'."""
    if _next(tokens, end) in {"percentil"}:
        return None
    before = [token.stem for token in tokens[max(0, at - 3) : at]]
    while before and before[-1] in {":", "is", "=", "of", "about", "at", "rank"}:
        before.pop()
    return unit_named("{percentile}") if before[-1:] == ["percentil"] else None


def _comparator_before(tokens: Sequence[Token], at: int) -> tuple[int, str]:
    for offset in (0, 1):
        stop = at - offset
        if offset and (stop < 0 or tokens[stop].text not in {"the", "a", "of", "in"}):
            continue
        for phrase, sign in _PHRASES:
            start = stop - len(phrase)
            if start >= 0 and tuple(t.text for t in tokens[start:stop]) == phrase:
                return start, sign
    return at, "="


def _counted(tokens: Sequence[Token], at: int, unit: Unit) -> str | None:
    if unit is not NONE:
        return None
    for token in tokens[at : at + 3]:
        if token.stem in _COUNTED:
            return token.stem
        if token.kind != "word" or token.text in {"and", "or", "of", "in", "is", "with"}:
            return None
    return None


def _share_units(tokens: Sequence[Token], numbers: list[Number]) -> list[Number]:
    """Give '2.5 and 3.0 L' and '3 x 4 cm' the unit of the last."""
    for index in range(len(numbers) - 2, -1, -1):
        one, two = numbers[index], numbers[index + 1]
        between = [token.text for token in tokens[one.end : two.start]]
        joined = between and all(
            word in {"and", "x", "×", "to", "-", "–", "by", ",", "or"} for word in between
        )
        if joined and one.unit is NONE and one.counted is None and one.label is None:
            numbers[index] = replace(one, unit=two.unit, counted=two.counted)
    return numbers


def agrees(said: Number, known: Number) -> bool:
    """Tell whether a stated number follows from a known one.

    Args:
        said: From the statement.
        known: From evidence.
    """
    pair = _comparable(said, known)
    if pair is None:
        return False
    value, half_step, truth = pair
    if known.comparator not in {"=", "~"}:
        return _same_bound(said, known, value, truth)
    if said.comparator in {">", "<", ">=", "<="}:
        return {">": truth > value, "<": truth < value,
                ">=": truth >= value, "<=": truth <= value}[said.comparator]  # fmt: skip
    if said.comparator == "~":
        half_step = max(half_step, _loose(said) * said.unit.factor)
    return _rounds_to(value, half_step, truth, said)


def _comparable(said: Number, known: Number) -> tuple[float, float, float] | None:
    """Bring two numbers to one scale: stated value, its half step, known value."""
    if said.label != known.label and (said.label or known.label):
        return None
    if said.role and known.role and said.role != known.role:
        return None
    if said.counted and known.counted and said.counted != known.counted:
        return None
    if said.unit.kind == known.unit.kind:
        factor = said.unit.factor
        return said.value * factor, said.half_step * factor, known.base
    kinds = {said.unit.kind, known.unit.kind}
    fraction = said if said.unit.kind == "none" else known
    if kinds == {"proportion", "none"} and 0 <= fraction.value <= 1 and not fraction.counted:
        return said.base, said.half_step * said.unit.factor, known.base
    return None


def _same_bound(said: Number, known: Number, value: float, truth: float) -> bool:
    """A bound supports itself alone: it may be the threshold that something was measured by."""
    if said.comparator[0] != known.comparator[0]:
        return False
    same = abs(value - truth) <= 1e-9 * max(1.0, abs(truth))
    return same and (said.comparator == known.comparator or len(said.comparator) == 2)


def _loose(said: Number) -> float:
    """Half of the last place that isn't a zero, keeping two digits: 'about 2,500'."""
    whole = f"{abs(said.value):.0f}"
    zeros = len(whole) - len(whole.rstrip("0"))
    if said.half_step < 0.5 or len(whole) < 3:
        return said.half_step
    return float(0.5 * 10 ** min(zeros, len(whole) - 2))


def _rounds_to(value: float, half_step: float, truth: float, said: Number) -> bool:
    error = abs(value - truth)
    if error > half_step * (1 + 1e-9) + 1e-12:
        return False
    if said.unit.kind == "proportion" or (said.unit is NONE and 0 <= truth <= 1):
        if value in {0.0, 1.0}:
            return error < 1e-9
        if half_step <= 0.005 + 1e-12:
            return True
    return error <= 0.1 * abs(truth) + 1e-12
