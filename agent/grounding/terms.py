"""The terminology: findings, anatomy, procedures, drugs and what modifies them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

from agent.grounding.tokens import Token, stem, tokenise

__all__ = ["Term", "Terminology", "find_phrases", "looks_clinical", "neutral_stems", "terminology"]

Phrases = dict[str, list[tuple[tuple[str, ...], str]]]
"""By first stem: all stems of the phrase, and what it stands for; longest first."""

_CLINICAL = {
    "drug": re.compile(
        r"(cillin|mycin|floxacin|azole|statin|pril|sartan|olol|prazole|mab|tinib|gliptin|gliflozin"
        r"|glutide|caine|dipine|parin|xaban|oxetine|triptan|solone|sone|profen|cycline|ciclovir"
        r"|zepam|thiazide|setron|dronate|platin|taxel)s?$"
    ),
    "procedure": re.compile(
        r"(ectomy|plasty|oscopy|otomy|ostomy|centesis|pexy|desis|therapy|graphy)$"
    ),
    "finding": re.compile(
        r"(itis|osis|oma|omas|emia|aemia|pathy|algia|plegia|megaly|uria|ectasis|rrhage|rrhagia"
        r"|penia|trophy|plasia|sclerosis|cele)$"
    ),
}


@dataclass(frozen=True)
class Term:
    """One concept of the terminology."""

    name: str
    category: str
    """finding, trait, procedure, drug, anatomy, attribute, change or modifier."""
    broader: tuple[str, ...] = ()
    """Concepts that this one is a kind of (for anatomy: a part of)."""
    snomed: str | None = None


@dataclass(frozen=True)
class Terminology:
    """All concepts, and the phrases that name them."""

    terms: dict[str, Term]
    phrases: Phrases
    _above: dict[str, frozenset[str]] = field(default_factory=dict)

    def above(self, name: str) -> frozenset[str]:
        """Return the concept with all that it is a kind (or a part) of."""
        if name not in self._above:
            term = self.terms.get(name)
            parents = term.broader if term else ()
            self._above[name] = frozenset({name}).union(*(self.above(each) for each in parents))
        return self._above[name]


def _table(name: str) -> list[dict[str, str]]:
    text = files("agent.grounding").joinpath("data").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _stems(phrase: str) -> tuple[str, ...]:
    return tuple(token.stem for token in tokenise(phrase) if token.text not in {"-", "'"})


def index_phrases(pairs: Sequence[tuple[str, str]]) -> Phrases:
    """Index phrases by their first stem."""
    index: Phrases = {}
    for phrase, meaning in pairs:
        stems = _stems(phrase)
        index.setdefault(stems[0], []).append((stems, meaning))
    for choices in index.values():
        choices.sort(key=lambda choice: -len(choice[0]))
    return index


def find_phrases(tokens: Sequence[Token], index: Phrases) -> list[tuple[int, int, str]]:
    """Find phrases, the longest at each place: first token, one behind the last, meaning."""
    found, at = [], 0
    stems = [token.stem for token in tokens]
    while at < len(stems):
        for phrase, meaning in index.get(stems[at], ()):
            if tuple(stems[at : at + len(phrase)]) == phrase:
                found.append((at, at + len(phrase), meaning))
                at += len(phrase) - 1
                break
        at += 1
    return found


@lru_cache(maxsize=1)
def terminology() -> Terminology:
    """Load the terminology that ships with the checker."""
    terms, pairs = {}, []
    for row in _table("terms.tsv"):
        name = row["name"]
        terms[name] = Term(name, row["category"], _split(row["broader"]), row["snomed"] or None)
        pairs += [(phrase, name) for phrase in (name, *_split(row["synonyms"]))]
    return Terminology(terms, index_phrases(pairs))


@lru_cache(maxsize=1)
def trigger_rows() -> list[dict[str, str]]:
    """Load the phrases that set assertion: phrase, side, meaning."""
    return _table("triggers.tsv")


@lru_cache(maxsize=1)
def neutral_stems() -> frozenset[str]:
    """Load the words that need no evidence."""
    text = (
        files("agent.grounding").joinpath("data").joinpath("words.txt").read_text(encoding="utf-8")
    )
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return frozenset(stem(word) for line in lines for word in line.split())


@lru_cache(maxsize=4096)
def looks_clinical(word: str) -> str | None:
    """Guess what an unknown word names by its ending: drug, procedure, finding or None."""
    for category, pattern in _CLINICAL.items():
        if pattern.search(word):
            return category
    return None
