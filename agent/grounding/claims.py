"""From text to claims: what is named, how strongly, where, and with which numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.grounding.assertion import NOWHERE, Clause, Level, clauses, level_of, status_of
from agent.grounding.items import Item, itemise, unfold
from agent.grounding.lexicon import Lexicon
from agent.grounding.nearness import cost, nearest
from agent.grounding.numbers import Number, find_numbers
from agent.grounding.quantities import Quantity, find_quantities
from agent.grounding.tokens import Token, sentences, tokenise

__all__ = ["Claims", "Mention", "Sentence", "parse"]

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


@dataclass(frozen=True)
class Sentence:
    """One sentence, taken apart."""

    tokens: Sequence[Token]
    items: Sequence[Item]
    clauses: Sequence[Clause]
    mentions: Sequence[Mention]
    numbers: Sequence[Number]
    quantities: Sequence[Quantity]
    counted: frozenset[int]
    """Positions among the items that belong to numbers."""

    def clause_of(self, at: int) -> Clause:
        """Return the clause of an item."""
        return next((c for c in self.clauses if at in c), Clause(0, len(self.items)))

    def said_of_two(self, clause: Clause) -> bool:
        """Tell whether a clause is about one side or place against another."""
        sides = {
            v for at in range(clause.start, clause.end) for v in self.items[at].values("side")
        } - {"both"}
        return bool(sides) and not any(clause == q.clause for q in self.quantities)

    def values(self, kind: str) -> set[str]:
        """Return the values of one kind of tag in the sentence."""
        return {
            value
            for at, item in enumerate(self.items)
            if at not in self.counted
            for value in item.values(kind)
        }


@dataclass(frozen=True)
class Claims:
    """All that a text says."""

    text: str
    language: str
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
    def items(self) -> list[Item]:
        """All items, in order."""
        return [item for sentence in self.sentences for item in sentence.items]

    @property
    def anatomy(self) -> frozenset[str]:
        """All places that are named."""
        return frozenset(v for sentence in self.sentences for v in sentence.values("anatomy"))

    @property
    def sides(self) -> frozenset[str]:
        """All sides that are named."""
        named = {v for sentence in self.sentences for v in sentence.values("side")}
        return frozenset().union(*(SIDES[value] for value in named))

    @property
    def stems(self) -> frozenset[str]:
        """All words."""
        return frozenset(t.stem for sentence in self.sentences for t in sentence.tokens)

    def has(self, *kinds: str) -> bool:
        """Tell whether any item has a tag of one of these kinds."""
        return any(item.has(*kinds) for item in self.items)


def parse(text: str, language: str = "en", own: Lexicon | None = None) -> Claims:
    """Take a text apart.

    Args:
        text: A statement, or the text of evidence.
        language: Of the text.
        own: Names that only the cited evidence uses.
    """
    told = tuple(_sentence(part, language, own) for part in sentences(text))
    return Claims(text, language, told)


def _sentence(text: str, language: str, own: Lexicon | None) -> Sentence:
    tokens = unfold(tokenise(text, language), language)
    items = itemise(tokens, language, own)
    numbers = find_numbers(tokens, items, language)
    counted = frozenset(
        at
        for at, item in enumerate(items)
        for number in numbers
        if item.start < number.end and number.start < item.end
    )
    spans = clauses(items)
    mentions = _placed(items, spans, _mentions(items, spans, counted), counted)
    mentions = [_joined(each) for each in mentions]
    quantities = _renamed(items, mentions, find_quantities(items, spans, numbers, counted))
    return Sentence(
        tokens, items, spans, tuple(_grouped(items, mentions)), numbers, quantities, counted
    )


def _renamed(
    items: Sequence[Item], mentions: Sequence[Mention], quantities: Sequence[Quantity]
) -> list[Quantity]:
    """Let numbers be of a name that a finding and its place have together."""
    joined = {v: m.names for m in mentions for v in items[m.start].values("finding")}
    return [
        replace(q, subjects=frozenset(n for s in q.subjects for n in joined.get(s, {s})))
        for q in quantities
    ]


def _mentions(
    items: Sequence[Item], spans: Sequence[Clause], counted: frozenset[int]
) -> list[Mention]:
    found = []
    asked = bool(items) and items[-1].text == "?"
    shared = any(("thing", "tile") in item.tags for item in items) and any(
        item.kind == "number" or item.has("frac") or at in counted for at, item in enumerate(items)
    )
    scored = any({("q", "score"), ("q", "percentile")} & item.tags for item in items)
    for clause in spans:
        sources = frozenset(
            v for at in range(clause.start, clause.end) for v in pure_sources(items[at])
        )
        for at in range(clause.start, clause.end):
            item = items[at]
            kind = next((k for k in _MENTIONED if item.has(k)), None)
            if kind is None or at in counted:
                continue
            level, undecided = level_of(items, clause, at)
            if kind == "finding" and shared and level in {0, 1, 2}:
                level = None
            if kind == "finding" and scored and level == 2 and _names_score(items, clause, at):
                level = None
            status = "hypothetical" if asked else status_of(items, clause, at)
            names = frozenset(item.values(kind)[:1])
            found.append(
                Mention(
                    names,
                    kind,
                    level,
                    undecided,
                    status,
                    start=at,
                    end=at + 1,
                    clause=clause,
                    sources=sources,
                )
            )
    return found


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


def _placed(
    items: Sequence[Item],
    spans: Sequence[Clause],
    mentions: Sequence[Mention],
    counted: frozenset[int],
) -> list[Mention]:
    """Give each side, site and modifier to the nearest mention of its clause."""
    got: dict[int, dict[str, set[str]]] = {
        id(m): {"sides": set(), "sites": set(), "modifiers": set()} for m in mentions
    }
    for clause in spans:
        inside = [m for m in mentions if m.clause == clause]
        holders = [m for m in inside if m.category in {"finding", "procedure"}]
        holders = holders or [m for m in inside if m.category in {"change", "attribute"}]
        places = [(m.start, m.end) for m in holders]
        risky = any(("q", "risk") in items[at].tags for at in range(clause.start, clause.end))
        for at in range(clause.start, clause.end):
            for slot, values, kind in _extras(items[at], risky):
                if at in counted:
                    continue
                index = nearest(items, (at, at + 1), places)
                if index is None or (kind == "loose" and not _beside(items, at, places[index])):
                    continue
                if holders[index].start == at and slot != "sites":
                    continue
                got[id(holders[index])][slot] |= values
        for each in inside:
            if each.category == "change" and holders and holders[0].category == "finding":
                index = nearest(items, (each.start, each.end), places)
                if index is not None:
                    got[id(holders[index])]["modifiers"] |= each.names
    return [
        replace(
            m,
            sides=frozenset(got[id(m)]["sides"]),
            sites=frozenset(got[id(m)]["sites"]),
            modifiers=frozenset(got[id(m)]["modifiers"]),
        )
        for m in mentions
    ]


def _extras(item: Item, risky: bool) -> list[tuple[str, set[str], str]]:
    extras = [("sides", set(SIDES[side]), "side") for side in item.values("side")]
    extras += [("sites", {site}, "site") for site in item.values("anatomy")]
    if risky:
        extras += [("modifiers", {f"{value} risk"}, "modifier") for value in item.values("hl")]
    return extras + [
        ("modifiers", {name}, "loose" if name in _LOOSE else "modifier")
        for name in item.values("modifier")
    ]


def _beside(items: Sequence[Item], at: int, place: tuple[int, int]) -> bool:
    return cost(items, (at, at + 1), place) <= 3


def _joined(mention: Mention) -> Mention:
    """Call a name and its place by the name that both have together."""
    for (name, place), whole in _JOINED.items():
        if name in mention.names and place in mention.sites:
            return replace(
                mention, names=mention.names - {name} | {whole}, category="finding",
                sites=mention.sites - {place},
            )  # fmt: skip
    return mention


def _grouped(items: Sequence[Item], mentions: Sequence[Mention]) -> list[Mention]:
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
