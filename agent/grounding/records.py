"""Rules for entries of a patient's record: an allergy is no medication, and a past illness is past.

Such findings are named for what they are, 'allergy to penicillin', 'past pneumonia': a statement
that speaks of the penicillin or the pneumonia must say so too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.grounding.case import Case, Refusal
from agent.grounding.claims import Sentence

__all__ = ["records_hold"]

_KINDS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "allergy to ",
        re.compile(r"allerg|alerg|unvertr|intoler|hypersens|hipersens|überempf|过敏"),
        "The evidence is of an allergy to it.",
    ),
    (
        "past ",
        re.compile(
            r"\b(?:past|previous\w*|prior|former\w*|had|was|were|histor\w*|resolved|earlier|ago|once|"
            r"anteceden\w*|pasad[oa]|previ[oa]|tuvo|resuelt[oa]|antérieur\w*|ancien\w*|passé\w*|"
            r"résolu\w*|guéri\w*|eu|anamn\w*|früher\w*|ehemal\w*|abgeheilt\w*|ausgeheilt\w*|"
            r"durchgemacht\w*|zustand nach|hatte|passad[oa]|prévi[oa]|teve|resolvid[oa]|curad[oa]"
            r")\b"
            r"|既往|曾|过去|已愈|痊愈"
        ),
        "The evidence has it as past.",
    ),
)
_LINKS = frozenset({"of", "the", "to", "and", "in", "with", "or", "a", "an"})
_SHORTEST = 3


def records_hold(case: Case) -> Refusal | None:
    """What a record has as an allergy, or as past, is told as that."""
    for kind, told, reason in _KINDS:
        only = _words(case, kind) - _elsewhere(case, kind)
        if any(_speaks(one, only) and not told.search(_text(one)) for one in case.said.sentences):
            return Refusal("time" if kind == "past " else "finding", reason)
    return None


def _words(case: Case, kind: str) -> set[str]:
    """What findings of a kind are of, in words."""
    names = (one.item.finding.name for one in case.known if one.item.finding is not None)
    return {word for name in names if name.startswith(kind) for word in _content(name[len(kind) :])}


def _elsewhere(case: Case, kind: str) -> set[str]:
    """Words that other evidence has as findings of their own."""
    names = (one.item.finding.name for one in case.known if one.item.finding is not None)
    return {word for name in names if not name.startswith(kind) for word in _content(name)}


def _content(name: str) -> Sequence[str]:
    words = re.findall(r"\w+", name.lower())
    return [word for word in words if len(word) >= _SHORTEST and word not in _LINKS]


def _speaks(one: Sentence, words: set[str]) -> bool:
    return not words.isdisjoint(re.findall(r"\w+", _text(one)))


def _text(one: Sentence) -> str:
    return " ".join(token.text for token in one.tokens).lower()
