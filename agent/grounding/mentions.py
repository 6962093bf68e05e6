"""What a sentence names: findings, procedures, drugs, changes, with their sides and sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.grounding.assertion import level_of, status_of
from agent.grounding.clauses import NOWHERE, Clause, Level
from agent.grounding.items import Item
from agent.grounding.nearness import cost, nearest

__all__ = ["SIDES", "Mention", "find_mentions", "grouped"]


_MENTIONED = ("finding", "trait", "procedure", "drug", "change", "attribute")
SIDES = {
    "left": frozenset({"left"}), "right": frozenset({"right"}), "both": frozenset({"left", "right"})
}  # fmt: skip
_LOOSE = {"single", "multiple", "small", "early", "minimal", "old", "simple", "large", "dense",
          "mild", "high risk", "low risk"}  # fmt: skip
"""Modifiers that are everyday words too: they count only right beside a finding."""
_JOINED = {
    ("fluid", "lung"): "pleural effusion",
    ("fluid", "pleura"): "pleural effusion",
    ("fluid", "abdomen"): "ascites",
    ("pleural effusion", "pericardium"): "pericardial effusion",
    ("thrombosis", "pulmonary artery"): "pulmonary embolism",
    ("thrombosis", "lung"): "pulmonary embolism",
    ("enlargement", "heart"): "cardiomegaly",
    ("enlargement", "lymph node"): "lymphadenopathy",
    ("enlargement", "liver"): "hepatomegaly",
    ("enlargement", "spleen"): "splenomegaly",
    ("cyst", "kidney"): "renal cyst",
    ("tumor", "lung"): "lung tumor",
    ("adenocarcinoma", "lung"): "lung adenocarcinoma",
    ("squamous cell carcinoma", "lung"): "lung squamous cell carcinoma",
    ("adenocarcinoma", "colorectum"): "colorectal adenocarcinoma",
    ("adenocarcinoma", "colon"): "colorectal adenocarcinoma",
    ("cancer", "colorectum"): "colorectal cancer",
    ("cancer", "skin"): "skin cancer",
    ("cancer", "lung"): "lung cancer",
    ("cancer", "breast"): "breast cancer",
    ("edema", "macula"): "diabetic macular edema",
    ("edema", "lung"): "pulmonary edema",
    ("fracture", "rib"): "rib fracture",
    ("stone", "kidney"): "kidney stone",
    ("calcification", "aorta"): "aortic calcification",
    ("calcification", "coronary artery"): "coronary artery calcification",
    ("calcification", "vessel"): "vessel calcium",
    ("aneurysm", "aorta"): "aortic aneurysm",
    ("viable", "osteosarcoma"): "viable osteosarcoma",
    ("viable", "tumor"): "viable tumor",
}
"""A name and a place, or an attribute and a name, that together have a name of their own."""


@dataclass(frozen=True)
class Mention:
    """A finding, procedure, drug, change or attribute that a text names."""

    names: frozenset[str]
    """More than one where the text leaves open which ('A or B')."""
    category: str
    level: Level
    undecided: bool
    status: str
    sides: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    modifiers: frozenset[str] = frozenset()
    start: int = 0
    end: int = 0
    """Positions among the sentence's items."""
    clause: Clause = NOWHERE
    sources: frozenset[str] = frozenset()
    """Where it was seen, if the clause says so: 'film', 'ct'."""


def find_mentions(
    items: Sequence[Item], spans: Sequence[Clause], counted: frozenset[int]
) -> list[Mention]:
    """Find what a sentence names.

    Args:
        items: The sentence.
        spans: Its clauses.
        counted: Positions of items that belong to numbers.
    """
    found = [
        _mention(items, clause, at)
        for clause in spans
        for at in range(clause.start, clause.end)
        if at not in counted and items[at].has(*_MENTIONED)
    ]
    found = _levelled(items, counted, found)
    return [_joined(each) for each in _placed(items, spans, found, counted)]


def _mention(items: Sequence[Item], clause: Clause, at: int) -> Mention:
    item = items[at]
    kind = next(k for k in _MENTIONED if item.has(k))
    level, undecided = level_of(items, clause, at)
    asked = items[-1].text == "?"
    return Mention(
        frozenset(item.values(kind)[:1]),
        kind,
        level,
        undecided,
        "hypothetical" if asked else status_of(items, clause, at),
        start=at,
        end=at + 1,
        clause=clause,
        sources=frozenset(
            v for place in range(clause.start, clause.end) for v in pure_sources(items[place])
        ),
    )


def _levelled(
    items: Sequence[Item], counted: frozenset[int], mentions: Sequence[Mention]
) -> list[Mention]:
    """A finding that only says which tiles are counted, or which score, asserts nothing."""
    shared = any(("thing", "tile") in item.tags for item in items) and any(
        item.kind == "number" or item.has("frac") or at in counted for at, item in enumerate(items)
    )
    scored = any({("q", "score"), ("q", "percentile")} & item.tags for item in items)

    def named(m: Mention) -> bool:
        counts = shared and m.level in {0, 1, 2}
        return m.category == "finding" and (
            counts or (scored and m.level == 2 and _names_score(items, m.clause, m.start))
        )

    return [replace(m, level=None) if named(m) else m for m in mentions]


def pure_sources(item: Item) -> list[str]:
    """'Film' and 'CT', and not 'sample', which is a number's name too."""
    return item.values("src") if all(kind == "src" for kind, _ in item.tags) else []


def _names_score(items: Sequence[Item], clause: Clause, at: int) -> bool:
    """Tell whether a disease only names the score that is for it: 'PGS000001 (breast cancer)'."""
    before = items[at - 1] if at > clause.start else None
    inside = items[clause.start : clause.end]
    return (
        before is not None
        and (before.text == "(" or (before.has("w") and len(before.text) <= 5))
        and not any(i.has("seen", "affirm", "abs", "no", "not") for i in inside)
    )


Slots = dict[str, set[str]]
"""Of a mention: its sides, sites and modifiers."""


def _placed(
    items: Sequence[Item],
    spans: Sequence[Clause],
    mentions: Sequence[Mention],
    counted: frozenset[int],
) -> list[Mention]:
    """Give each side, site and modifier to the nearest mention of its clause."""
    got: dict[int, Slots] = {
        id(m): {"sides": set(), "sites": set(), "modifiers": set()} for m in mentions
    }
    for clause in spans:
        inside = [m for m in mentions if m.clause == clause]
        holders = [m for m in inside if m.category in {"finding", "procedure"}]
        holders = holders or [m for m in inside if m.category in {"change", "attribute"}]
        _share_out(items, clause, counted, holders, got)
        _change(items, inside, holders, got)
    _refer(items, mentions, got)
    return [_with(m, **got[id(m)]) for m in mentions]


def _with(mention: Mention, sides: set[str], sites: set[str], modifiers: set[str]) -> Mention:
    return replace(
        mention,
        sides=frozenset(sides),
        sites=frozenset(sites),
        modifiers=frozenset(modifiers),
    )


def _share_out(
    items: Sequence[Item],
    clause: Clause,
    counted: frozenset[int],
    holders: Sequence[Mention],
    got: dict[int, Slots],
) -> None:
    places = [(m.start, m.end) for m in holders]
    risky = any(("q", "risk") in items[at].tags for at in range(clause.start, clause.end))
    for at in set(range(clause.start, clause.end)) - counted:
        for slot, values, kind in _extras(items[at], risky):
            index = nearest(items, (at, at + 1), places)
            if index is None or (kind == "loose" and not _beside(items, at, places[index])):
                continue
            if holders[index].start != at or slot == "sites":
                got[id(holders[index])][slot] |= values


def _change(
    items: Sequence[Item],
    inside: Sequence[Mention],
    holders: Sequence[Mention],
    got: dict[int, Slots],
) -> None:
    """'New effusion': a change is a modifier of the nearest finding too."""
    places = [(m.start, m.end) for m in holders]
    for each in inside:
        if each.category == "change" and holders and holders[0].category == "finding":
            index = nearest(items, (each.start, each.end), places)
            if index is not None:
                got[id(holders[index])]["modifiers"] |= each.names


def _refer(items: Sequence[Item], mentions: Sequence[Mention], got: dict[int, Slots]) -> None:
    """'No referable retinopathy' does not say that there is none."""
    for each in mentions:
        for other in mentions:
            near = each.names == {"referable"} and other.category == "finding"
            if near and _beside(items, each.start, (other.start, other.end), 2):
                got[id(other)]["modifiers"].add("referable")


def _extras(item: Item, risky: bool) -> list[tuple[str, set[str], str]]:
    extras = [("sides", set(SIDES[side]), "side") for side in item.values("side")]
    extras += [("sites", {site}, "site") for site in item.values("anatomy")]
    if risky:
        extras += [("modifiers", {f"{value} risk"}, "modifier") for value in item.values("hl")]
    return extras + [
        ("modifiers", {name}, "loose" if name in _LOOSE else "modifier")
        for name in item.values("modifier")
    ]


def _beside(items: Sequence[Item], at: int, place: tuple[int, int], far: int = 3) -> bool:
    return cost(items, (at, at + 1), place) <= far


def _joined(mention: Mention) -> Mention:
    """Call a name and its place by the name that both have together."""
    for (name, place), whole in _JOINED.items():
        if name in mention.names and place in mention.sites:
            return replace(
                mention, names=mention.names - {name} | {whole}, category="finding",
                sites=mention.sites - {place},
            )  # fmt: skip
    return mention


def grouped(items: Sequence[Item], mentions: Sequence[Mention]) -> list[Mention]:
    """Join 'A or B' where it is said to be there: one of them is meant, open which."""
    grouped: list[Mention] = []
    for mention in mentions:
        last = grouped[-1] if grouped else None
        if last is not None and _or_between(items, last, mention):
            grouped[-1] = replace(
                last, names=last.names | mention.names, end=mention.end,
                sides=last.sides | mention.sides, sites=last.sites | mention.sites,
                modifiers=last.modifiers | mention.modifiers,
                level=last.level if last.level is not None else mention.level,
            )  # fmt: skip
        else:
            grouped.append(mention)
    return grouped


def _or_between(items: Sequence[Item], last: Mention, mention: Mention) -> bool:
    kinds = {last.category, mention.category}
    if not kinds <= {"finding", "attribute"} or last.clause != mention.clause:
        return False
    if any(m.level is not None and m.level <= 0 for m in (last, mention)):
        return False
    between = items[last.end : mention.start]
    if not between or len(between) > 6 or any(i.kind == "number" for i in between):
        return False
    ahead = items[mention.end : mention.clause.end]
    lists = any(i.text == "," for i in between) and any(i.has("or") for i in ahead)
    return (any(i.has("or") for i in between) or lists) and not any(
        i.has("and", "no") and not i.has("or") for i in between
    )
