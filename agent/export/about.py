"""What a piece of evidence is about: by the answer's facts, or else by what its text says."""

from __future__ import annotations

import re
from typing import NamedTuple

from agent.answer import Answer
from specialists.schema import Evidence, Laterality

__all__ = ["About", "about", "in_set"]

_SCORE = re.compile(
    r"polygenic score (?P<name>\w+)(?: \((?P<trait>[^()]+)\))? of (?P<sample>sample \d+)", re.I
)


class About(NamedTuple):
    """The subject of a piece of evidence."""

    kind: str
    """finding, measurement, set, score, percentile, overlap or text."""
    name: str | None = None
    site: str | None = None
    laterality: Laterality | None = None

    @property
    def placed(self) -> str:
        """The name with the side that it does not name itself."""
        name, side = self.name or "", self.laterality
        return f"{name}, {side}" if side and side not in name else name

    @property
    def place(self) -> str:
        """Side and site in words; empty where neither is known."""
        site, side = self.site or "", self.laterality
        return f"{side} {site}".strip() if side and side not in site else site


def about(answer: Answer, item: Evidence) -> About:
    """Tell what a piece of evidence is about."""
    fact = answer.facts.get(item.id)
    if fact is not None:
        return About(fact.kind, fact.name, fact.site, fact.laterality)
    if item.finding is not None:
        found = item.finding
        return About("finding", found.name, found.site, found.laterality)
    return _by_text(item)


def in_set(item: Evidence) -> str:
    """What a prediction set leaves over, as its model names it."""
    if item.finding is None:
        return item.text
    absent = item.finding.assertion == "absent"
    return f"no {item.finding.name}" if absent else item.finding.name


def _by_text(item: Evidence) -> About:
    if item.value is None:
        return About("text")
    score = _SCORE.search(item.text)
    if score is None:
        return About("measurement")
    trait = f" ({score['trait']})" if score["trait"] else ""
    kind = {"{percentile}": "percentile", "1": "score"}.get(item.unit or "", "measurement")
    return About(kind, f"{score['name']}{trait}")
