"""What one piece of evidence says, from its text and its fields together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from agent.grounding.assertion import Trigger
from agent.grounding.claims import Claims, Sentence, Vocabulary, parse
from agent.grounding.frames import frame_stems
from agent.grounding.mentions import Mention
from agent.grounding.numbers import NONE, Number, agrees, unit_named
from agent.grounding.quantities import QUANTITIES, Quantity
from agent.grounding.terms import Term, find_phrases, neutral_stems, terminology
from agent.grounding.tokens import Token, tokenise
from specialists.schema import Evidence, EvidenceFinding

__all__ = ["Known", "know", "vocabulary_for"]

_LEVELS = {"present": 2, "uncertain": 0, "absent": -2}
_SIDES = {"left": {"left"}, "right": {"right"}, "bilateral": {"left", "right"}, None: set[str]()}
_RETINOPATHY = {
    0: "No diabetic retinopathy.",
    1: "Mild non-proliferative diabetic retinopathy.",
    2: "Moderate non-proliferative diabetic retinopathy.",
    3: "Severe non-proliferative diabetic retinopathy.",
    4: "Proliferative diabetic retinopathy.",
}
"""International Clinical Diabetic Retinopathy scale (Wilkinson et al. 2003)."""

_UNASSESSED = re.compile(r"^(NOT ASSESSED|LIMITS|LIMITATIONS)\s*\n.*?(?=\n\n|\Z)", re.M | re.S)
"""Blocks of a report that name things only to say that nothing is known of them."""

_JUDGED = {"finding", "attribute"}
_AUXILIARY = {"is", "yet", "have", "-"}
_BY_UNIT = {
    "volume": "volume", "density": "density", "length": "length", "area": "area",
    "percentile": "percentile",
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """One piece of evidence, understood."""

    item: Evidence
    claims: Claims
    mentions: tuple[Mention, ...]
    quantities: tuple[Quantity, ...]
    stems: frozenset[str]
    sides: frozenset[str]
    anatomy: frozenset[str]
    nouns: frozenset[str]
    """Kinds of quantity that are named or that a unit implies."""
    undecided: bool
    denied: frozenset[str]
    """Words behind a 'not'."""
    probability: float | None

    def comes_from(self, source: str | None) -> bool:
        """Tell whether a word like 'film' fits where this comes from."""
        return source is None or source in self.stems or source in frame_stems(self.item.tool)


def vocabulary_for(cited: Iterable[Evidence]) -> Vocabulary:
    """Return the terminology with those names of findings that it doesn't have."""
    names = {part for e in cited if e.finding for part in _parts(e.finding.name)}
    return _vocabulary(tuple(sorted(names)))


@lru_cache(maxsize=256)
def _vocabulary(names: tuple[str, ...]) -> Vocabulary:
    base = terminology()
    own = []
    for name in names:
        tokens = tokenise(name)
        found = find_phrases(tokens, base.phrases)
        taken = {at for start, end, _ in found for at in range(start, end)}
        rest = {t.stem for at, t in enumerate(tokens) if at not in taken and t.kind != "sign"}
        if tokens and rest - neutral_stems():
            own.append(Term(name.lower(), "finding", tuple(f[2] for f in found)))
    return Vocabulary(base, tuple(own))


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"\s+or\s+|\s*/\s*|;", name.lower()) if part]


@lru_cache(maxsize=1024)
def know(item: Evidence, vocabulary_names: tuple[str, ...]) -> Known:
    """Understand one piece of evidence.

    Args:
        item: The evidence.
        vocabulary_names: Names that `vocabulary_for` found outside the terminology.
    """
    vocabulary = _vocabulary(vocabulary_names)
    claims = parse(_UNASSESSED.sub("", item.text), vocabulary)
    mentions = _mentions(item, claims, vocabulary)
    quantities = _quantities(item, claims)
    mentions = _graded(mentions, quantities)
    probability = _probability(item, quantities)
    if probability is not None and not _polygenic(item):
        mentions = _by_probability(mentions, probability)
    fields = _field_words(item.finding)
    sides = claims.sides | (_SIDES[item.finding.laterality] if item.finding else set())
    anatomy = claims.anatomy | set(_anatomy(fields, vocabulary))
    return Known(
        item=item,
        claims=claims,
        mentions=tuple(_implied(mentions, quantities, vocabulary) + mentions),
        quantities=tuple(quantities),
        stems=frozenset(claims.stems | {token.stem for token in tokenise(fields)}),
        sides=frozenset(sides),
        anatomy=frozenset(anatomy),
        nouns=_quantity_nouns(claims, quantities),
        undecided=_undecided(item, claims),
        denied=_denied(claims),
        probability=probability,
    )


def _field_words(finding: EvidenceFinding | None) -> str:
    if finding is None:
        return ""
    return " ".join(filter(None, (finding.name, finding.site, finding.laterality)))


def _anatomy(text: str, vocabulary: Vocabulary) -> Sequence[str]:
    found = vocabulary.find(tokenise(text))
    return [name for _, _, name in found if vocabulary.category(name) == "anatomy"]


def _undecided(item: Evidence, claims: Claims) -> bool:
    """Tell whether the item as a whole says that it can't tell."""
    if item.finding is not None:
        return item.finding.assertion == "uncertain"
    return any(
        trigger.meaning == "undecided"
        for sentence in claims.sentences
        for trigger in sentence.triggers
    )


def _mentions(item: Evidence, claims: Claims, vocabulary: Vocabulary) -> list[Mention]:
    mentions = claims.mentions
    if item.finding is not None:
        mentions = _with_field(item.finding, mentions, vocabulary)
    elif any(_stands_open(sentence.triggers, sentence.mentions) for sentence in claims.sentences):
        mentions = [replace(m, level=0, undecided=True) for m in mentions]
    if _polygenic(item):
        mentions = [replace(m, level=None) if m.category != "attribute" else m for m in mentions]
    if item.finding is None and item.value == 0:
        mentions = [replace(m, level=-2) if m.level == 2 else m for m in mentions]
    return list(mentions)


def _polygenic(item: Evidence) -> bool:
    return "polygenic" in item.tool or bool(re.search(r"\b(polygenic|PGS\d+)", item.text))


def _by_probability(mentions: Sequence[Mention], probability: float) -> list[Mention]:
    """A probability of a finding, and no word on it: likely, unlikely or open."""
    level = 1 if probability >= 0.8 else -1 if probability <= 0.2 else 0
    return [
        replace(m, level=level) if m.level is None and m.category in _JUDGED else m
        for m in mentions
    ]


def _stands_open(triggers: Sequence[Trigger], mentions: Sequence[Mention]) -> bool:
    """A sentence like 'The result is inconclusive.' speaks about all others."""
    open_ended = any(trigger.meaning == "undecided" for trigger in triggers)
    return open_ended and not any(m.category == "finding" for m in mentions)


def _with_field(
    finding: EvidenceFinding, mentions: Sequence[Mention], vocabulary: Vocabulary
) -> list[Mention]:
    """Let the finding's fields say what is asserted, unless its text is less certain."""
    level = _LEVELS[finding.assertion]
    own = _field_mentions(finding, level, vocabulary)
    names = frozenset().union(*(m.names for m in own))
    merged, same = [], []
    for mention in mentions:
        if not mention.names & names or mention.category != "finding":
            merged.append(replace(mention, level=0) if level == 0 else mention)
        elif mention.level is None or mention.level * level >= 0:
            # 'Possible pneumonia' under 'present': the weaker of the two.
            weak = mention.level == 0 and (mention.undecided or not mention.member)
            agreed = 0 if weak else level
            same.append(
                replace(mention, level=agreed, undecided=weak or level == 0, status="current")
            )
        elif mention.sides or mention.sites or mention.status != "current":
            merged.append(mention)
    weakest = 0 if any(m.level == 0 for m in same) else level
    places = frozenset().union(*(m.sites for m in same))
    sides = frozenset().union(*(m.sides for m in same))
    modifiers = frozenset().union(*(m.modifiers for m in same))
    own = [
        replace(
            m, level=weakest if (m.level or 0) > 0 else m.level,
            sites=m.sites | places, sides=m.sides or sides, modifiers=m.modifiers | modifiers,
        )
        for m in own
    ]  # fmt: skip
    return [*own, *same, *merged]


def _field_mentions(finding: EvidenceFinding, level: int, vocabulary: Vocabulary) -> list[Mention]:
    sides = frozenset(_SIDES[finding.laterality])
    sites = frozenset(_anatomy(finding.site or "", vocabulary))
    parsed = parse(finding.name, vocabulary)
    found = []
    for mention in parsed.mentions:
        flipped = -level if mention.level is not None and mention.level < 0 else level
        names = [mention.names] if flipped >= 0 else [frozenset({n}) for n in mention.names]
        found += [
            replace(
                mention, names=each, level=flipped, undecided=level == 0, status="current",
                sides=sides or mention.sides, sites=sites | mention.sites,
            )
            for each in names
        ]  # fmt: skip
    return found


def _graded(mentions: Sequence[Mention], quantities: Sequence[Quantity]) -> list[Mention]:
    """'Retinopathy grade 2' says that there is one, grade 0 that there is none."""
    grades = {q.number.value for q in quantities if q.number.label == "grad"}
    if len(grades) != 1:
        return list(mentions)
    level = 2 if max(grades) > 0 else -2
    return [
        replace(m, level=level) if m.level is None and m.names == {"diabetic retinopathy"} else m
        for m in mentions
    ]


def _implied(
    mentions: Sequence[Mention], quantities: Sequence[Quantity], vocabulary: Vocabulary
) -> list[Mention]:
    """A grade of retinopathy and its name are the same thing."""
    if not any("diabetic retinopathy" in m.names and (m.level or 0) > 0 for m in mentions):
        return []
    grades = [q.number.value for q in quantities if q.number.label == "grad"]
    text = _RETINOPATHY.get(int(grades[0])) if len(set(grades)) == 1 else None
    return parse(text, vocabulary).mentions if text else []


def _quantities(item: Evidence, claims: Claims) -> list[Quantity]:
    written = claims.quantities
    if item.finding is not None:
        written = [_as_probability(q) for q in written]
    if item.value is None:
        return _completed(written, claims)
    value = Number(item.value, 0.0, unit_named(item.unit), "=", 0, 0)
    twins = [q for q in written if agrees(q.number, value)]
    if twins:
        first = replace(twins[0], number=value)
    else:
        nouns = sorted(_named_nouns(claims))
        first = Quantity(
            value, nouns[0] if len(nouns) == 1 else None, None, frozenset(), None, frozenset()
        )
        if item.finding and value.unit is NONE and 0 <= item.value <= 1 and not nouns:
            first = replace(first, quantity="probability")
    return _completed([first, *written], claims)


def _as_probability(quantity: Quantity) -> Quantity:
    """A bare fraction beside a finding is its probability."""
    number = quantity.number
    bare = number.unit is NONE and number.label is None and number.counted is None
    if bare and quantity.quantity is None and 0 <= number.value <= 1:
        return replace(quantity, quantity="probability")
    return quantity


def _completed(quantities: Sequence[Quantity], claims: Claims) -> list[Quantity]:
    """Where a text names one side or one place only, all its numbers are of it."""
    if len(claims.sentences) != 1 or ";" in claims.text:
        return list(quantities)
    side = claims.sides if len(claims.sides) == 1 else frozenset()
    where = next(iter(claims.anatomy)) if len(claims.anatomy) == 1 else None
    return [replace(q, sides=q.sides or side, anatomy=q.anatomy or where) for q in quantities]


def _named_nouns(claims: Claims) -> set[str]:
    return {QUANTITIES[stem] for stem in claims.stems if stem in QUANTITIES}


def _quantity_nouns(claims: Claims, quantities: Sequence[Quantity]) -> frozenset[str]:
    implied = {_BY_UNIT[q.number.unit.kind] for q in quantities if q.number.unit.kind in _BY_UNIT}
    return frozenset(
        _named_nouns(claims) | implied | {q.quantity for q in quantities if q.quantity}
    )


def _denied(claims: Claims) -> frozenset[str]:
    return frozenset(stem for sentence in claims.sentences for stem in bare_denied(sentence))


def bare_denied(sentence: Sentence) -> set[str]:
    """Return the words behind a 'not' that reaches no finding."""
    found = set()
    for at, stem in denied_words(sentence.tokens):
        reaching = [t for t in sentence.triggers if t.start <= at < t.end]
        if not any(t.covers(m.start, m.end) for t in reaching for m in sentence.mentions):
            found.add(stem)
    return found


def denied_words(tokens: Sequence[Token]) -> set[tuple[int, str]]:
    """Return the place of each 'not', with the word that follows."""
    found = set()
    for at, token in enumerate(tokens[:-1]):
        if token.text in {"not", "never", "non"}:
            words = (t.stem for t in tokens[at + 1 : at + 4] if t.stem not in _AUXILIARY)
            found |= {(at, word) for word in list(words)[:1]}
    return found


def _probability(item: Evidence, quantities: Sequence[Quantity]) -> float | None:
    for each in quantities:
        if each.quantity == "probability" and each.number.unit.kind in {"none", "proportion"}:
            return each.number.base
    return None
