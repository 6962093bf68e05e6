"""Evidence becomes statements in plain code, where no language model writes them.

Reads like a colleague's note: what was asked first, findings, measurements grouped, limits last.
Every sentence is either made of the evidence's own or checked against it before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.answer import Certainty, Failure, Statement, StatementKind
from agent.grounding import check, subjects, terms_in
from specialists.schema import Evidence

__all__ = ["compose"]

_SIDE = re.compile(r"\b(left|right)\b", re.I)
_NUMBER = re.compile(r"[-−]?\d[\d,.  ]*\d|[-−]?\d")
_HOUNSFIELD = re.compile(r"\s*\[hnsf'U\](\s*\(Hounsfield units\))?")
_LISTED = re.compile(
    r"[^.:(]+:\s*(present|absent|uncertain|yes|no|positive|negative)\b[^.:]*\.?(\d|$)", re.I
)
"""A text that is a row of a table and no sentence: 'Pneumothorax: absent (probability 0.03).'"""

_LONGEST = 260
"""Characters of a statement that joins several measurements."""

_WEIGHTS = {"finding": 4, "quantity": 2, "place": 1}
"""What makes a statement an answer to the question, and how much."""


def compose(
    question: str,
    evidence: Sequence[Evidence],
    failures: Sequence[Failure] = (),
) -> list[Statement]:
    """Write the answer's statements.

    Args:
        question: The user's; decides what comes first.
        evidence: All that the specialists said.
        failures: Calls that gave nothing.

    Returns:
        Findings and measurements, each with citations, those that answer the question first;
        then limitations, which cite nothing.
    """
    said = [*_findings(evidence), *_measurements(evidence), *_texts(evidence)]
    # Sorting is stable: within each half the order of a report stays.
    said.sort(key=lambda each: (_rank(question, each), each.kind == "measurement"))
    return [*said, *_limits(question, evidence, failures)]


def _rank(question: str, statement: Statement) -> int:
    """Lower for what the question is about."""
    asked, answered = subjects(question), subjects(statement.text)
    return -sum(weight * len(asked[kind] & answered[kind]) for kind, weight in _WEIGHTS.items())


def _statement(
    kind: StatementKind, candidates: Sequence[str], cited: Sequence[Evidence]
) -> Statement:
    """Take the first wording that the evidence supports; the last is the evidence's own."""
    texts = [_readable(text) for text in candidates]
    text = next((text for text in texts if check(text, cited).supported), texts[-1])
    return Statement(
        text=text,
        kind=kind,
        citations=tuple(each.id for each in cited),
        certainty=_certainty(cited),
    )


def _readable(text: str) -> str:
    text = _HOUNSFIELD.sub(" HU", text).strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", ")")) else f"{text}."


def _certainty(cited: Sequence[Evidence]) -> Certainty:
    if any(each.finding and each.finding.assertion == "uncertain" for each in cited):
        open_set = any(re.search(r"inconclusive|coverage", each.text, re.I) for each in cited)
        return "inconclusive" if open_set else "uncertain"
    judged = any(each.finding and each.value is not None for each in cited)
    return "probable" if judged else "certain"


# Findings


def _findings(evidence: Sequence[Evidence]) -> Iterator[Statement]:
    found = [each for each in evidence if each.finding is not None and not _repeats(each, evidence)]
    absent = [each for each in found if each.finding and each.finding.assertion == "absent"]
    for each in found:
        if len(absent) < 2 or each not in absent:
            yield _statement("finding", [*_worded(each), each.text], [each])
    if len(absent) > 1:
        yield from _absent(absent)


def _repeats(item: Evidence, evidence: Sequence[Evidence]) -> bool:
    """A prediction set about nothing but a finding of the same call says the same again."""
    if item.finding is None or "coverage" not in item.text:
        return False
    own = terms_in(item.finding.name)
    return any(
        other.finding is not None
        and "coverage" not in other.text
        and own <= terms_in(other.finding.name)
        and (other.tool, other.attachment) == (item.tool, item.attachment)
        for other in evidence
    )


def _worded(item: Evidence) -> Iterator[str]:
    """Say a finding in words, where its text is no sentence: 'Pneumothorax: absent'."""
    if item.finding is None or not _LISTED.match(item.text):
        return
    name, probability = item.finding.name, _probability(item)
    if item.finding.assertion == "uncertain":
        yield f"It is uncertain whether there is {name}{_place(item)}{probability}."
    elif item.finding.assertion == "absent":
        yield f"There is no sign of {name}{_place(item)}{probability}."
    else:
        yield f"There is {name}{_place(item)}{probability}."


def _place(item: Evidence) -> str:
    finding = item.finding
    if finding is None:
        return ""
    side = {"bilateral": " on both sides", None: ""}.get(finding.laterality)
    if finding.site:
        stated = finding.laterality and finding.laterality not in finding.site
        return f" in the {f'{finding.laterality} ' if stated else ''}{finding.site}"
    return f" on the {finding.laterality}" if side is None else side


def _probability(item: Evidence) -> str:
    fraction = item.unit in {"1", None} and item.value is not None and 0 <= item.value <= 1
    return f" (probability {100 * (item.value or 0):.0f} %)" if fraction else ""


def _absent(items: Sequence[Evidence]) -> Iterator[Statement]:
    """Join what is absent: 'No A, B or C.'; one by one where the joint sentence says too much."""
    names = [f"{e.finding.name}{_place(e)}" for e in items if e.finding]
    joint = f"There is no sign of {', '.join(names[:-1])} or {names[-1]}."
    if not any(" or " in name for name in names) and check(joint, items).supported:
        yield _statement("finding", [joint], items)
        return
    for each in items:
        yield _statement("finding", [*_worded(each), each.text], [each])


# Measurements and scores


def _measurements(evidence: Sequence[Evidence]) -> Iterator[Statement]:
    rest = [each for each in evidence if each.finding is None and each.value is not None]
    while rest:
        first = rest[0]
        group = _score_group(first, rest) or _side_group(first, rest) or _row(first, rest)
        rest = [each for each in rest if each not in group]
        yield _statement("measurement", _grouped(group), group)


def _score_group(first: Evidence, rest: Sequence[Evidence]) -> list[Evidence]:
    """A polygenic score, its percentile and its overlap belong together."""
    score = _score_name(first)
    if score is None or first.unit != "1" or not re.search(r"polygenic score", first.text, re.I):
        return []
    parts = [first]
    for each in rest[1:]:
        told = each.unit == "{percentile}" or "(overlap " in each.text
        if len(parts) < 3 and told and _score_name(each) == score and each.tool == first.tool:
            parts.append(each)
    return parts if len(parts) > 1 else []


def _score_name(item: Evidence) -> str | None:
    named = re.search(r"\bPGS\d+\b|(?<=score )\S+", item.text)
    return named.group() if named else None


def _side_group(first: Evidence, rest: Sequence[Evidence]) -> list[Evidence]:
    """The same measurement of the other side."""
    for other in rest[1:]:
        if other.unit == first.unit and other.tool == first.tool and _other_side(first, other):
            return [first, other]
    return []


def _other_side(one: Evidence, two: Evidence) -> bool:
    sides = [set(map(str.lower, _SIDE.findall(each.text))) for each in (one, two)]
    if len(sides[0]) != 1 or len(sides[1]) != 1 or sides[0] == sides[1]:
        return False
    return _skeleton(one.text) == _skeleton(two.text)


def _skeleton(text: str) -> str:
    return _NUMBER.sub("#", _SIDE.sub("|", text)).lower()


def _row(first: Evidence, rest: Sequence[Evidence]) -> list[Evidence]:
    """What follows of the same tool and unit, as long as the sentence stays readable."""
    group, length = [first], len(first.text)
    for each in rest[1:]:
        same = (each.tool, each.attachment, each.unit) == (first.tool, first.attachment, first.unit)
        length += len(each.text)
        paired = any(_other_side(each, other) for other in rest)
        paired = paired or bool(_score_group(each, rest))
        if not same or paired or length > _LONGEST or len(group) == 3:
            break
        group.append(each)
    return group


def _grouped(group: Sequence[Evidence]) -> list[str]:
    """Write wordings for a group, the best first, and the plain row of sentences last."""
    plain = " ".join(each.text for each in group)
    if len(group) == 1:
        return [plain]
    texts = [each.text.rstrip(".") for each in group]
    joined = "; ".join([texts[0], *(_lowered(text) for text in texts[1:])])
    paired = _paired(*group) if len(group) == 2 and _other_side(*group) else None
    if any(each.unit == "{percentile}" or "(overlap" in each.text for each in group):
        joined = _scored(group)
    return [*([paired] if paired else []), f"{joined}.", plain]


def _scored(group: Sequence[Evidence]) -> str:
    """A score's own sentence; percentile and overlap only where it leaves them out."""
    text = group[0].text.rstrip(".")
    for each in group[1:]:
        told = "percentile" in text if each.unit == "{percentile}" else "variants" in text
        if not told:
            text = f"{text}. {each.text.rstrip('.')}"
    return text


def _lowered(text: str) -> str:
    """Begin a clause in lower case, unless its first word is a name."""
    word = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if word[1:].islower() or word == "A" else text


def _paired(one: Evidence, two: Evidence) -> str | None:
    """Put the other side's number behind the first: 'is 73 cm3 (left: 43 cm3)'."""
    places = [_own_number(each) for each in (one, two)]
    if places[0] is None or places[1] is None:
        return None
    first = _readable(one.text).rstrip(".")
    side = _SIDE.findall(two.text)[0].lower()
    at = first.find(places[0]) + len(places[0])
    return f"{first[:at]} ({side}: {places[1]}){first[at:]}."


def _own_number(item: Evidence) -> str | None:
    """Return the item's number with its unit, as its text writes them."""
    text = _readable(item.text)
    for match in re.finditer(rf"({_NUMBER.pattern})\s*(%|HU|[a-zA-Z]+\d?)", text):
        digits = re.sub(r"[,  ]", "", match.group(1)).replace("−", "-")
        if item.value is not None and abs(float(digits) - item.value) <= 0.005 * abs(item.value):
            return match.group()
    return None


# Texts and limits


def _texts(evidence: Sequence[Evidence]) -> Iterator[Statement]:
    """Texts without fields; a report beside findings of its own call only repeats them."""
    structured = {(e.tool, e.attachment) for e in evidence if e.finding or e.value is not None}
    for each in evidence:
        if each.finding or each.value is not None or (each.tool, each.attachment) in structured:
            continue
        yield _statement("synthesis", [each.text], [each])


def _limits(
    question: str,
    evidence: Sequence[Evidence],
    failures: Sequence[Failure],
) -> Iterator[Statement]:
    told = frozenset().union(*(terms_in(f"{e.text} {_name(e)}") for e in evidence))
    open_terms = sorted(subjects(question)["named"] - told)
    if evidence and open_terms:
        yield _limit(f"Nothing that was consulted speaks of {' or '.join(open_terms)}.")
    for failure in failures:
        yield _limit(f"{failure.tool} gave no result: {failure.message.rstrip('.')}.")


def _name(item: Evidence) -> str:
    return item.finding.name if item.finding else ""


def _limit(text: str) -> Statement:
    return Statement(text=text, kind="limitation")
