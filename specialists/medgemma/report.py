"""From a report in words to findings with assertion, side and site."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from specialists.medgemma.assertion import said_of
from specialists.medgemma.terms import SIDES, SITES, pattern, terms, words
from specialists.schema import Assertion, Finding, Laterality

__all__ = ["Mention", "findings", "matching", "mentions", "sentence"]

_SECTION = re.compile(
    r"^\s*(indications?|history|clinical (?:history|information|indication)|technique|comparison"
    r"|recommendations?|exam(?:ination)?|procedure|disclaimer|views?|slice \d+)\s*:",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^\s*[-*•]?\s*(?:\d+[.)]\s*)?([A-Za-z][A-Za-z /&-]{2,40}):")
_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")
_NOT_FINDINGS = re.compile(r"\bmass effect\b|\bbody mass\b|\bjoint effusions?\b")
_PARTLY = re.compile(
    r"\b(?:except|apart from|aside from|other than|otherwise|but|although|no longer"
    r"|not (?:normal|clear)|if)\b"
)
"""With which 'the lungs are clear' is not the whole of it."""
_DEGREE = re.compile(
    r"\b(?:mildly|moderately|severely|slightly|markedly|grossly|minimally|significantly"
    r"|overall|diffusely|stably) "
)
_AT_PART = re.compile(r"\b(?:in|on|at|of|within|involving|along|over)\b")


class Mention(NamedTuple):
    """A finding as one sentence tells of it."""

    name: str
    assertion: Assertion
    side: Laterality | None
    site: str | None


def findings(text: str, modality: str) -> tuple[Finding, ...]:
    """Read the findings of a report.

    Args:
        text: The report, without thoughts and marks.
        modality: 'xr' or 'ct'.

    Returns:
        One for each finding, side and site, in the order of the report: what is there before
        what may be and what is not. Where sentences contradict each other, it is uncertain.
    """
    told: dict[tuple[str, Laterality | None, str | None], set[Assertion]] = {}
    for _, one in mentions(text, modality):
        told.setdefault((one.name, one.side, one.site), set()).add(one.assertion)
    _settle(told)
    found = [_finding(*key, _one_of(said)) for key, said in told.items()]
    order = ("present", "uncertain", "absent")
    return tuple(sorted(found, key=lambda each: order.index(each.assertion)))


def _one_of(said: set[Assertion]) -> Assertion:
    return "uncertain" if len(said) > 1 else next(iter(said))


def _settle(told: dict[tuple[str, Laterality | None, str | None], set[Assertion]]) -> None:
    """Leave out the general where the exact says the same; doubt both where they contradict."""
    for name in {key[0] for key in told}:
        general = told.get((name, None, None))
        exact = [key for key in told if key[0] == name and key[1:] != (None, None)]
        claimed = [key for key in exact if "present" in told[key]]
        if general is None or not exact:
            continue
        if "absent" in general and claimed:
            for key in claimed:
                told[key].add("uncertain")
        if claimed or ("present" not in general and any("uncertain" in told[k] for k in exact)):
            del told[name, None, None]


def mentions(text: str, modality: str) -> Iterator[tuple[str, Mention]]:
    """Every finding that a report names, with the sentence, in lower case, that tells of it."""
    for line in _told(text):
        clause = _DEGREE.sub("", words(line))
        yield from ((clause, one) for one in _normal(clause, modality))
        yield from ((clause, one) for one in _named(clause, modality))


def _told(text: str) -> Iterator[str]:
    """Sentences of the sections that tell what is seen."""
    skipping = False
    for paragraph in text.splitlines():
        if _SECTION.match(paragraph):
            skipping = True
            continue
        if _HEADING.match(paragraph):
            skipping = False
        if not skipping and paragraph.strip():
            yield from (part for part in _ENDS.split(paragraph) if part.strip())


@cache
def _patterns(modality: str, field: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    phrases = ((term.name, getattr(term, field)) for term in terms(modality))
    return tuple((name, pattern(listed)) for name, listed in phrases if listed)


def _normal(clause: str, modality: str) -> Iterator[Mention]:
    for name, known in _patterns(modality, "normal"):
        if known.search(clause) and not _PARTLY.search(clause):
            yield Mention(name, "absent", None, None)


def _named(clause: str, modality: str) -> Iterator[Mention]:
    spans = _spans(clause, modality)
    for at, (start, end, name) in enumerate(spans):
        ahead = spans[at + 1][0] if at + 1 < len(spans) else len(clause)
        behind = spans[at - 1][1] if at else 0
        said = said_of(clause, start, end, ahead)
        if said is None:
            continue
        around = (clause[behind:start], clause[start:end], clause[end:ahead])
        yield Mention(name, said, _side(*around, first=at == 0), _site(*around, first=at == 0))


def _spans(clause: str, modality: str) -> list[tuple[int, int, str]]:
    """Where findings are named; of two that overlap the longer."""
    found = [
        (*match.span(), name)
        for name, known in _patterns(modality, "words")
        for match in known.finditer(clause)
    ]
    others = (_NOT_FINDINGS, *(known for _, known in _patterns(modality, "normal")))
    hidden = [match.span() for known in others for match in known.finditer(clause)]
    kept: list[tuple[int, int, str]] = []
    for start, end, name in sorted(found, key=lambda one: one[0] - one[1]):
        taken = [*((a, b) for a, b, _ in kept), *hidden]
        if all(end <= a or start >= b for a, b in taken):
            kept.append((start, end, name))
    return sorted(kept)


def _near(before: str, after: str, *, first: bool) -> tuple[str, str]:
    """What stands by a finding: not what belongs to the one before it, nor to the next."""
    if not first:
        before = re.split(r"\band\b|\bor\b|,|;", before)[-1]
    after = re.split(r"\band (?=\w+ )|;|, (?!left|right|greater|more)|\bwithout\b|\bno\b", after)[0]
    return before, after


def _side(before: str, within: str, after: str, *, first: bool) -> Laterality | None:
    lead, tail = _near(before, after, first=first)
    for text in (f"{lead} {within}", tail):
        found = [side for side, known in SIDES if re.search(rf"\b(?:{known})\b", text)]
        if "bilateral" in found or {"left", "right"} <= set(found):
            return "bilateral"
        if found:
            return found[0]
    return None


def _site(before: str, within: str, after: str, *, first: bool) -> str | None:
    lead, tail = _near(before, after, first=first)
    behind = tail if _AT_PART.search(tail) else ""
    for text in (lead, behind):
        for site, known in SITES:
            if re.search(rf"\b(?:{known})\b", text):
                return site
    return None


def _finding(name: str, side: Laterality | None, site: str | None, assertion: Assertion) -> Finding:
    return Finding(
        name=name,
        assertion=assertion,
        laterality=side,
        site=site,
        text=sentence(name, assertion, side, site),
    )


def sentence(
    name: str,
    assertion: Assertion,
    side: Laterality | None,
    site: str | None,
    source: str = "model",
) -> str:
    """Say a finding, and no more than its fields."""
    where = " ".join(filter(None, (side, site)))
    place = f" in the {where}" if site else f" ({side})" if side else ""
    told = {
        "present": f"The model finds {name}{place}.",
        "absent": f"The model finds no {name}{place}.",
        "uncertain": f"Inconclusive for {name}{place}.",
    }
    return told[assertion]


def matching(label: str, found: Sequence[Finding], modality: str) -> list[int]:
    """Which of the findings a label of a box means: same name, and no other side or site."""
    named = {name for _, _, name in _spans(words(label), modality)}
    side = _side("", words(label), "", first=True)
    return [
        at
        for at, one in enumerate(found)
        if (one.name in named or one.name == words(label))
        and (side is None or one.laterality in (None, side))
    ]
