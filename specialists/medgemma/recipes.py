"""The message of each task: which pictures and words, in which order, and how long the answer."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from prompts import load
from specialists.medgemma.client import Part

__all__ = [
    "LETTERS",
    "Recipe",
    "chest_comparison",
    "chest_report",
    "localization",
    "options",
    "question",
    "volume",
]

Pixels = NDArray[np.uint8]

LETTERS = string.ascii_uppercase
_REPORT, _COMPARISON, _BOXES, _VOLUME, _ANSWER = 1000, 600, 1000, 2000, 500
"""New tokens of an answer."""


class Recipe(NamedTuple):
    """What is asked."""

    parts: tuple[Part, ...]
    most: int
    """Tokens of the answer."""
    prompts: tuple[str, ...]
    """Which were used, with version and the beginning of the digest."""


def chest_report(film: Pixels) -> Recipe:
    """One film, padded to a square, and then the words."""
    return Recipe((film, _text("chest_report")), _REPORT, _named("chest_report"))


def chest_comparison(prior: Pixels, film: Pixels) -> Recipe:
    """The prior, the current film, and the request to compare."""
    parts = (prior, film, _text("chest_comparison"))
    return Recipe(parts, _COMPARISON, _named("chest_comparison"))


def localization(film: Pixels, things: Sequence[str]) -> Recipe:
    """A film, and the request for boxes of things on it."""
    asked = _text("localization", things=", ".join(things))
    return Recipe((film, asked), _BOXES, _named("localization"))


def volume(slices: Sequence[Pixels], modality: str, query: str | None = None) -> Recipe:
    """Instruction, each slice with its number, and the query.

    Args:
        slices: In order; at most 85.
        modality: 'CT' or 'MR'.
        query: A question; without it, a report is asked for.
    """
    kind = "ct_instruction" if modality == "CT" else "mr_instruction"
    asked = _text("ct_query") if query is None else _text("question", question=query)
    used = _named(kind, "ct_query" if query is None else "question")
    return Recipe((_text(kind), *_numbered(slices), asked), _VOLUME, used)


def _numbered(slices: Sequence[Pixels]) -> Iterator[Part]:
    for number, one in enumerate(slices, 1):
        yield one
        yield f"SLICE {number}"


def question(pictures: Sequence[Pixels], asked: str, organ: str | None = None) -> Recipe:
    """Pictures and a free question about them; patches of a slide with a word of what they are."""
    head = (_text("slide", organ=organ),) if organ is not None else ()
    used = _named(*(["slide"] if head else []), "question")
    return Recipe((*pictures, *head, _text("question", question=asked)), _ANSWER, used)


def options(
    pictures: Sequence[Pixels], about: str, names: Sequence[str], organ: str | None = None
) -> Recipe:
    """Pictures, and classes to choose from by letter; the answer is its first token.

    Args:
        pictures: One, or the patches of a slide in its order.
        about: A sentence that says what is asked.
        names: At most 26.
        organ: Of the patches of a slide.
    """
    listed = "\n".join(f"({letter}) {name}" for letter, name in zip(LETTERS, names, strict=False))
    head = (_text("slide", organ=organ),) if organ is not None else ()
    used = _named(*(["slide"] if head else []), "options")
    return Recipe((*pictures, *head, _text("options", about=about, options=listed)), 1, used)


def _text(name: str, **slots: str) -> str:
    return _filled(load(f"medgemma_{name}").text.strip(), slots)


def _filled(text: str, slots: Mapping[str, str]) -> str:
    # Not str.format: the prompts show JSON, and a question may hold braces.
    for name, value in slots.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _named(*names: str) -> tuple[str, ...]:
    found = (load(f"medgemma_{name}") for name in names)
    return tuple(f"{one.name} {one.version} {one.digest[:8]}" for one in found)
