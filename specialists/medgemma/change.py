"""What a comparison with an earlier film says of each finding."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from specialists.medgemma.report import Mention, mentions, sentence
from specialists.schema import Assertion, Finding, Laterality

__all__ = ["compared"]

_CHANGES: tuple[tuple[str, str], ...] = (
    ("resolved", r"resolved|resolution|no longer|cleared|disappeared"),
    ("unchanged", r"unchanged|stable|no (?:significant |interval )?change|persist\w*|similar|same"),
    ("new", r"new(?:ly)?|developed|appeared"),
    ("worse", r"worse\w*|increase\w*|increasing|progress\w*|larger|more extensive|greater"),
    ("better", r"improv\w*|decrease\w*|decreasing|smaller|reduced|less extensive|regress\w*"),
)
_NOT_NEW = re.compile(
    r"\b(?:no|not|without|nor) (?:\w+ )?(?:new|increase|worse|progress|improv|decrease)"
)
_NO_CHANGE = re.compile(r"\bno (?:\w+ )?change (?:in|of) (?:the )?", re.IGNORECASE)


class Change(NamedTuple):
    """One finding's change."""

    name: str
    side: Laterality | None
    site: str | None
    change: str


def compared(comparison: str, found: Sequence[Finding], modality: str) -> tuple[Finding, ...]:
    """Say in each finding's text what has become of it.

    A finding that only the comparison names is added: as absent where it has resolved, else as
    present, and uncertain where another text denies it.

    Args:
        comparison: What the model wrote when it was shown both films.
        found: The findings of the current film.
        modality: 'xr' or 'ct'.
    """
    told = list(found)
    for change in _changes(comparison, modality):
        own = [at for at, one in enumerate(told) if _same(one, change)]
        for at in own:
            told[at] = _with(told[at], change)
        if not own:
            told.append(_added(change))
    return tuple(told)


def _changes(comparison: str, modality: str) -> list[Change]:
    """The sentences in which one change is told of what they name."""
    changes: dict[tuple[str, Laterality | None, str | None], Change] = {}
    for clause, one in mentions(_NO_CHANGE.sub("unchanged ", comparison), modality):
        cues = [name for name, known in _CHANGES if re.search(rf"\b(?:{known})\b", clause)]
        if len(cues) != 1 or _NOT_NEW.search(clause) or not _told_of(one, cues[0]):
            continue
        change = Change(one.name, one.side, one.site, cues[0])
        changes.setdefault((one.name, one.side, one.site), change)
    return list(changes.values())


def _told_of(one: Mention, change: str) -> bool:
    """'Unchanged: no pneumothorax' tells of no finding's change; 'resolved' denies by itself."""
    return one.assertion == ("absent" if change == "resolved" else "present")


def _same(finding: Finding, change: Change) -> bool:
    return finding.name == change.name and (
        finding.laterality == change.side or None in (finding.laterality, change.side)
    )


def _with(finding: Finding, change: Change) -> Finding:
    """The change where it fits; where film and comparison contradict each other, it is open."""
    gone = change.change == "resolved"
    if (finding.assertion == "absent") == gone or finding.assertion == "uncertain":
        text = f"{finding.text.rstrip('.')}; compared with the earlier film: {change.change}."
        return finding.model_copy(update={"text": text})
    text = sentence(finding.name, "uncertain", finding.laterality, finding.site)
    return finding.model_copy(update={"assertion": "uncertain", "text": text, "box": None})


def _added(change: Change) -> Finding:
    assertion: Assertion = "absent" if change.change == "resolved" else "present"
    text = sentence(change.name, assertion, change.side, change.site)
    return Finding(
        name=change.name,
        assertion=assertion,
        laterality=change.side,
        site=change.site,
        text=f"{text.rstrip('.')}; compared with the earlier film: {change.change}.",
    )
