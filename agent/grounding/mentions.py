"""What a sentence names, how strongly, where and with which modifiers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.grounding.assertion import Level, Trigger, clauses, level_of, status_of
from agent.grounding.frames import SOURCES
from agent.grounding.nearness import nearest
from agent.grounding.tokens import Token

__all__ = ["Mention", "Place", "Side", "find_mentions", "grouped", "placed", "source_of"]

Place = tuple[int, int, str]
"""First token, one behind the last, and the term."""
Side = tuple[int, frozenset[str]]
"""Token, and the sides that it names."""


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
    source: str | None = None
    """Where it was seen, if the clause says so: 'film', 'ct'."""
    member: bool = False
    """Named as one class of a prediction set."""


def find_mentions(
    tokens: Sequence[Token],
    triggers: Sequence[Trigger],
    named: Sequence[Place],
    kinds: dict[str, str],
) -> list[Mention]:
    """Make a mention of each term that is no place and no modifier; places come with `placed`."""
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
                    empty, empty, empty, start, end, source_of(tokens, (start, end)),
                    _member(triggers, start, end))
        )  # fmt: skip
    return mentions


def source_of(tokens: Sequence[Token], place: tuple[int, int]) -> str | None:
    """Return the word of the clause that says where a thing was seen."""
    span = next((clause for clause in clauses(tokens) if place[0] in clause), range(0))
    spans = [(at, at + 1) for at in span if tokens[at].stem in SOURCES]
    index = nearest(tokens, place, spans)
    return None if index is None else tokens[spans[index][0]].stem


def _member(triggers: Sequence[Trigger], start: int, end: int) -> bool:
    return any(t.meaning == "member" and t.covers(start, end) for t in triggers)


def _names_score(tokens: Sequence[Token], start: int, end: int) -> bool:
    """Tell whether a disease only names the score that is for it: 'PGS000001 (breast cancer)'."""
    before = tokens[start - 1].text if start else ""
    after = tokens[end].stem if end < len(tokens) else ""
    if before in {"for", "of", "("} or after in {"scor", "pg", "prs", "polygenic", ":", ")"}:
        return True
    return after == "risk" and end + 1 < len(tokens) and tokens[end + 1].stem == "scor"


def placed(
    tokens: Sequence[Token],
    mentions: Sequence[Mention],
    anatomy: Sequence[Place],
    sides: Sequence[Side],
    modifiers: Sequence[Place],
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
            index = nearest(tokens, place, spans) if place[0] in span else None
            if index is not None:
                got[id(inside[index])][slot] |= values
    return [
        replace(
            m,
            sides=frozenset(got[id(m)]["sides"]),
            sites=frozenset(got[id(m)]["sites"]),
            modifiers=frozenset(got[id(m)]["modifiers"]),
        )
        for m in mentions
    ]


def grouped(tokens: Sequence[Token], mentions: Sequence[Mention]) -> list[Mention]:
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
