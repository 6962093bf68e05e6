"""Rules for what belongs to no finding and no number: sides, places, denials, emphasis."""

from __future__ import annotations

from collections.abc import Iterator

from agent.grounding.case import Case, Refusal
from agent.grounding.claims import Claims
from agent.grounding.comparison import compared, comparison_holds, leanings
from agent.grounding.known import Known, bare_denied, denied_words

__all__ = ["comparisons_hold", "denials_hold", "emphasis_holds", "places_hold", "sides_hold"]

_GRAMMAR = frozenset(
    {
        "is", "have", "do", "can", "could", "may", "might", "of", "in", "on", "at", "to", "for",
        "from", "with", "by", "as", "the", "a", "an", "and", "or", "it", "this", "that", "there",
        "not", "no", ",", ".", ":", ";", "(", ")", "-", "any", "other",
    }
)  # fmt: skip


def sides_hold(case: Case) -> Refusal | None:
    """A side must be one that the evidence names, whatever it belongs to."""
    known = frozenset().union(*(k.sides for k in case.known))
    denied = any((m.level or 0) < 0 and m.sides for m in case.said.mentions)
    if case.said.sides <= known or denied:
        return None
    return Refusal("side", "The evidence does not name that side.")


def places_hold(case: Case) -> Refusal | None:
    """A place must be one that the evidence names, a whole of it, or what the tool looks at."""
    known = case.above_all({name for k in case.known for name in k.anatomy}) | case.frame
    spared = {s for m in case.said.mentions if (m.level or 0) < 0 for s in m.sites}
    for name in sorted(case.said.anatomy - spared - known):
        return Refusal("site", f"The cited evidence says nothing of the {name}.")
    return None


def comparisons_hold(case: Case) -> Refusal | None:
    """'The right is larger than the left' must follow from the two numbers."""
    for sentence in case.said.sentences:
        comparison = compared(sentence)
        known = [leaning for k in case.known for s in k.claims.sentences for leaning in leanings(s)]
        if comparison is None and not leanings(sentence) <= set(known):
            return Refusal("side", "The evidence does not say so of that side.")
        if comparison is not None and not comparison_holds(comparison, case.known):
            return Refusal("comparison", "The comparison does not follow from the evidence.")
    return None


def denials_hold(case: Case) -> Refusal | None:
    """A 'not' that reaches no finding must be in the evidence too, and the reverse."""
    for stems in _bare_denials(case.said):
        if not any(stems & other for known in case.known for other in _denials(known)):
            return Refusal("polarity", "The statement denies what the evidence does not deny.")
    denied = frozenset().union(*(known.denied for known in case.known))
    own = {stem for s in case.said.sentences for _, stem in denied_words(s.tokens)}
    plain = {
        token.stem
        for known in case.known
        for sentence in known.claims.sentences
        for token in sentence.tokens
        if token.stem not in bare_denied(sentence)
    }
    for stem in sorted((case.said.stems & denied) - own - plain - _GRAMMAR):
        return Refusal("polarity", f"The evidence denies what the statement says: {stem}.")
    return None


def _bare_denials(claims: Claims) -> Iterator[set[str]]:
    for sentence in claims.sentences:
        spans = [(m.start, m.end) for m in sentence.mentions]
        for trigger in sentence.triggers:
            if trigger.meaning not in {"absent", "unlikely", "weak"}:
                continue
            twins = [t for t in sentence.triggers if t.start == trigger.start]
            reached = any(twin.covers(*span) for twin in twins for span in spans)
            number = any(
                q.number.denied and trigger.end <= q.number.start + 1 for q in sentence.quantities
            )
            if not reached and not number:
                words = [*trigger.scope, *range(trigger.start, trigger.end)]
                yield {sentence.tokens[at].stem for at in words} - _GRAMMAR


def _denials(known: Known) -> Iterator[set[str]]:
    for sentence in known.claims.sentences:
        for trigger in sentence.triggers:
            if trigger.meaning in {"absent", "unlikely", "weak", "undecided"}:
                words = [*trigger.scope, *range(trigger.start, trigger.end)]
                yield {sentence.tokens[at].stem for at in words} - _GRAMMAR


def emphasis_holds(case: Case) -> Refusal | None:
    """'Certainly' and 'inconclusive' must be the evidence's words, where no finding has them."""
    for sentence in case.said.sentences:
        findings = [m for m in sentence.mentions if m.category in {"finding", "attribute"}]
        for trigger in sentence.triggers:
            if any(trigger.covers(m.start, m.end) for m in findings):
                continue
            if trigger.meaning == "definite" and not _says(case, trigger.text, "definite"):
                return Refusal("certainty", "The evidence is not as certain.")
            if trigger.meaning == "undecided" and not any(_open(k) for k in case.known):
                return Refusal("certainty", "The evidence leaves nothing open.")
    return None


def _says(case: Case, text: str, meaning: str) -> bool:
    return any(
        trigger.meaning == meaning and trigger.text == text
        for known in case.known
        for sentence in known.claims.sentences
        for trigger in sentence.triggers
    )


def _open(known: Known) -> bool:
    return known.undecided or any(mention.level == 0 for mention in known.mentions)
