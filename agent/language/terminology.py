"""The one table of terms: what specialists can name and what statements may name, in six languages.

`terms.tsv` has a row a concept, with its SNOMED CT and RadLex codes where they are certain. In
each language the first name is the one that answers use; the others are understood as well.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

__all__ = ["Term", "split", "terminology"]


_LANGUAGES = ("en", "es", "fr", "de", "pt", "zh")


@dataclass(frozen=True)
class Term:
    """One concept of the terminology."""

    name: str
    category: str
    """finding, trait, procedure, drug, anatomy, attribute, change, modifier or thing; class (a
    specialist's name for the concept in `broader`); or wording (of a measure or a target, only
    written and never looked for)."""
    told: bool = False
    """Whether a specialist reports it, so that answers must be able to say it."""
    broader: tuple[str, ...] = ()
    """Concepts that this one is a kind of (for anatomy: a part of)."""
    snomed: str | None = None
    radlex: str | None = None
    names: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    """By language: the preferred name, then synonyms."""


def split(cell: str) -> tuple[str, ...]:
    """Split a cell of phrases."""
    return tuple(part.strip() for part in cell.split(";") if part.strip())


@lru_cache(maxsize=1)
def terminology() -> dict[str, Term]:
    """Load the table, by name."""
    text = (files("agent") / "language" / "terms.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["name"]: _term(row) for row in rows}


def _term(row: dict[str, str]) -> Term:
    return Term(
        row["name"],
        row["category"],
        bool(row["told"]),
        split(row["broader"]),
        row["snomed"] or None,
        row["radlex"] or None,
        {language: split(row[language]) for language in _LANGUAGES},
    )
