"""Findings that a person must be told of at once: a list in a file, with a version."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from agent.grounding import terms_in
from specialists.schema import Evidence

__all__ = ["CRITICAL_FINDINGS", "Critical", "critical", "urgency"]

CRITICAL_FINDINGS = "critical_findings_v1"
"""The list in use. A released list is never edited; the next one is added."""

_ORDER = ("minutes", "hours", "days")


class Critical(NamedTuple):
    """One entry of the list."""

    finding: str
    within: str
    """How soon somebody must be told: minutes, hours or days, the three levels of the American
    College of Radiology's work group on actionable reporting (2014)."""
    why: str


@cache
def critical() -> dict[str, Critical]:
    """The list, by finding."""
    text = (files("agent") / "composition" / f"{CRITICAL_FINDINGS}.tsv").read_text("utf-8")
    entries = [Critical(*line.split("\t")) for line in text.splitlines()[1:]]
    return {one.finding: one for one in entries}


def urgency(cited: Iterable[Evidence]) -> int | None:
    """Rank what is present: 0 for minutes, 1 for hours, 2 for days; None where nothing is urgent.

    An entry holds for narrower findings too, and for no finding that leaves it open.
    """
    found = [
        _ORDER.index(entry.within)
        for each in cited
        if each.finding is not None and each.finding.assertion == "present"
        for entry in _entries(each.finding.name)
    ]
    return min(found, default=None)


def _entries(name: str) -> list[Critical]:
    if name in critical():
        return [critical()[name]]
    if " or " in name or name.startswith("no "):
        return []
    return [critical()[term] for term in terms_in(name) if term in critical()]
