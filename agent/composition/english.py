"""English wordings of what goes into one statement, made of the evidence's own sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.composition.grouping import NUMBER, SIDE, Draft, Facts, classes_of, other_side
from agent.language import listed
from specialists.schema import Evidence

__all__ = ["lowered", "readable", "wordings"]

_HOUNSFIELD = re.compile(r"\s*\[hnsf'U\](\s*\(Hounsfield units\))?")
_SLICE = re.compile(r"In (?P<slice>slice \d+ of \d+), (?P<what>[^,]+) takes up (?P<area>[^,]+)")
_LISTED = re.compile(
    r"[^.:(]+:\s*(present|absent|uncertain|yes|no|positive|negative)\b[^.:]*\.?(\d|$)", re.I
)
"""A text that is a row of a table and no sentence: 'Pneumothorax: absent (probability 0.03).'"""


def wordings(draft: Draft, facts: Facts, ranked: bool = False) -> list[str]:
    """Write wordings, the best first; the last is the evidence's own.

    Args:
        draft: What is told.
        facts: What each piece of evidence is about.
        ranked: Whether classes stand with the likeliest first, and not in the model's order.
    """
    own = " ".join(each.text for each in draft.cited)
    made = list(_made(draft, facts, ranked))
    return [readable(text) for text in [*made, own]]


def _made(draft: Draft, facts: Facts, ranked: bool) -> Iterator[str]:
    first = draft.cited[0]
    if draft.form == "finding":
        yield from _finding(first)
    elif draft.form == "absent":
        yield from _absent(draft.cited)
    elif draft.form == "set":
        yield from _set(first, facts, ranked)
    elif draft.form == "score":
        yield _scored(draft.cited)
    elif draft.form == "pair":
        yield from _pair(*draft.cited)
    elif draft.form in {"row", "change"}:
        yield from _of_one_slice(draft.cited)
        yield _joined(draft.cited)


def readable(text: str) -> str:
    """Write units for people, and a sentence with its capital and its full stop."""
    text = _HOUNSFIELD.sub(" HU", text).strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!")) else f"{text}."


def lowered(text: str) -> str:
    """Begin a clause in lower case, unless its first word is a name."""
    word = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if word[1:].islower() or word == "A" else text


def _finding(item: Evidence) -> Iterator[str]:
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


def _absent(items: Sequence[Evidence]) -> Iterator[str]:
    """Join what is absent: 'There is no sign of A, B or C'."""
    names = [f"{e.finding.name}{_place(e)}" for e in items if e.finding]
    if not any(" or " in name for name in names):
        yield f"There is no sign of {listed(names, 'en')}."


def _set(item: Evidence, facts: Facts, ranked: bool) -> Iterator[str]:
    """Write the classes as a list: shorter where all end in the same words."""
    labels = classes_of(facts[item.id], ranked) if item.id in facts else ()
    if len(labels) < 2 or item.finding is None or item.finding.name not in item.text:
        return
    for names in (_without_shared_end(labels), list(labels)):
        text = item.text.replace(item.finding.name, listed(names, "en"))
        yield text.replace("compatible with: ", "compatible with ")


def _without_shared_end(labels: Sequence[str]) -> list[str]:
    """'mild', 'moderate', 'severe diabetic retinopathy'."""
    words = [label.split() for label in labels]
    shared = 0
    while all(len(each) > shared + 1 for each in words) and (
        len({each[-1 - shared] for each in words}) == 1
    ):
        shared += 1
    if not shared or "no" in {each[0] for each in words}:
        return list(labels)
    return [*(" ".join(each[:-shared]) for each in words[:-1]), labels[-1]]


def _joined(group: Sequence[Evidence]) -> str:
    texts = [each.text.rstrip(".") for each in group]
    return "; ".join([texts[0], *map(lowered, texts[1:])])


def _of_one_slice(group: Sequence[Evidence]) -> Iterator[str]:
    """Name a slice once: '…: subcutaneous fat takes up 80.2 cm2, visceral fat 65.3 cm2'."""
    first, *rest = [each.text.rstrip(".") for each in group]
    found = [_SLICE.fullmatch(text) for text in rest]
    told = [match for match in found if match and match["slice"] in first]
    if rest and len(told) == len(rest) and " takes up " in first:
        yield ", ".join([first, *(f"{one['what']} {one['area']}" for one in told)])


def _scored(group: Sequence[Evidence]) -> str:
    """A score's own sentence; percentile and overlap only where it leaves them out."""
    text = group[0].text.rstrip(".")
    for each in group[1:]:
        told = "percentile" in text if each.unit == "{percentile}" else "variants" in text
        if not told:
            text = f"{text}. {each.text.rstrip('.')}"
    return text


def _pair(one: Evidence, two: Evidence) -> Iterator[str]:
    """Put the other side's number behind the first: 'is 73 cm3 (left: 43 cm3)'."""
    places = [_own_number(each) for each in (one, two)]
    if places[0] is not None and places[1] is not None and other_side(one, two):
        first = readable(one.text).rstrip(".")
        side = SIDE.findall(two.text)[0].lower()
        at = first.find(places[0]) + len(places[0])
        yield f"{first[:at]} ({side}: {places[1]}){first[at:]}."
    yield _joined((one, two))


def _own_number(item: Evidence) -> str | None:
    """Return the item's number with its unit, as its text writes them."""
    text = readable(item.text)
    for match in re.finditer(rf"({NUMBER.pattern})\s*(%|HU|[a-zA-Z]+\d?)", text):
        digits = re.sub(r"[,  ]", "", match.group(1)).replace("−", "-")
        if item.value is not None and abs(float(digits) - item.value) <= 0.005 * abs(item.value):
            return match.group()
    return None
