"""Words that neither the evidence nor grammar accounts for."""

from __future__ import annotations

import re

from agent.grounding.assertion import negated
from agent.grounding.case import Case, Refusal
from agent.grounding.claims import Sentence
from agent.grounding.items import Item
from agent.grounding.remaining import FREE_THINGS, answers

__all__ = ["something_said", "words_hold"]

_REASONS = {
    "time": "The evidence says nothing of time or change",
    "recommendation": "The evidence recommends nothing",
    "cause": "The evidence gives no cause",
    "source": "That is not where the evidence comes from",
    "degree": "The evidence does not say how it is",
    "person": "The evidence says nothing of the person",
    "exclusive": "The evidence does not speak of all else",
}
_CODES = {"degree": "attribute", "person": "invented", "exclusive": "invented"}
_CHECKED = (
    "finding", "trait", "procedure", "drug", "change", "attribute", "anatomy", "side", "modifier",
    "no", "not", "abs", "seen", "affirm", "excl", "sure", "possible", "probable", "unlikely",
    "set", "undecided", "definite", "split", "and", "or", "than", "more", "less", "current",
    "q", "stat", "label", "hl", "cmp", "frac", "rank", "w", "history", "family", "hypothetical",
    "unassessed", "untrue", "derived", "class", "only", "opens", "apart", "unlike",
)  # fmt: skip
"""Kinds that are harmless in themselves or that another rule checks."""
_ATTACHMENT = re.compile(r"a\d+")


def words_hold(case: Case) -> Refusal | None:
    """Every item must mean nothing, be the evidence's own, or be checked by another rule."""
    strange: list[Item] = []
    for sentence in case.said.sentences:
        for at, item in enumerate(sentence.items):
            if at in sentence.counted or _accounted(case, sentence, at):
                continue
            if item.kind != "unknown":
                return _told(item)
            strange.append(item)
    if not strange:
        return None
    words = [i for i in case.said.items if i.kind in {"unknown", "phrase"}]
    if len(strange) >= 3 and len(strange) > 0.5 * len(words):
        return Refusal("language", "The statement is not in a language that is checked here.")
    return Refusal("invented", f"The cited evidence does not say: '{strange[0].text}'.")


def _told(item: Item) -> Refusal:
    for value in item.values("x"):
        return Refusal(_CODES.get(value, value), f"{_REASONS[value]}: '{item.text}'.")
    if item.has("src"):
        return Refusal("source", f"{_REASONS['source']}: '{item.text}'.")
    if item.has("earlier", "still", "since"):
        return Refusal("time", f"{_REASONS['time']}: '{item.text}'.")
    return Refusal("invented", f"The cited evidence does not say: '{item.text}'.")


def _accounted(case: Case, sentence: Sentence, at: int) -> bool:
    item = sentence.items[at]
    if item.kind == "sign" and not item.tags:
        return item.text.isascii() or item.text in "–—−±×≥≤≈°“”„«»…·•→、《》「」“”"
    if item.kind == "number":
        return True
    if _ATTACHMENT.fullmatch(item.text):
        return item.text in {(k.item.attachment or "").lower() for k in case.known}
    if item.kind == "unknown":
        letter = len(item.text) == 1 and item.text.isascii()
        own = item.stem in case.stems or _american(item.stem) in map(_american, case.stems)
        return own or _units_alone(item) or letter
    if item.has("since") and item.has("no"):  # 'no longer'
        return ("earlier", "") in case.tags or any(k == "change" for k, _ in case.tags)
    if item.has(*_CHECKED) or _of_evidence(case, item):
        return True
    if item.has("earlier", "since"):
        return ("earlier", "") in case.tags or any(k == "change" for k, _ in case.tags)
    if item.has("still"):
        return _still(case, sentence, at)
    return False


def _american(word: str) -> str:
    """'Haemoglobin' is hemoglobin."""
    return word.replace("ae", "e").replace("oe", "e").replace("our", "or").replace("is", "iz")


def _of_evidence(case: Case, item: Item) -> bool:
    """A source, a thing or a risky word that the evidence has too."""
    things = case.frame | FREE_THINGS
    alone = any(
        (k.class_size == 1 and "coverage" in k.item.text) or "alone" in k.claims.stems
        for k in case.known
    )
    return (
        (alone and "exclusive" in item.values("x"))
        or any(v in case.sources for v in item.values("src"))
        or any(("thing", v) in case.tags or v in things for v in item.values("thing"))
        or any(("x", v) in case.tags and item.stem in case.stems for v in item.values("x"))
    )


def _units_alone(item: Item) -> bool:
    return item.text in {"hu", "uh", "he", "%", "mm", "cm", "ml", "mm2", "cm2", "mm3", "cm3", "cc"}


def _still(case: Case, sentence: Sentence, at: int) -> bool:
    """'Remains possible' says nothing of time; 'is still present' does."""
    clause = sentence.clause_of(at)
    inside = [sentence.items[i] for i in range(clause.start, clause.end)]
    if any(i.has("possible", "undecided", "set", "sure") for i in inside):
        return True
    return any(k in {"change", "earlier"} for k, _ in case.tags) or any(
        k.undecided or k.class_size for k in case.known
    )


def something_said(case: Case) -> Refusal | None:
    """'It is present.' claims nothing that could be checked."""
    said = case.said
    if said.mentions or said.quantities or said.anatomy:
        return None
    if said.has("undecided", "thing", "src", "set", "label"):
        return None
    if any(k.answer for k in case.known) and any(answers(case)):
        return None
    if any(i.kind == "unknown" or i.has("more", "less") for i in said.items) or _open_said(case):
        return None
    return Refusal("empty", "The statement says nothing that could be checked.")


def _open_said(case: Case) -> bool:
    """'The model can't decide' says that it is open."""
    return any(
        negated(s.items, c, at) == "undecided"
        for s in case.said.sentences
        for c in s.clauses
        for at in range(c.start, c.end)
        if s.items[at].has("not", "no")
    )
