"""The classes that come into question, each with what speaks for and against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from agent.answer import Language
from agent.composition.english import lowered, readable
from agent.composition.grouping import Facts, classes_of, is_set, same_reading
from agent.composition.translated import clause
from agent.grounding import check
from agent.language import number, phrase, share, term
from specialists.schema import Evidence

__all__ = ["Candidate", "candidates"]

_OPPOSITE = {"present": "absent", "absent": "present"}


class Candidate(NamedTuple):
    """A class in question, in words."""

    text: str
    cited: tuple[Evidence, ...]


def candidates(
    item: Evidence, evidence: Sequence[Evidence], facts: Facts, language: Language
) -> Iterator[Candidate]:
    """Tell the classes of an open set, the likeliest first, where there is more to say of them.

    Args:
        item: The prediction set.
        evidence: All that there is; of the same reading, it may speak for or against a class.
        facts: What each piece is about; without them the set has no order, and nothing is told.
        language: Of the statements.
    """
    fact = facts.get(item.id)
    if fact is None or len(fact.labels) < 2:
        return
    beside = [
        each
        for each in evidence
        if each.finding and same_reading(item, each, facts) and not is_set(each, facts)
    ]
    told: list[Candidate] = []
    for label in classes_of(fact, ranked=True):
        own = [e for e in beside if e.finding and e.finding.name == label and e.value is not None]
        one = _candidate(label, item, own[:1], facts, language)
        for key, others in _evidence_on(label, beside).items():
            longer = _with_reasons(one, key, others, facts, language)
            if language != "en" or check(longer.text, longer.cited).supported:
                one = longer
        told.append(one)
    if any(len(one.cited) > 1 for one in told):
        yield from told


def _candidate(
    label: str, item: Evidence, own: Sequence[Evidence], facts: Facts, language: Language
) -> Candidate:
    name = term(label, language)
    figure = "".join(
        phrase("figure", language, value=share(each.value or 0, language)) for each in own
    )
    text = phrase(
        "candidate",
        language,
        finding=name[:1].upper() + name[1:],
        coverage=number(100 * (facts[item.id].coverage or 0), language),
        figure=figure,
    )
    return Candidate(text, (item, *own))


def _evidence_on(label: str, beside: Sequence[Evidence]) -> dict[str, list[Evidence]]:
    """Evidence that fits a class, and evidence that does not."""
    implied = _relations().get(label, {})
    found: dict[str, list[Evidence]] = {"speaks_for": [], "speaks_against": []}
    for each in beside:
        if each.finding is None or each.finding.name not in implied:
            continue
        wanted = implied[each.finding.name]
        if each.finding.assertion == wanted:
            found["speaks_for"].append(each)
        elif each.finding.assertion == _OPPOSITE[wanted]:
            found["speaks_against"].append(each)
    return {key: items for key, items in found.items() if items}


def _with_reasons(
    told: Candidate, key: str, others: Sequence[Evidence], facts: Facts, language: Language
) -> Candidate:
    reasons = " ".join(_reason(each, facts, language) for each in others)
    return Candidate(told.text + phrase(key, language, facts=reasons), (*told.cited, *others))


def _reason(item: Evidence, facts: Facts, language: Language) -> str:
    if language == "en":
        return lowered(readable(item.text))
    text = clause(item, facts.get(item.id), language)
    return text if language == "de" else lowered(text)


@cache
def _relations() -> dict[str, dict[str, str]]:
    """What a class implies: class → finding → assertion."""
    text = (files("agent") / "composition" / "relations.tsv").read_text("utf-8")
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines()[1:]:
        name, finding, assertion = line.split("\t")
        found.setdefault(name, {})[finding] = assertion
    return found
