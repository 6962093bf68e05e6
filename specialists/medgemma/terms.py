"""The findings, sides and places that are read out of a report.

The names are those of the answer's checker, which knows their codes; a test holds that.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from specialists.schema import Laterality

__all__ = ["SIDES", "SITES", "Term", "names", "pattern", "terms", "words"]


@dataclass(frozen=True)
class Term:
    """A finding and how reports write it."""

    name: str
    words: tuple[str, ...]
    """Which say that it is there, as long as nothing denies it."""
    normal: tuple[str, ...]
    """Which say that it is not there."""
    modalities: frozenset[str]
    """'xr', 'ct'."""


SIDES: tuple[tuple[Laterality, str], ...] = (
    ("bilateral", r"bilateral(?:ly)?|both (?:lungs|sides|lung \w+|hemithoraces)|bibasilar|bibasal"
                  r"|biapical|left and right|right and left|left greater than right"
                  r"|right greater than left|left more than right|right more than left"),
    ("right", r"right|right[- ]sided"),
    ("left", r"left|left[- ]sided|lingula"),
)  # fmt: skip

SITES: tuple[tuple[str, str], ...] = (
    ("upper lobe", r"upper lobes?"),
    ("middle lobe", r"middle lobe"),
    ("lower lobe", r"lower lobes?"),
    ("lingula", r"lingula"),
    ("upper zone", r"upper (?:lung )?(?:zones?|lungs?|fields?)"),
    ("lower zone", r"lower (?:lung )?(?:zones?|lungs?|fields?)"),
    ("middle zone", r"mid(?:dle)? (?:lung )?(?:zones?|lungs?|fields?)"),
    ("lung base", r"(?:lung )?bases?|bibasilar|basilar|bibasal|basal"),
    ("lung apex", r"(?:lung )?ap(?:ex|ices)|apical|biapical"),
    ("hilum", r"hilum|perihilar|hilar region"),
    ("mediastinum", r"mediastinum|mediastinal"),
    ("liver", r"liver|hepatic"),
    ("spleen", r"spleen|splenic"),
    ("pancreas", r"pancreas|pancreatic"),
    ("kidney", r"kidneys?|renal"),
    ("adrenal gland", r"adrenal(?: glands?)?"),
    ("aorta", r"aorta|aortic"),
)
"""Places by the checker's names, the more exact first."""


@cache
def terms(modality: str) -> tuple[Term, ...]:
    """The findings of 'xr' or 'ct'."""
    text = (files("specialists.medgemma") / "findings.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    found = (
        Term(row["name"], _split(row["words"]), _split(row["normal"]), frozenset(row["in"].split()))
        for row in rows
    )
    return tuple(term for term in found if modality in term.modalities)


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def names(modality: str) -> tuple[str, ...]:
    """The findings' names."""
    return tuple(term.name for term in terms(modality))


def words(text: str) -> str:
    """Lower case, hyphens and runs of blanks as one blank."""
    return re.sub(r"[\s\-–]+", " ", text.lower()).strip()


def pattern(phrases: Sequence[str]) -> re.Pattern[str]:
    """Match any of the phrases as whole words, the longest first."""
    ordered = sorted({words(one) for one in phrases}, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, ordered))})\b")
