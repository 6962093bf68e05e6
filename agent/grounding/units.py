"""Units: their spellings in six languages and how they convert."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent.grounding.items import Item
from agent.grounding.lexicon import read_table
from agent.grounding.tokens import Token, tokenise
from agent.language.terminology import split

__all__ = ["NONE", "PERCENT", "Unit", "unit_named", "unit_of"]


@dataclass(frozen=True)
class Unit:
    """A unit and how it converts to the base unit of its kind."""

    kind: str
    factor: float


NONE = Unit("none", 1.0)
PERCENT = Unit("proportion", 0.01)


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


def unit_of(
    tokens: Sequence[Token], at: int, end: int, language: str, by_start: Mapping[int, Item]
) -> tuple[int, Unit]:
    """Find the unit of a number: behind it, or for Hounsfield units before it.

    Args:
        tokens: The sentence.
        at: Where the number begins.
        end: Where it ends.
        language: Of the sentence.
        by_start: Its items by the position at which they begin.

    Returns:
        The position behind number and unit, and the unit.
    """
    behind, unit = _unit_at(tokens, end, language)
    if unit.kind == "volume" and _beside_organ(tokens, behind, by_start):
        behind, unit = behind - 1, NONE
    if unit is NONE and _hounsfield(tokens, at):
        unit = unit_named("[hnsf'U]")
    return behind, unit


def _hounsfield(tokens: Sequence[Token], at: int) -> bool:
    """'HU -850', 'mean HU = -850', and not '130 HU: 4'."""
    place = at - 2 if at > 1 and tokens[at - 1].text in {":", "=", "of", "is"} else at - 1
    alone = place < 1 or tokens[place - 1].kind != "number"
    return place >= 0 and alone and tokens[place].text in {"hu", "uh"}


def _beside_organ(tokens: Sequence[Token], end: int, by_start: Mapping[int, Item]) -> bool:
    """'-850 L lung': the letter is a side and no litre."""
    after = by_start.get(end)
    return tokens[end - 1].text == "l" and after is not None and after.has("anatomy")


def _unit_at(tokens: Sequence[Token], at: int, language: str) -> tuple[int, Unit]:
    if at + 1 < len(tokens) and tokens[at].text == "-":
        shifted, unit = _unit_at(tokens, at + 1, language)
        return (shifted, unit) if unit is not NONE else (at, NONE)
    units = _units(language)
    if at < len(tokens) and tokens[at].text in {"a", "d"}:  # 'from 2 a 3' in Spanish
        return at, NONE
    for width in (5, 4, 3, 2, 1):
        stems = tuple(token.stem for token in tokens[at : at + width])
        if len(stems) == width and stems in units:
            return at + width, units[stems]
    return at, NONE
