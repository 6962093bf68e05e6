"""What one piece of evidence says, from its text and its fields together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from agent.grounding.claims import SIDES, Claims, Mention, parse
from agent.grounding.frames import sources_of
from agent.grounding.items import itemise
from agent.grounding.lexicon import Lexicon, above, terms
from agent.grounding.numbers import NONE, Number, agrees, unit_named
from agent.grounding.quantities import Quantity, completed
from agent.grounding.tokens import tokenise
from specialists.schema import Evidence, EvidenceFinding

__all__ = ["Known", "know", "own_names"]

_LEVELS = {"present": 2, "uncertain": 0, "absent": -2}
_LATERALITIES = {
    "left": SIDES["left"], "right": SIDES["right"], "bilateral": SIDES["both"], None: frozenset()
}  # fmt: skip
_GRADES = {
    0: "No diabetic retinopathy.",
    1: "Mild non-proliferative diabetic retinopathy.",
    2: "Moderate non-proliferative diabetic retinopathy.",
    3: "Severe non-proliferative diabetic retinopathy.",
    4: "Proliferative diabetic retinopathy.",
}
"""International Clinical Diabetic Retinopathy scale (Wilkinson et al. 2003)."""
_GRADED = {"mild": 1, "moderate": 2, "severe": 3}
_UNASSESSED = re.compile(r"^(NOT ASSESSED|LIMITS|LIMITATIONS)\s*\n.*?(?=\n\n|\Z)", re.M | re.S)
"""Blocks of a report that name things only to say that nothing is known of them."""
_JUDGED = {"finding", "attribute"}
_FEW = 3
"""In so short a text, a sentence like 'The result is inconclusive.' speaks about all of it."""
_SURE, _DOUBTFUL = 0.8, 0.2


@dataclass(frozen=True)
class Known:
    """One piece of evidence, understood."""

    item: Evidence
    claims: Claims
    mentions: tuple[Mention, ...]
    quantities: tuple[Quantity, ...]
    sides: frozenset[str]
    anatomy: frozenset[str]
    tags: frozenset[tuple[str, str]]
    """All that it names, also in its fields."""
    sources: frozenset[str]
    """Where it was seen."""
    undecided: bool
    answer: str | None
    """yes, no or open, where a question was answered."""
    class_size: int
    """How many classes its prediction set holds; 0 where it is none."""


def own_names(cited: Iterable[Evidence]) -> tuple[str, ...]:
    """Return the names of findings that the terminology doesn't have."""
    parts = {part for each in cited if each.finding for part in _parts(each.finding.name)}
    return tuple(sorted(part for part in parts if not _understood(part)))


@lru_cache(maxsize=1024)
def _understood(name: str) -> bool:
    items = itemise(tokenise(name), "en")
    return all(item.kind != "unknown" for item in items) and any(
        item.has("finding", "attribute", "anatomy", "thing", "no", "affirm", "modifier")
        for item in items
    )


@lru_cache(maxsize=256)
def own_book(names: tuple[str, ...]) -> Lexicon | None:
    """Make a lexicon of names that only the evidence uses."""
    if not names:
        return None
    book = Lexicon("en")
    for name in names:
        book.add(name, ("finding", name))
    book.close()
    return book


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"\s+or\s+|\s*/\s*|;", name.lower()) if part]


@lru_cache(maxsize=1024)
def know(item: Evidence, names: tuple[str, ...]) -> Known:
    """Understand one piece of evidence.

    Args:
        item: The evidence.
        names: What `own_names` found in all that is cited.
    """
    book = own_book(names)
    claims = parse(_UNASSESSED.sub("", item.text), "en", book)
    fields = parse(_field_words(item.finding), "en", book)
    quantities = _quantities(item, claims)
    mentions = _graded(_mentions(item, claims, book), quantities)
    probability = _probability(item, quantities)
    if probability is not None and not _polygenic(item):
        mentions = _by_probability(mentions, probability)
    sides = claims.sides | (_LATERALITIES[item.finding.laterality] if item.finding else set())
    tags = {tag for each in (*claims.items, *fields.items) for tag in each.tags}
    return Known(
        item=item,
        claims=claims,
        mentions=tuple(_implied(mentions, quantities) + mentions),
        quantities=tuple(quantities + _grade_numbers(mentions)),
        sides=frozenset(sides),
        anatomy=claims.anatomy | fields.anatomy,
        tags=frozenset(tags),
        sources=sources_of(item.tool) | {v for kind, v in tags if kind == "src"},
        undecided=_undecided(item, claims),
        answer=_answer(item),
        class_size=_class_size(item),
    )


def _field_words(finding: EvidenceFinding | None) -> str:
    if finding is None:
        return ""
    return " ".join(filter(None, (finding.name, finding.site, finding.laterality)))


def _answer(item: Evidence) -> str | None:
    name = item.finding.name.lower() if item.finding else ""
    if name in {"yes", "no"}:
        return name
    if name in {"no or yes", "yes or no"} or "Can't tell" in item.text:
        return "open"
    return None


def _class_size(item: Evidence) -> int:
    name = item.finding.name if item.finding else ""
    return len(_classes(name)) if "coverage" in item.text or " or " in name else 0


def _classes(name: str) -> list[str]:
    """'Actinic keratosis or intraepithelial carcinoma' is one class."""
    one = name.replace("actinic keratosis or intraepithelial carcinoma", "actinic keratosis")
    return re.split(r"\s+or\s+", one.replace("pneumonia or opacity", "opacity"))


def _undecided(item: Evidence, claims: Claims) -> bool:
    """Tell whether the item as a whole says that it can't tell."""
    if item.finding is not None:
        return item.finding.assertion == "uncertain"
    return claims.has("undecided") or any(
        a.has("not") and b.has("sure")
        for sentence in claims.sentences
        for a, b in zip(sentence.items, sentence.items[1:], strict=False)
    )


def _mentions(item: Evidence, claims: Claims, book: Lexicon | None) -> list[Mention]:
    mentions = claims.mentions
    if item.finding is not None:
        mentions = _with_field(item.finding, mentions, book)
    elif (
        len(claims.sentences) <= _FEW
        and claims.has("undecided")
        and any(
            s.values("undecided") and not any(m.category == "finding" for m in s.mentions)
            for s in claims.sentences
        )
    ):
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
    level = 1 if probability >= _SURE else -1 if probability <= _DOUBTFUL else 0
    return [
        replace(m, level=level) if m.level is None and m.category in _JUDGED else m
        for m in mentions
    ]


def _with_field(
    finding: EvidenceFinding, mentions: Sequence[Mention], book: Lexicon | None
) -> list[Mention]:
    """Let the finding's fields say what is asserted, unless its text is less certain."""
    level = _LEVELS[finding.assertion]
    own = _field_mentions(finding, level, book)
    names = frozenset().union(*(m.names for m in own))
    merged, same = [], []
    for mention in mentions:
        if not mention.names & names or mention.category != "finding":
            merged.append(replace(mention, level=0) if level == 0 else mention)
        elif mention.level is None or mention.level * level >= 0 or level == 2:
            weak = mention.level == 0 and mention.undecided
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


def _field_mentions(finding: EvidenceFinding, level: int, book: Lexicon | None) -> list[Mention]:
    sides = frozenset(_LATERALITIES[finding.laterality])
    sites = parse(finding.site or "", "en", book).anatomy
    found = []
    for mention in parse(finding.name, "en", book).mentions:
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
    grades = {q.number.value for q in quantities if q.number.label == "grade"}
    if len(grades) != 1:
        return list(mentions)
    level = 2 if max(grades) > 0 else -2
    return [
        replace(m, level=level) if m.level is None and m.names == {"diabetic retinopathy"} else m
        for m in mentions
    ]


def _implied(mentions: Sequence[Mention], quantities: Sequence[Quantity]) -> list[Mention]:
    """A grade of retinopathy and its name are the same thing."""
    if not any("diabetic retinopathy" in m.names and (m.level or 0) > 0 for m in mentions):
        return []
    grades = [q.number.value for q in quantities if q.number.label == "grade"]
    text = _GRADES.get(int(grades[0])) if len(set(grades)) == 1 else None
    return parse(text).mentions if text else []


def _grade_numbers(mentions: Sequence[Mention]) -> list[Quantity]:
    """'Moderate diabetic retinopathy' is grade 2."""
    found = set()
    for mention in mentions:
        wide = frozenset().union(*(above(name) for name in mention.names))
        if "diabetic retinopathy" not in wide:
            continue
        found |= {_GRADED[m] for m in mention.modifiers if m in _GRADED}
        if "proliferative diabetic retinopathy" in mention.names:
            found.add(4)
    return [
        Quantity(Number(float(grade), 0.0, NONE, "=", 0, 0, "grade"), "grade") for grade in found
    ]


def _quantities(item: Evidence, claims: Claims) -> list[Quantity]:
    told = [q for s in claims.sentences for q in completed(s.quantities, _sides_of(s))]
    if item.value is None:
        return told
    value = Number(item.value, 0.0, unit_named(item.unit), "=", 0, 0)
    twins = [
        q
        for q in told
        if q.number.label is None and (agrees(q.number, value) or q.number.value == item.value)
    ]
    if twins:
        return [replace(twins[0], number=replace(value, comparator="=")), *told]
    tags = frozenset(tag for each in claims.items for tag in each.tags)
    nouns = sorted({v for kind, v in tags if kind == "q" and v != "coverage"})
    stats = sorted({v for kind, v in tags if kind == "stat"})
    quantity = nouns[0] if len(nouns) == 1 else None
    if item.finding and value.unit is NONE and 0 <= item.value <= 1 and not nouns:
        quantity = "probability"
    first = Quantity(
        value, quantity, stats[0] if len(stats) == 1 else None, sides=claims.sides, around=tags,
        earlier=True if ("earlier", "") in tags else None,
    )  # fmt: skip
    return [first, *told]


def _sides_of(sentence: object) -> frozenset[str]:
    values = sentence.values("side")  # type: ignore[attr-defined]
    return frozenset().union(*(SIDES[value] for value in values))


def _probability(item: Evidence, quantities: Sequence[Quantity]) -> float | None:
    for each in quantities:
        if each.quantity == "probability" and each.number.unit.kind in {"none", "proportion"}:
            return each.number.base
    return None


def category(name: str) -> str:
    """Return what kind of term a name is."""
    term = terms().get(name)
    return term.category if term else "finding"
