"""The report's own words, such as its headings, in the language of the answer.

What the specialists and their cards say stays as they said it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from agent.answer import Answer

__all__ = [
    "DRAFT",
    "KEPT",
    "MADE",
    "label",
    "labels",
    "language",
    "left_out",
    "readable",
    "told_of",
]

MADE = "Planned by {planner}; written by {composer}; checked by {checker}."
KEPT = "Kept from earlier in this conversation: {what}."
DRAFT = (
    "Draft for a qualified reader, who checks it against the images and data. Not a medical device."
)


def language(answer: Answer) -> str:
    """The answer's language, as in HTML's `lang`."""
    return answer.language


def label(answer: Answer, text: str, **slots: object) -> str:
    """An English label in the answer's language, its slots filled; as it is where none is known."""
    told = labels().get(text, {}).get(language(answer), text)
    return told.format(**slots) if slots else told


def left_out(answer: Answer) -> str | None:
    """How many statements were dropped, if any."""
    count = answer.dropped.count
    were = "statement was" if count == 1 else "statements were"
    text = f"{{count}} {were} left out, as the evidence did not support it."
    return label(answer, text, count=count) if count else None


def told_of(answer: Answer) -> str | None:
    """How much of the important evidence is told, and how much that is not in it."""
    examined = answer.examination
    if examined.coverage is None:
        return None
    return label(
        answer,
        "Of the important evidence the answer tells {coverage}; of what it tells, {hallucination} "
        "is not in the evidence.",
        coverage=f"{examined.coverage:.0%}",
        hallucination=f"{examined.hallucination or 0:.0%}",
    )


def readable(text: str) -> str:
    """Evidence on one line, with units as people write them."""
    return " ".join(text.split()).replace("[hnsf'U] (Hounsfield units)", "HU")


@cache
def labels() -> dict[str, dict[str, str]]:
    """All labels: by the English one, then by language."""
    lines = (files("agent.export") / "labels.tsv").read_text("utf-8").splitlines()
    names = lines[0].split("\t")
    rows = [line.split("\t") for line in lines[1:]]
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}
