"""Does this evidence support this statement?

Nothing may be said that no specialist said. A statement is taken apart into claims (`claims`):
what it names, how strongly, on which side and where (`mentions`, `assertion`), and with which
numbers (`quantities`, `numbers`). Evidence is read in the same way (`known`). Each kind of claim
has its rules (`naming`, `counting`, `comparison`, `remaining`), and words that belong to no claim
must be grammar or the evidence's own (`words`), so that what the checker does not understand is
refused, not passed.

Plain Python; the same answer each time; no model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.grounding import remaining
from agent.grounding.case import Case, Refusal, first_refusal
from agent.grounding.claims import Claims, parse
from agent.grounding.counting import numbers_hold
from agent.grounding.known import know, vocabulary_for
from agent.grounding.naming import mentions_hold
from agent.grounding.quantities import QUANTITIES
from agent.grounding.tokens import tokenise
from agent.grounding.words import something_said, words_hold
from specialists.schema import Evidence

__all__ = ["CHECKER", "Verdict", "check", "subjects", "terms_in"]

CHECKER = "grounding rules 1"
"""Name and version, for an answer's provenance."""

_CITATION = re.compile(r"[\[(]\s*(E\d+(?:\s*[,;]\s*E\d+)*)\s*[\])]")
_PARTICLE = re.compile(r"^\s*(yes|no)\s*[,;:.–—-]\s+(?=\w)", re.I)
_ID = re.compile(r"\bE\d+\b")
_PATIENT_SAYS = re.compile(
    r"\bpatients?\s+(reports?|says?|states?|tells?|denies|complains?)\b", re.I
)

_RULES = (
    mentions_hold,
    numbers_hold,
    remaining.comparisons_hold,
    remaining.sides_hold,
    remaining.places_hold,
    remaining.emphasis_holds,
    words_hold,
    something_said,
    remaining.denials_hold,
)


@dataclass(frozen=True)
class Verdict:
    """What the checker says of one statement."""

    supported: bool
    reason: str
    """One sentence, for the composer and for a person."""
    code: str
    """supported, or the kind of fault: polarity, side, site, number, unit, finding, …"""


def check(statement: str, cited: Sequence[Evidence]) -> Verdict:
    """Tell whether the cited evidence supports a statement.

    Args:
        statement: One or a few English sentences; citations like [E1] may stand in it.
        cited: The evidence that the statement cites, and no other.
    """
    refusal = _form(statement, cited) or _refused(_CITATION.sub("", statement), cited)
    if refusal is not None:
        return Verdict(False, refusal.reason, refusal.code)
    return Verdict(True, "The cited evidence says so.", "supported")


def terms_in(text: str) -> frozenset[str]:
    """Return the findings that a text names, with all broader ones."""
    vocabulary = vocabulary_for([])
    found = vocabulary.find(tokenise(text))
    names = [name for _, _, name in found if vocabulary.category(name) == "finding"]
    return frozenset(names).union(*(vocabulary.above(name) for name in names))


def subjects(text: str) -> dict[str, frozenset[str]]:
    """Return what a text is about: findings (also broader ones), places and quantities."""
    vocabulary = vocabulary_for([])
    tokens = tokenise(text)
    named = [name for _, _, name in vocabulary.find(tokens)]
    places = [name for name in named if vocabulary.category(name) == "anatomy"]
    sizes = {"large", "big", "size"} & {token.text for token in tokens}
    nouns = [QUANTITIES[token.stem] for token in tokens if token.stem in QUANTITIES]
    return {
        "finding": terms_in(text),
        "named": frozenset(n for n in named if vocabulary.category(n) == "finding"),
        "place": frozenset(places),
        "quantity": frozenset([*nouns, *(["volume"] if sizes else [])]),
    }


def _form(statement: str, cited: Sequence[Evidence]) -> Refusal | None:
    """Refuse what is no statement, or cites nothing, or what there isn't."""
    if not re.search(r"\w", _CITATION.sub("", statement)):
        return Refusal("empty", "The statement says nothing.")
    if statement.rstrip().endswith(("?", "？")):
        return Refusal("question", "A question is not a statement.")
    if not cited:
        return Refusal("uncited", "The statement cites no evidence.")
    unknown = set(_ID.findall(statement)) - {each.id for each in cited}
    if unknown:
        return Refusal(
            "citation", f"The statement names evidence that it does not cite: {min(unknown)}."
        )
    if _PATIENT_SAYS.search(statement):
        return Refusal("source", "The evidence is not what the patient says.")
    return None


def _refused(statement: str, cited: Sequence[Evidence]) -> Refusal | None:
    if any(_same_words(statement, each.text) for each in cited):
        return None
    vocabulary = vocabulary_for(cited)
    names = tuple(term.name for term in vocabulary.own)
    known = tuple(know(each, names) for each in cited)
    said = parse(_PARTICLE.sub("", statement), vocabulary)
    particle = _PARTICLE.match(statement)
    if particle is not None and not _agrees_with(particle.group(1).lower(), said):
        return Refusal("polarity", "The first word contradicts the rest.")
    return first_refusal(Case(said, known, vocabulary), _RULES)


def _agrees_with(particle: str, said: Claims) -> bool:
    """'Yes' goes before what is there, 'no' before what is not."""
    levels = [mention.level or 0 for mention in said.mentions]
    if particle == "yes":
        return any(level > 0 for level in levels)
    return any(level < 0 for level in levels)


def _same_words(statement: str, text: str) -> bool:
    """Tell whether a statement repeats a whole text; then it says neither more nor less."""
    one, two = ([t.text for t in tokenise(each) if t.text != "."] for each in (statement, text))
    return one == two
