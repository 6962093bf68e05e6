"""Which pieces of evidence belong in one sentence, and which of them matter to an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.answer import Fact
from agent.grounding import terms_in
from specialists.schema import Evidence

__all__ = [
    "EARLIER",
    "Draft",
    "Facts",
    "classes_of",
    "drafts_of",
    "is_set",
    "other_side",
    "repeats",
    "same_reading",
    "technical",
]

Facts = Mapping[str, Fact]
Form = Literal["finding", "absent", "change", "set", "score", "pair", "row", "text"]

SIDE = re.compile(r"\b(left|right)\b", re.I)
NUMBER = re.compile(r"[-−]?\d[\d,.  ]*\d|[-−]?\d")
EARLIER = re.compile(r"^probability of (?P<finding>.+) on the earlier film$")
"""Name of the measurement that tells of the prior."""

_LONGEST = 260
"""Characters of a statement that joins several measurements."""
_TECHNICAL = re.compile(r"^(field of view|scan length|noise of|length of .+ in view)")


@dataclass(frozen=True)
class Draft:
    """Evidence that is told in one statement."""

    form: Form
    cited: tuple[Evidence, ...]


def drafts_of(evidence: Sequence[Evidence], facts: Facts) -> list[Draft]:
    """Sort evidence into statements: findings first, then measurements, then texts."""
    earlier = {each.id: each for each in evidence if _is_earlier(each, facts)}
    return [
        *_findings(evidence, facts, earlier),
        *_measurements([each for each in evidence if each.id not in earlier], facts),
        *_texts(evidence),
    ]


def is_set(item: Evidence, facts: Facts) -> bool:
    """Whether the evidence is a prediction set."""
    if item.id in facts:
        return facts[item.id].kind == "set"
    return item.finding is not None and "coverage" in item.text


def classes_of(fact: Fact, ranked: bool) -> tuple[str, ...]:
    """The classes of a set: in the model's order, or the likeliest first."""
    if not ranked:
        return fact.labels
    pairs = sorted(zip(fact.shares, fact.labels, strict=True), key=lambda pair: -pair[0])
    return tuple(label for _, label in pairs)


def repeats(item: Evidence, evidence: Sequence[Evidence], facts: Facts) -> bool:
    """A prediction set about nothing but a finding of the same call says the same again."""
    if item.finding is None or not is_set(item, facts):
        return False
    own = terms_in(item.finding.name)
    return any(
        other.finding is not None
        and not is_set(other, facts)
        and own <= terms_in(other.finding.name)
        and same_reading(item, other, facts)
        for other in evidence
    )


def same_reading(one: Evidence, other: Evidence, facts: Facts) -> bool:
    """Whether one model said both of one file."""
    backends = [facts[each.id].backend if each.id in facts else None for each in (one, other)]
    return (one.tool, one.attachment, backends[0]) == (other.tool, other.attachment, backends[1])


def technical(item: Evidence, facts: Facts) -> bool:
    """Whether a measurement is of the scan and not of the person."""
    name = facts[item.id].name if item.id in facts else None
    return bool(name and _TECHNICAL.match(name))


# Findings


def _is_earlier(item: Evidence, facts: Facts) -> bool:
    name = facts[item.id].name if item.id in facts else None
    return bool(name and EARLIER.match(name)) or item.text.startswith("On the earlier film ")


def _findings(
    evidence: Sequence[Evidence], facts: Facts, earlier: Mapping[str, Evidence]
) -> Iterator[Draft]:
    found = [
        each for each in evidence if each.finding is not None and not repeats(each, evidence, facts)
    ]
    for group in _absent_together(found, facts):
        if len(group) > 1:
            yield Draft("absent", tuple(group))
            continue
        prior = [old for old in earlier.values() if same_reading(group[0], old, facts)]
        if is_set(group[0], facts):
            yield Draft("set", (group[0],))
        elif prior:
            yield Draft("change", (group[0], prior[0]))
        else:
            yield Draft("finding", (group[0],))


def _absent_together(found: Sequence[Evidence], facts: Facts) -> list[list[Evidence]]:
    """What is absent by one model on one file stands in one sentence, after what is there."""
    groups: list[list[Evidence]] = []
    for each in found:
        fits = [
            one
            for one in groups
            if _absent(each, facts) and _absent(one[0], facts) and same_reading(one[0], each, facts)
        ]
        if fits:
            fits[0].append(each)
        else:
            groups.append([each])
    return sorted(groups, key=lambda one: len(one) > 1)


def _absent(item: Evidence, facts: Facts) -> bool:
    absent = item.finding is not None and item.finding.assertion == "absent"
    return absent and not is_set(item, facts)


# Measurements and scores


def _measurements(evidence: Sequence[Evidence], facts: Facts) -> Iterator[Draft]:
    numbers = [each for each in evidence if each.finding is None and each.value is not None]
    rest = sorted(numbers, key=lambda each: technical(each, facts))
    while rest:
        draft = (
            _score(rest[0], rest, facts)
            or _pair(rest[0], rest, facts)
            or _row(rest[0], rest, facts)
        )
        rest = [each for each in rest if each not in draft.cited]
        yield draft


def _score(first: Evidence, rest: Sequence[Evidence], facts: Facts) -> Draft | None:
    """A polygenic score, its percentile and its overlap belong together."""
    score = _score_name(first)
    if score is None or first.unit != "1" or not re.search(r"polygenic score", first.text, re.I):
        return None
    parts = [first]
    for each in rest[1:]:
        told = each.unit == "{percentile}" or "(overlap " in each.text
        told = told and _score_name(each) == score and same_reading(first, each, facts)
        if len(parts) < 3 and told:
            parts.append(each)
    return Draft("score", tuple(parts)) if len(parts) > 1 else None


def _score_name(item: Evidence) -> str | None:
    named = re.search(r"\bPGS\d+\b|(?<=score )\S+", item.text)
    return named.group() if named else None


def _pair(first: Evidence, rest: Sequence[Evidence], facts: Facts) -> Draft | None:
    """The same measurement of the other side."""
    for other in rest[1:]:
        same = other.unit == first.unit and same_reading(first, other, facts)
        if same and other_side(first, other):
            return Draft("pair", (first, other))
    return None


def other_side(one: Evidence, two: Evidence) -> bool:
    """Whether two texts of one file differ in nothing but the side and the number."""
    sides = [set(map(str.lower, SIDE.findall(each.text))) for each in (one, two)]
    if len(sides[0]) != 1 or len(sides[1]) != 1 or sides[0] == sides[1]:
        return False
    return _skeleton(one.text) == _skeleton(two.text) and one.attachment == two.attachment


def _skeleton(text: str) -> str:
    return NUMBER.sub("#", SIDE.sub("|", text)).lower()


def _row(first: Evidence, rest: Sequence[Evidence], facts: Facts) -> Draft:
    """What follows of the same tool and unit, as long as the sentence stays readable."""
    if technical(first, facts):
        return Draft(
            "row", tuple(e for e in rest if technical(e, facts) and same_reading(first, e, facts))
        )
    group, length = [first], len(first.text)
    for each in rest[1:]:
        same = (
            same_reading(first, each, facts)
            and each.unit == first.unit
            and not technical(each, facts)
        )
        length += len(each.text)
        paired = (
            any(other_side(each, other) for other in rest) or _score(each, rest, facts) is not None
        )
        if not same or paired or length > _LONGEST or len(group) == 3:
            break
        group.append(each)
    return Draft("row", tuple(group))


def _texts(evidence: Sequence[Evidence]) -> Iterator[Draft]:
    """Texts without fields; a report beside findings of its own call only repeats them."""
    structured = {(e.tool, e.attachment) for e in evidence if e.finding or e.value is not None}
    for each in evidence:
        if each.finding or each.value is not None or (each.tool, each.attachment) in structured:
            continue
        yield Draft("text", (each,))
