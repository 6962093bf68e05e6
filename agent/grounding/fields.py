"""What evidence says is there, from its text and its fields together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from agent.grounding.claims import Claims, parse
from agent.grounding.lexicon import Lexicon
from agent.grounding.mentions import SIDES, Mention
from agent.grounding.quantities import Quantity
from agent.grounding.scale import graded, implied
from specialists.schema import Evidence, EvidenceFinding

__all__ = ["LATERALITIES", "mentions_of", "undecided"]


_LEVELS = {"present": 2, "uncertain": 0, "absent": -2}
LATERALITIES = {
    "left": SIDES["left"], "right": SIDES["right"], "bilateral": SIDES["both"], None: frozenset()
}  # fmt: skip
_JUDGED = {"finding", "attribute"}
_FEW = 3
"""In so short a text, a sentence like 'The result is inconclusive.' speaks about all of it."""
_SURE, _DOUBTFUL = 0.8, 0.2


def undecided(item: Evidence, claims: Claims) -> bool:
    """Tell whether the item as a whole says that it can't tell."""
    if item.finding is not None:
        return item.finding.assertion == "uncertain"
    return claims.has("undecided") or any(
        a.has("not") and b.has("sure")
        for sentence in claims.sentences
        for a, b in zip(sentence.items, sentence.items[1:], strict=False)
    )


def mentions_of(
    item: Evidence, claims: Claims, book: Lexicon | None, quantities: Sequence[Quantity]
) -> list[Mention]:
    """Return what a piece of evidence says is there, or is not.

    Args:
        item: The evidence.
        claims: Its text, taken apart.
        book: Names that only the cited evidence uses.
        quantities: Its numbers.
    """
    mentions = graded(_told(item, claims, book), quantities)
    probability = _probability(item, quantities)
    if probability is not None and not _polygenic(item):
        mentions = _by_probability(mentions, probability)
    return [*implied(mentions, quantities), *mentions]


def _told(item: Evidence, claims: Claims, book: Lexicon | None) -> list[Mention]:
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
        elif (
            mention.level is None
            or mention.level * level >= 0
            or (level == 2 and not mention.modifiers)
        ):
            weak = mention.level == 0 and mention.undecided
            agreed = 0 if weak else level
            same.append(
                replace(mention, level=agreed, undecided=weak or level == 0, status="current")
            )
        elif mention.sides or mention.sites or mention.modifiers or mention.status != "current":
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
    sides = frozenset(LATERALITIES[finding.laterality])
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


def _probability(item: Evidence, quantities: Sequence[Quantity]) -> float | None:
    for each in quantities:
        if each.quantity == "probability" and each.number.unit.kind in {"none", "proportion"}:
            return each.number.base
    return None
