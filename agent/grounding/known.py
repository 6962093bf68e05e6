"""What one piece of evidence says, from its text and its fields together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from agent.grounding.agreement import agrees
from agent.grounding.claims import Claims, parse
from agent.grounding.fields import LATERALITIES, mentions_of, undecided
from agent.grounding.frames import sources_of
from agent.grounding.items import itemise
from agent.grounding.lexicon import Lexicon, lexicon
from agent.grounding.mentions import SIDES, Mention
from agent.grounding.numbers import Number
from agent.grounding.quantities import Quantity, completed
from agent.grounding.scale import grade_numbers
from agent.grounding.tokens import stem, tokenise
from agent.grounding.units import NONE, unit_named
from specialists.schema import Evidence, EvidenceFinding

__all__ = ["Known", "know", "own_names"]

_ONE_CLASS, _ONE_WORD = "pneumonia or opacity", "opacity"
_MEDICAL = re.compile(
    r"(?:itis|oma|omas|osis|oses|pathy|[ae]mia|plasia|trophy|megaly|penia|uria|algia|cele|ectasi[sa]"
    r"|lithiasis|cations?|plegia|paresis|rrhea|rrhage|cysts?|toma|pnea)$"
)
_UNASSESSED = re.compile(r"^(NOT ASSESSED|LIMITS|LIMITATIONS)\s*\n.*?(?=\n\n|\Z)", re.M | re.S)
"""Blocks of a report that name things only to say that nothing is known of them."""


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
    listed = list(cited)
    parts = {part for each in listed if each.finding for part in _parts(each.finding.name)}
    strange = {part for part in parts if not _understood(part)}
    strange |= {word for each in listed for word in _medical_words(each.text)}
    return tuple(sorted(strange | {name for each in listed for name in _none_of(each)}))


def _none_of(item: Evidence) -> set[str]:
    """'No osteosarcoma', where it is a class of its own among others."""
    finding = item.finding
    if finding is None or finding.assertion != "uncertain" or "retinopathy" in finding.name:
        return set()
    whole = finding.name.lower()
    opens = re.findall(r"(?:^| or )(no .+?)(?= or |$)", whole.replace(_ONE_CLASS, _ONE_WORD))
    return {each.replace(_ONE_WORD, _ONE_CLASS) for each in opens}


@lru_cache(maxsize=1024)
def _medical_words(text: str) -> frozenset[str]:
    """Words of the evidence that no table has, and that look like findings."""
    words = {token.text for token in tokenise(text) if token.kind == "word"}
    unknown = {word for word in words if stem(word) not in lexicon("en").vocabulary}
    return frozenset(word for word in unknown if _MEDICAL.search(word))


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
    mentions = mentions_of(item, claims, book, quantities)
    sides = claims.sides | (LATERALITIES[item.finding.laterality] if item.finding else set())
    tags = {tag for each in (*claims.items, *fields.items) for tag in each.tags}
    return Known(
        item=item,
        claims=claims,
        mentions=tuple(mentions),
        quantities=tuple(quantities + grade_numbers(mentions)),
        sides=frozenset(sides),
        anatomy=claims.anatomy | fields.anatomy,
        tags=frozenset(tags),
        sources=_sources(item, tags),
        undecided=undecided(item, claims),
        answer=_answer(item),
        class_size=_class_size(item),
    )


def _sources(item: Evidence, tags: set[tuple[str, str]]) -> frozenset[str]:
    """What the text names, and what the tool looks at, unless the text says that it is OCT."""
    told = {value for kind, value in tags if kind == "src"}
    usual = sources_of(item.tool) - ({"photograph", "fundus"} if "oct" in told else set())
    return usual | told


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
