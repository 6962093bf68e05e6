"""In which order statements are read, and their numbers on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agent.answer import Answer

__all__ = ["Part", "numbers", "sections"]

_TITLES = {"finding": "Findings", "synthesis": "Findings", "measurement": "Measurements"}


class Part(NamedTuple):
    """Statements under one heading."""

    name: str
    title: str
    places: Sequence[int]
    """Positions among the answer's statements, from 0."""


def sections(answer: Answer) -> list[Part]:
    """The answer's own sections; of an answer without them, findings and measurements."""
    own = [Part(each.name, each.title, each.statements) for each in answer.sections]
    parts = own or _by_kind(answer)
    stated = [part._replace(places=[*_stated(answer, part.places)]) for part in parts]
    return [part for part in stated if part.places]


def numbers(answer: Answer) -> dict[int, int]:
    """The number on the page, from 1, by position among the answer's statements."""
    places = [place for part in sections(answer) for place in part.places]
    return {place: number for number, place in enumerate(places, 1)}


def _by_kind(answer: Answer) -> list[Part]:
    titles = dict.fromkeys(_TITLES.values())
    kinds = [_TITLES.get(one.kind) for one in answer.statements]
    return [
        Part(title.lower(), title, [place for place, kind in enumerate(kinds) if kind == title])
        for title in titles
    ]


def _stated(answer: Answer, places: Sequence[int]) -> Iterator[int]:
    """Limitations stand under what is missing."""
    return (place for place in places if answer.statements[place].kind != "limitation")
