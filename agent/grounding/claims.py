"""From text to claims: what is named, how strongly, where, and with which numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from agent.grounding.assertion import Level, Trigger, clauses, find_triggers, level_of, status_of
from agent.grounding.numbers import Number, Unit, find_numbers
from agent.grounding.terms import Term, Terminology, find_phrases, index_phrases
from agent.grounding.tokens import Token, sentences, tokenise

__all__ = ["Claims", "Mention", "Quantity", "Sentence", "Vocabulary", "parse"]

T = TypeVar("T")

LEFT, RIGHT = "left", "right"
_SIDES = {
    "left": {LEFT}, "leftward": {LEFT}, "left-sided": {LEFT}, "lefthand": {LEFT},
    "right": {RIGHT}, "rightward": {RIGHT}, "righthand": {RIGHT},
    "bilateral": {LEFT, RIGHT}, "bilaterally": {LEFT, RIGHT}, "both": {LEFT, RIGHT},
    "bibasal": {LEFT, RIGHT}, "bibasilar": {LEFT, RIGHT}, "bihilar": {LEFT, RIGHT},
}  # fmt: skip
QUANTITIES = {
    "probability": "probability", "likelihood": "probability", "chance": "probability",
    "confidenc": "probability", "confident": "probability", "p": "probability",
    "odd": "odds", "risk": "risk", "scor": "score", "pg": "score", "prs": "score",
    "percentil": "percentile", "rank": "percentile",
    "overlap": "overlap", "match": "overlap",
    "volum": "volume", "capacity": "volume",
    "density": "density", "attenuation": "density", "hu": "density", "hounsfield": "density",
    "thicknes": "length", "thickness": "length", "diameter": "length", "width": "length",
    "length": "length", "depth": "length",
    "area": "area", "shar": "share", "fraction": "share", "proportion": "share",
    "percentag": "share", "coverag": "coverage",
    "sensitivity": "sensitivity", "specificity": "specificity", "accuracy": "accuracy",
    "auc": "auc", "dice": "dice", "grad": "grade", "stag": "stage", "ratio": "ratio",
    "spac": "spacing", "weight": "weight", "ag": "age",
}  # fmt: skip
_STATISTICS = {
    "mean": "mean", "averag": "mean", "median": "median", "minimum": "minimum", "lowest": "minimum",
    "maximum": "maximum", "highest": "maximum", "peak": "maximum", "deviation": "deviation",
}  # fmt: skip
_BORDER = {",", "and", "(", ")", "while", "whereas", "with", "but", "."}
_APART = 100.0
"""What stands behind a semicolon belongs to something else."""


@dataclass(frozen=True)
class Mention:
    """A finding, procedure, drug, change or attribute that a text names."""

    names: frozenset[str]
    """More than one where the text leaves open which ('A or B')."""
    category: str
    level: Level
    undecided: bool
    status: str
    sides: frozenset[str]
    sites: frozenset[str]
    modifiers: frozenset[str]
    start: int
    end: int
    member: bool = False
    """Named as one class of a prediction set."""


@dataclass(frozen=True)
class Quantity:
    """A number with what it is a number of."""

    number: Number
    quantity: str | None
    statistic: str | None
    subjects: frozenset[str]
    anatomy: str | None
    sides: frozenset[str]
    nouns: frozenset[str] = frozenset()
    """All quantities that the clause names."""
    attribute: str | None = None
    """The attribute that stands directly before ('referable')."""
    close: bool = False
    """True where a quantity stands right beside the number."""


@dataclass(frozen=True)
class Sentence:
    """One sentence, taken apart."""

    tokens: Sequence[Token]
    triggers: Sequence[Trigger]
    mentions: Sequence[Mention]
    quantities: Sequence[Quantity]
    anatomy: Sequence[tuple[int, int, str]]
    sides: Sequence[tuple[int, frozenset[str]]]
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
    sides = _sides(tokens, spans)
    numbers = [n for n in find_numbers(tokens) if spans.isdisjoint(range(n.start, n.end))]
    mentions = _mentions(tokens, triggers, named, kinds)
    mentions = _placed(tokens, mentions, anatomy, sides, modifiers)
    used = spans | {at for at, _ in sides} | {a for n in numbers for a in range(n.start, n.end)}
    quantities = _quantities(tokens, numbers, mentions, anatomy, sides)
    return Sentence(
        tokens, triggers, tuple(_grouped(tokens, mentions)), quantities, anatomy, sides,
        frozenset(used),
    )  # fmt: skip


def _sides(tokens: Sequence[Token], taken: set[int]) -> list[tuple[int, frozenset[str]]]:
    found = []
    for at, token in enumerate(tokens):
        if token.text not in _SIDES or at in taken:
            continue
        if token.text == "both" and any(t.text == "and" for t in tokens[at + 1 : at + 5]):
            continue
        found.append((at, frozenset(_SIDES[token.text])))
    return found


def _mentions(
    tokens: Sequence[Token],
    triggers: Sequence[Trigger],
    named: Sequence[tuple[int, int, str]],
    kinds: dict[str, str],
) -> list[Mention]:
    mentions = []
    asked = bool(tokens) and tokens[-1].text == "?"
    about_score = any(
        t.stem in {"scor", "pg", "prs", "polygenic"} or re.match(r"pgs\d", t.text) for t in tokens
    )
    for start, end, name in named:
        level, undecided = level_of(tokens, triggers, start, end)
        if about_score and level == 2 and _names_score(tokens, start, end):
            level = None
        status = "hypothetical" if asked else status_of(triggers, start, end)
        empty: frozenset[str] = frozenset()
        mentions.append(
            Mention(frozenset({name}), kinds[name], level, undecided, status,
                    empty, empty, empty, start, end, _member(triggers, start, end))
        )  # fmt: skip
    return mentions


def _member(triggers: Sequence[Trigger], start: int, end: int) -> bool:
    return any(t.meaning == "member" and t.covers(start, end) for t in triggers)


def _names_score(tokens: Sequence[Token], start: int, end: int) -> bool:
    """Tell whether a disease only names the score that is for it: 'PGS000001 (breast cancer)'."""
    before = tokens[start - 1].text if start else ""
    after = tokens[end].stem if end < len(tokens) else ""
    if before in {"for", "of", "("} or after in {"scor", "pg", "prs", "polygenic", ":", ")"}:
        return True
    return after == "risk" and end + 1 < len(tokens) and tokens[end + 1].stem == "scor"


def cost(tokens: Sequence[Token], one: tuple[int, int], two: tuple[int, int]) -> float:
    """Return how far apart two spans are: words between them, borders counting more."""
    first, second = sorted((one, two))
    total = 0.0
    for token in _without_brackets(tokens[first[1] : second[0]]):
        total += _APART if token.text == ";" else 4.0 if token.text in _BORDER else 1.0
    return total


def _without_brackets(tokens: Sequence[Token]) -> Sequence[Token]:
    """Leave out what stands in brackets between two things."""
    texts = [token.text for token in tokens]
    if "(" not in texts or ")" not in texts[texts.index("(") :]:
        return tokens
    opens = texts.index("(")
    closes = texts.index(")", opens)
    return _without_brackets([*tokens[:opens], *tokens[closes + 1 :]])


def _nearest(
    tokens: Sequence[Token], span: tuple[int, int], others: Iterable[tuple[int, int]]
) -> int | None:
    """Return the index of the nearest span; of two as near, the one that follows directly."""
    best: tuple[float, int] | None = None
    for index, other in enumerate(others):
        far = cost(tokens, span, other) - (0.5 if other[0] >= span[1] else 0)
        if best is None or far < best[0]:
            best = (far, index)
    return None if best is None else best[1]


def _placed(
    tokens: Sequence[Token],
    mentions: Sequence[Mention],
    anatomy: Sequence[tuple[int, int, str]],
    sides: Sequence[tuple[int, frozenset[str]]],
    modifiers: Sequence[tuple[int, int, str]],
) -> list[Mention]:
    """Give each side, site and modifier to the nearest mention of its clause."""
    holders = [m for m in mentions if m.category in {"finding", "procedure"}]
    holders = holders or [m for m in mentions if m.category == "change"]
    got: dict[int, dict[str, set[str]]] = {
        id(m): {"sides": set(), "sites": set(), "modifiers": set()} for m in mentions
    }
    for span in clauses(tokens):
        inside = [m for m in holders if m.start in span]
        spans = [(m.start, m.end) for m in inside]
        items = [
            *(((at, at + 1), "sides", side) for at, side in sides),
            *(((start, end), "sites", {name}) for start, end, name in anatomy),
            *(((start, end), "modifiers", {name}) for start, end, name in modifiers),
            *(((m.start, m.end), "modifiers", m.names) for m in mentions if m.category == "change"),
        ]
        for place, slot, values in items:
            nearest = _nearest(tokens, place, spans) if place[0] in span else None
            if nearest is not None:
                got[id(inside[nearest])][slot] |= values
    return [
        replace(m, **{slot: frozenset(values) for slot, values in got[id(m)].items()})
        for m in mentions
    ]


def _grouped(tokens: Sequence[Token], mentions: Sequence[Mention]) -> list[Mention]:
    """Join 'A or B' where it is said to be there: one of them is meant, open which."""
    grouped: list[Mention] = []
    for mention in mentions:
        last = grouped[-1] if grouped else None
        if last is not None and _or_between(tokens, last, mention):
            merged = replace(
                last, names=last.names | mention.names, end=mention.end,
                sides=last.sides | mention.sides, sites=last.sites | mention.sites,
                modifiers=last.modifiers | mention.modifiers,
            )  # fmt: skip
            grouped[-1] = merged
        else:
            grouped.append(mention)
    return grouped


def _or_between(tokens: Sequence[Token], last: Mention, mention: Mention) -> bool:
    if last.category not in {"finding", "attribute"} or mention.category not in {
        "finding",
        "attribute",
    }:
        return False
    if mention.level is not None and last.level is not None and mention.level < 0:
        return False
    between = [token.text for token in tokens[last.end : mention.start]]
    if not between or len(between) > 4:
        return False
    ahead = [token.text for token in tokens[mention.end :]]
    lists = "," in between and "or" in ahead[: ahead.index(".") if "." in ahead else None]
    return ("or" in between or "/" in between or lists) and not set(between) & {"and", "no", ";"}


def _quantities(
    tokens: Sequence[Token],
    numbers: Sequence[Number],
    mentions: Sequence[Mention],
    anatomy: Sequence[tuple[int, int, str]],
    sides: Sequence[tuple[int, frozenset[str]]],
) -> list[Quantity]:
    findings = [m for m in _grouped(tokens, mentions) if m.category in {"finding", "trait"}]
    spread = _spread(tokens, numbers, sides)
    found = []
    for number in numbers:
        place = (number.start, number.end)
        nouns = _free(tokens, _nouns(tokens, QUANTITIES, number), number, numbers)
        statistics = _nouns(tokens, _STATISTICS, number)
        span = next((c for c in clauses(tokens) if number.start in c), range(0))
        near = [(m.start, m.end, m.names) for m in findings if m.start in span]
        subject = _near(tokens, place, near)
        where = _near(tokens, place, anatomy)
        side = _near(tokens, place, [(at, at + 1, value) for at, value in sides])
        found.append(
            Quantity(
                _as_percentile(tokens, number),
                _near(tokens, place, nouns),
                _near(tokens, place, statistics),
                subject or frozenset(),
                where,
                spread.get(number.start, side or frozenset()),
                frozenset(noun for at, _, noun in nouns if at in span),
                _attribute(tokens, number, mentions),
                any(cost(tokens, place, each[:2]) <= 2 for each in nouns),
            )
        )
    return found


def _near(
    tokens: Sequence[Token], place: tuple[int, int], choices: Sequence[tuple[int, int, T]]
) -> T | None:
    choices = [each for each in choices if cost(tokens, place, each[:2]) < _APART]
    index = _nearest_before(tokens, place, [(start, end) for start, end, _ in choices])
    return None if index is None else choices[index][2]


def _nearest_before(
    tokens: Sequence[Token], span: tuple[int, int], others: Sequence[tuple[int, int]]
) -> int | None:
    """Like `_nearest`, but of two as near the one before counts: 'volume 2.5 L'."""
    best: tuple[float, int] | None = None
    for index, other in enumerate(others):
        far = cost(tokens, span, other) + (0.5 if other[0] >= span[1] else 0)
        if best is None or far < best[0]:
            best = (far, index)
    return None if best is None else best[1]


def _free(
    tokens: Sequence[Token],
    nouns: Sequence[tuple[int, int, str]],
    number: Number,
    numbers: Sequence[Number],
) -> list[tuple[int, int, str]]:
    """Leave out nouns that stand right beside another number: '90 % coverage'."""
    others = [(n.start, n.end) for n in numbers if n is not number]
    own = (number.start, number.end)
    return [
        noun
        for noun in nouns
        if cost(tokens, own, noun[:2]) <= 1
        or not any(cost(tokens, other, noun[:2]) <= 1 for other in others)
    ]


def _attribute(
    tokens: Sequence[Token], number: Number, mentions: Sequence[Mention]
) -> str | None:
    before = [m for m in mentions if m.end <= number.start]
    last = max(before, key=lambda m: m.end, default=None)
    return min(last.names) if last is not None and last.category == "attribute" else None


def _nouns(
    tokens: Sequence[Token], table: dict[str, str], number: Number
) -> list[tuple[int, int, str]]:
    return [
        (at, at + 1, table[token.stem])
        for at, token in enumerate(tokens)
        if token.stem in table and not number.start <= at < number.end
    ]


def _spread(
    tokens: Sequence[Token],
    numbers: Sequence[Number],
    sides: Sequence[tuple[int, frozenset[str]]],
) -> dict[int, frozenset[str]]:
    """Read 'the left and right lungs measure 2.5 and 3.0 L': each side its number, in order."""
    joined = [
        (one, two)
        for one, two in zip(sides, sides[1:], strict=False)
        if [t.text for t in tokens[one[0] + 1 : two[0]]] in (["and"], ["lung", "and"], ["/"])
    ]
    if len(sides) != 2 or not joined:
        return {}
    measured = [n for n in numbers if n.label is None and n.start > sides[1][0]]
    kinds = {number.unit.kind for number in measured}
    if len(measured) == 2 and len(kinds) == 1:
        return {n.start: side for n, (_, side) in zip(measured, sides, strict=True)}
    if len(measured) == 1:
        return {measured[0].start: frozenset({LEFT, RIGHT})}
    return {}


_PEOPLE = {"referenc", "population", "peopl", "individual", "person", "eur", "afr", "eas", "sas",
           "amr", "panel", "european", "participant", "cohort"}  # fmt: skip


def _as_percentile(tokens: Sequence[Token], number: Number) -> Number:
    """Read 'higher than in 84 % of the reference population' as the 84th percentile."""
    after = {token.stem for token in tokens[number.end : number.end + 5]}
    if number.unit.kind != "proportion" or not after & _PEOPLE:
        return number
    before = " ".join(token.text for token in tokens[max(0, number.start - 3) : number.start + 3])
    percentile = Unit("percentile", 1.0)
    if re.search(r"\btop\b", before):
        return replace(number, value=100 - number.value, unit=percentile, comparator=">=")
    if re.search(r"\b(higher|above|exceeds|greater|larger|more)\b", before):
        return replace(number, unit=percentile, comparator="=")
    if re.search(r"\b(lower|below|less|smaller)\b", before):
        return replace(number, value=100 - number.value, unit=percentile, comparator="=")
    return number
