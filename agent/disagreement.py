"""Where specialists, or two readers of one specialist, contradict each other.

Both sides stay in the answer, each in its own statement. Nothing is averaged or chosen: the
disagreement is named, with what each side is worth by its card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from agent.answer import Disagreement, Fact, Language
from agent.composition.grouping import repeats, same_reading
from agent.grounding import subjects, terms_in
from agent.language import phrase
from specialists.schema import Evidence, EvidenceFinding, Provenance

__all__ = ["disagreements"]

_SAME_SIZE = 0.1
"""Two readers' measurements that differ by more of the greater one disagree."""

Facts = Mapping[str, Fact]


def disagreements(
    evidence: Sequence[Evidence],
    facts: Facts,
    models: Mapping[str, Sequence[Provenance]],
    language: Language = "en",
) -> list[Disagreement]:
    """Find pairs of evidence on one file that can't both be right.

    Args:
        evidence: All that the specialists said.
        facts: What each piece is about, by its id.
        models: Who was consulted, by tool: their cards say what each side is worth.
        language: Of the sentence around the two sides.
    """
    told = [each for each in evidence if not repeats(each, evidence, facts)]
    return [
        _named(one, other, facts, models, language)
        for one, other in combinations(told, 2)
        if one.attachment == other.attachment and _contradict(one, other, facts)
    ]


def _contradict(one: Evidence, other: Evidence, facts: Facts) -> bool:
    if one.finding is not None and other.finding is not None:
        apart = not same_reading(one, other, facts)
        return _opposed(one.finding, other.finding) or (apart and _disjoint(one, other, facts))
    return not same_reading(one, other, facts) and _unequal(one, other, facts)


def _opposed(one: EvidenceFinding, other: EvidenceFinding) -> bool:
    """One says that it is there, the other that it, or something broader, is not."""
    sides = {one.assertion: one, other.assertion: other}
    if set(sides) != {"present", "absent"}:
        return False
    there, gone = sides["present"], sides["absent"]
    if there.name != gone.name:
        open_choice = " or " in there.name
        if open_choice or not terms_in(there.name) & subjects(gone.name)["named"]:
            return False
    return _covers(gone.site, there.site) and _covers(gone.laterality, there.laterality)


def _covers(gone: str | None, there: str | None) -> bool:
    """What is nowhere is not here either."""
    return gone is None or gone == there


def _disjoint(one: Evidence, other: Evidence, facts: Facts) -> bool:
    """Two prediction sets of one question that have no class in common."""
    known = [facts[each.id] for each in (one, other) if each.id in facts]
    if len(known) < 2 or {each.kind for each in known} != {"set"}:
        return False
    same = known[0].name == known[1].name and all(each.labels for each in known)
    return same and not set(known[0].labels) & set(known[1].labels)


def _unequal(one: Evidence, other: Evidence, facts: Facts) -> bool:
    """Two measurements of the same thing that are further apart than ten percent."""
    if one.value is None or other.value is None or one.unit != other.unit:
        return False
    if one.id not in facts or other.id not in facts:
        return False
    first, second = facts[one.id], facts[other.id]
    what = ("kind", "name", "site", "laterality", "sample")
    if first.kind == "text" or any(getattr(first, k) != getattr(second, k) for k in what):
        return False
    greater = max(abs(one.value), abs(other.value))
    return abs(one.value - other.value) > _SAME_SIZE * greater


def _named(
    one: Evidence,
    other: Evidence,
    facts: Facts,
    models: Mapping[str, Sequence[Provenance]],
    language: Language,
) -> Disagreement:
    return Disagreement(
        text=phrase(
            "disagree",
            language,
            one=_reader(one, other, facts),
            other=_reader(other, one, facts),
            said=one.text,
            against=other.text,
        ),
        citations=(one.id, other.id),
        worth=tuple(_worth([one, other], facts, models)),
    )


def _reader(item: Evidence, other: Evidence, facts: Facts) -> str:
    """The tool, and which of its models where both are of one tool."""
    backend = facts[item.id].backend if item.id in facts else None
    return f"{item.tool} ({backend})" if backend and item.tool == other.tool else item.tool


def _worth(
    items: Sequence[Evidence], facts: Facts, models: Mapping[str, Sequence[Provenance]]
) -> Iterator[str]:
    """What the card of each side's model says of its evaluation."""
    for item in items:
        backend = facts[item.id].backend if item.id in facts else None
        cards = [one for one in models.get(item.tool, ()) if backend in {None, one.backend}]
        told = cards[0].evaluated_on if cards else "no evaluation is known"
        yield f"{item.tool} ({cards[0].backend}): {told}" if cards else f"{item.tool}: {told}"
