"""From text to claims: what is named, how strongly, where, and with which numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.grounding.assertion import Trigger, find_triggers
from agent.grounding.mentions import Mention, Place, Side, find_mentions, grouped, placed
from agent.grounding.numbers import find_numbers
from agent.grounding.quantities import Quantity, find_quantities
from agent.grounding.terms import Term, Terminology, find_phrases, index_phrases
from agent.grounding.tokens import Token, sentences, tokenise

__all__ = ["Claims", "Sentence", "Vocabulary", "parse"]

LEFT, RIGHT = "left", "right"


_SIDES = {
    "left": {LEFT}, "leftward": {LEFT}, "left-sided": {LEFT}, "lefthand": {LEFT},
    "right": {RIGHT}, "rightward": {RIGHT}, "righthand": {RIGHT},
    "bilateral": {LEFT, RIGHT}, "bilaterally": {LEFT, RIGHT}, "both": {LEFT, RIGHT},
    "each": {LEFT, RIGHT},
    "bibasal": {LEFT, RIGHT}, "bibasilar": {LEFT, RIGHT}, "bihilar": {LEFT, RIGHT},
}  # fmt: skip


@dataclass(frozen=True)
class Sentence:
    """One sentence, taken apart."""

    tokens: Sequence[Token]
    triggers: Sequence[Trigger]
    mentions: Sequence[Mention]
    quantities: Sequence[Quantity]
    anatomy: Sequence[Place]
    sides: Sequence[Side]
    used: frozenset[int]
    """Positions that mentions, anatomy, sides and numbers take up."""


@dataclass(frozen=True)
class Claims:
    """All that a text says."""

    text: str
    sentences: tuple[Sentence, ...]

    @property
    def mentions(self) -> list[Mention]:
        """All mentions, in order."""
        return [mention for sentence in self.sentences for mention in sentence.mentions]

    @property
    def quantities(self) -> list[Quantity]:
        """All numbers, in order."""
        return [each for sentence in self.sentences for each in sentence.quantities]

    @property
    def anatomy(self) -> set[str]:
        """All places that are named."""
        return {name for sentence in self.sentences for _, _, name in sentence.anatomy}

    @property
    def sides(self) -> frozenset[str]:
        """All sides that are named."""
        return frozenset().union(*(s for sentence in self.sentences for _, s in sentence.sides))

    @property
    def stems(self) -> set[str]:
        """All words."""
        return {token.stem for sentence in self.sentences for token in sentence.tokens}


@dataclass(frozen=True)
class Vocabulary:
    """The terminology, with names that only this evidence uses."""

    base: Terminology
    own: tuple[Term, ...] = ()

    def find(self, tokens: Sequence[Token]) -> list[tuple[int, int, str]]:
        """Find terms; the evidence's own names first."""
        if not self.own:
            return find_phrases(tokens, self.base.phrases)
        mine = find_phrases(tokens, index_phrases([(term.name, term.name) for term in self.own]))
        taken = {at for start, end, _ in mine for at in range(start, end)}
        others = find_phrases(tokens, self.base.phrases)
        return sorted(mine + [each for each in others if taken.isdisjoint(range(*each[:2]))])

    def category(self, name: str) -> str:
        """Return what kind of term a name is."""
        return self.base.terms[name].category if name in self.base.terms else "finding"

    def above(self, name: str) -> frozenset[str]:
        """Return the name with all broader ones."""
        for term in self.own:
            if term.name == name:
                return frozenset({name}).union(*(self.base.above(each) for each in term.broader))
        return self.base.above(name)


def parse(text: str, vocabulary: Vocabulary) -> Claims:
    """Take a text apart."""
    return Claims(text, tuple(_sentence(part, vocabulary) for part in sentences(text)))


def _sentence(text: str, vocabulary: Vocabulary) -> Sentence:
    tokens = tokenise(text)
    terms = vocabulary.find(tokens)
    spans = {at for start, end, _ in terms for at in range(start, end)}
    kinds = {name: vocabulary.category(name) for _, _, name in terms}
    triggers = find_triggers(tokens)
    anatomy = [each for each in terms if kinds[each[2]] == "anatomy"]
    modifiers = [each for each in terms if kinds[each[2]] == "modifier"]
    named = [each for each in terms if kinds[each[2]] not in {"anatomy", "modifier"}]
    places = {at for start, end, _ in anatomy for at in range(start, end)}
    sides = _sides(tokens, spans, places)
    numbers = [n for n in find_numbers(tokens) if spans.isdisjoint(range(n.start, n.end))]
    mentions = find_mentions(tokens, triggers, named, kinds)
    mentions = placed(tokens, mentions, anatomy, sides, modifiers)
    used = spans | {at for at, _ in sides} | {a for n in numbers for a in range(n.start, n.end)}
    quantities = find_quantities(tokens, numbers, mentions, anatomy, sides)
    return Sentence(
        tokens, triggers, tuple(grouped(tokens, mentions)), quantities, anatomy, sides,
        frozenset(used),
    )  # fmt: skip


def _sides(tokens: Sequence[Token], taken: set[int], places: set[int]) -> list[Side]:
    found = []
    for at, token in enumerate(tokens):
        if token.text not in _SIDES or at in taken:
            continue
        if token.text in {"both", "each"} and not _paired_organs(tokens, at, places):
            continue
        found.append((at, frozenset(_SIDES[token.text])))
    return found


def _paired_organs(tokens: Sequence[Token], at: int, places: set[int]) -> bool:
    """'Both lungs', 'both sides', and not 'both are possible'."""
    ahead = range(at + 1, min(at + 4, len(tokens)))
    return any(i in places or tokens[i].stem in {"sid", "side"} for i in ahead)
