"""Does this evidence support this statement?

Nothing may be said that no specialist said. A statement, in one of six languages, is taken apart
into claims (`claims`): what it names (`mentions`), how strongly (`assertion` in `clauses`), on
which side and where, and with which numbers (`numbers`, `quantities`). Evidence is read in the same
way (`known`). Each kind of claim has its rules (`naming`, `counting` with `attachment` and
`derived`, `comparison`, `grades`, `records`, `remaining`), and words that belong to no claim must
be grammar, everyday words or the evidence's own, so that what the checker does not understand is
refused, not passed. What words mean stands in tables (`lexicon`), a column a language.

Plain Python; the same answer each time; no model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent.grounding import remaining
from agent.grounding.case import Case, Refusal, first_refusal
from agent.grounding.claims import parse
from agent.grounding.comparison import comparisons_hold
from agent.grounding.counting import numbers_hold
from agent.grounding.grades import grades_hold
from agent.grounding.items import language_of
from agent.grounding.known import know, own_book, own_names
from agent.grounding.lexicon import above
from agent.grounding.naming import mentions_hold
from agent.grounding.records import records_hold
from agent.grounding.tokens import sentences, tokenise
from agent.grounding.words import something_said, words_hold
from specialists.schema import Evidence

__all__ = ["CHECKER", "Verdict", "check", "subjects", "terms_in"]

CHECKER = "grounding rules 3"
"""Name and version, for an answer's provenance."""

_CITATION = re.compile(r"[\[(（]\s*(E\d+(?:\s*[,;、，]\s*E\d+)*)\s*[\])）]")
_ID = re.compile(r"\bE\d+\b")
_RULES = (
    grades_hold,
    records_hold,
    mentions_hold,
    numbers_hold,
    comparisons_hold,
    remaining.sides_hold,
    remaining.places_hold,
    remaining.answers_hold,
    remaining.emphasis_holds,
    remaining.ratings_hold,
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
        statement: One or a few sentences in English, Spanish, French, German, Portuguese or
            Chinese; citations like [E1] may stand in it.
        cited: The evidence that the statement cites, and no other.
    """
    refusal = _form(statement, cited) or _refused(_CITATION.sub("", statement), cited)
    if refusal is not None:
        return Verdict(False, refusal.reason, refusal.code)
    return Verdict(True, "The cited evidence says so.", "supported")


def terms_in(text: str) -> frozenset[str]:
    """Return the findings that a text names, with all broader ones."""
    named = subjects(text)["named"]
    return frozenset(named).union(*(above(name) for name in named))


def subjects(text: str) -> dict[str, frozenset[str]]:
    """Return what a text is about: findings (also broader ones), places and quantities."""
    claims = parse(text, language_of(text))
    named = frozenset(name for m in claims.mentions if m.category == "finding" for name in m.names)
    nouns = frozenset(v for s in claims.sentences for v in s.values("q"))
    sizes = any(i.has("more") or i.text in {"large", "big", "size"} for i in claims.items)
    return {
        "finding": named.union(*(above(name) for name in named)),
        "named": named,
        "place": claims.anatomy,
        "quantity": nouns | (frozenset({"volume"}) if sizes else frozenset()),
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
    return None


def _refused(statement: str, cited: Sequence[Evidence]) -> Refusal | None:
    if _repeats(statement, cited):
        return None
    names = own_names(cited)
    known = tuple(know(each, names) for each in cited)
    said = parse(statement, language_of(statement), own_book(names))
    return first_refusal(Case(said, known), _RULES)


def _repeats(statement: str, cited: Sequence[Evidence]) -> bool:
    """Tell whether a statement's sentences are whole sentences of the evidence."""
    known = {_words(part) for each in cited for part in (each.text, *sentences(each.text))}
    return _words(statement) in known or all(_words(part) in known for part in sentences(statement))


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    return tuple(token.text for token in tokenise(text) if token.text != ".")
