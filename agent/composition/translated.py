"""What goes into one statement, in a language other than English: templates over typed facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.answer import Fact, Language
from agent.composition.grouping import EARLIER, Draft, Facts, classes_of
from agent.grounding import check
from agent.language import known, listed, number, phrase, share, term
from specialists.schema import Evidence

__all__ = ["clause", "sentences"]

_UNITS = {"[hnsf'U]": "HU", "cm3": "cm³", "cm2": "cm²", "mm2": "mm²", "mm3": "mm³", "1": ""}
_VOWELS = "aeiouyhàâéèêëîïôœùûæ"
_NAMED = (
    (re.compile(r"^(?P<name>.+) in slice (?P<number>\d+)$"), "in_slice"),
    (re.compile(r"^length of (?P<part>.+) in view$"), "length_in_view"),
    (re.compile(r"^(?P<name>.+) in view$"), "in_view"),
    (re.compile(r"^(?P<name>.+) in this slice$"), "in_this_slice"),
    (re.compile(r"^upper third of the lung, (?P<name>.+)$"), "third_upper"),
    (re.compile(r"^middle third of the lung, (?P<name>.+)$"), "third_middle"),
    (re.compile(r"^lower third of the lung, (?P<name>.+)$"), "third_lower"),
    (re.compile(r"^tiles with (?P<name>.+)$"), "tiles_with"),
    (re.compile(r"^genetic likeness to (?P<name>.+)$"), "likeness"),
    (re.compile(r"^percentile among (?P<name>.+)$"), "percentile_among"),
    (EARLIER, "earlier"),
)
_SAME_FILE = re.compile(r"^the ([\d,]+) samples of the same file")
_SAMPLE = re.compile(r"^sample (\d+)$")


def sentences(
    draft: Draft, facts: Facts, language: Language, ranked: bool = False
) -> Iterator[tuple[str, tuple[Evidence, ...]]]:
    """Tell a draft's evidence in as few sentences as hold, each with what it cites.

    What has no fields, or whose wording does not hold, is quoted as the specialist wrote it.
    """
    held: list[tuple[str, Evidence]] = []
    for item in draft.cited:
        piece = (clause(item, facts.get(item.id), language, ranked), item)
        if held and not _holds([*held, piece], draft, language):
            yield _told_together(held, draft, language)
            held = []
        held.append(piece)
    if held:
        yield _told_together(held, draft, language)


def clause(item: Evidence, fact: Fact | None, language: Language, ranked: bool = False) -> str:
    """One piece of evidence as a sentence."""
    told = _told(item, fact, language, ranked) if fact is not None else None
    if told is not None and check(told, [item]).supported:
        return told
    return phrase("quoted", language, text=item.text)


def _holds(pieces: Sequence[tuple[str, Evidence]], draft: Draft, language: Language) -> bool:
    text, cited = _told_together(pieces, draft, language)
    return draft.form != "absent" and check(text, cited).supported


def _told_together(
    pieces: Sequence[tuple[str, Evidence]], draft: Draft, language: Language
) -> tuple[str, tuple[Evidence, ...]]:
    texts = [text for text, _ in pieces]
    cited = tuple(item for _, item in pieces)
    if language == "zh":
        return "".join(texts), cited
    if draft.form == "score" or len(texts) == 1:
        return " ".join(texts), cited
    first, *rest = [text.rstrip(".") for text in texts]
    clauses = [first, *(_lowered(text, language) for text in rest)]
    return phrase("semicolon", language).join(clauses) + ".", cited


def _told(item: Evidence, fact: Fact, language: Language, ranked: bool) -> str | None:
    if fact.kind == "set":
        return _set(item, fact, language, ranked)
    if item.finding is not None:
        return _finding(item, fact, language)
    if fact.kind == "measurement":
        return _measured(item, fact, language)
    return None if fact.kind == "text" else _score(item, fact, language)


def _finding(item: Evidence, fact: Fact, language: Language) -> str | None:
    if item.finding is None or not known(item.finding.name):
        return None
    figure = ""
    if fact.calibrated and item.value is not None:
        figure = phrase("figure", language, value=share(item.value, language))
    name = term(item.finding.name, language)
    slots = {"finding": name, "place": _place(item, language), "figure": figure}
    text = phrase(item.finding.assertion, language, de=_of(name), **slots)
    return text[:1].upper() + text[1:]


def _place(item: Evidence, language: Language) -> str:
    if item.finding is None:
        return ""
    site, side = item.finding.site, item.finding.laterality
    told = phrase(f"side_{side}", language) if side else ""
    return told + (phrase("site", language, site=term(site, language)) if site else "")


def _of(name: str) -> str:
    """French 'de' or 'd'', as the next letter wants it."""
    return "d'" if name[:1].lower() in _VOWELS else "de "


def _set(item: Evidence, fact: Fact, language: Language, ranked: bool) -> str | None:
    target, labels = fact.name or "", [one for one in classes_of(fact, ranked) if known(one)]
    if not known(target) or len(labels) < len(fact.labels):
        return None
    classes = listed([term(one, language) for one in labels], language)
    if target == "yes or no" and len(labels) == 1:
        return phrase("answered", language, answer=classes)
    if target == "yes or no" and len(labels) > 1:
        both = [term(one, language) for one in ("yes", "no")]
        return phrase("undecided", language, classes=listed(both, language, "and"))
    if target == "region" and len(labels) == 1:
        return phrase("shows", language, classes=classes)
    if len(labels) > 1 and "coverage" not in item.text:
        both = [term(one, language) for one in labels]
        return phrase("undecided", language, classes=listed(both, language, "and"))
    key = {0: "empty_set", 1: "closed_set"}.get(len(labels), "open_set")
    text = phrase(
        key,
        language,
        target=term(target, language),
        coverage=number(100 * (fact.coverage or 0), language),
        classes=classes,
    )
    return text[:1].upper() + text[1:]


def _measured(item: Evidence, fact: Fact, language: Language) -> str | None:
    name = _name(fact.name or "", language)
    if name is None or item.value is None:
        return None
    place = f" ({term(fact.laterality, language)})" if fact.laterality else ""
    told = quantity(item.value, item.unit, language)
    return phrase("measured", language, name=name[:1].upper() + name[1:], place=place, value=told)


def quantity(value: float, unit: str | None, language: Language) -> str:
    """A number with its unit as people write it."""
    shown = _UNITS.get(unit or "1", unit or "")
    return f"{number(value, language)} {shown}".strip()


def _name(name: str, language: Language) -> str | None:
    """A measurement's name: of the table, or made of parts that are in the table."""
    if known(name):
        return term(name, language)
    for pattern, key in _NAMED:
        found = pattern.match(name)
        if found:
            parts = {slot: _name(part, language) for slot, part in _parts(found).items()}
            if None in parts.values():
                return None
            of = _of(parts.get("name") or "")
            return phrase(key, language, de=of, **parts)
    return name if name.isdigit() or name.isupper() else None


def _parts(found: re.Match[str]) -> dict[str, str]:
    return {
        ("name" if slot == "finding" else slot): text for slot, text in found.groupdict().items()
    }


def _score(item: Evidence, fact: Fact, language: Language) -> str | None:
    if item.value is None or fact.name is None:
        return None
    slots = {
        "score": fact.name,
        "sample": _sample(fact.sample or "", language),
        "value": number(item.value, language, 6 if fact.kind == "score" else 4),
    }
    if fact.kind == "percentile":
        slots["reference"] = _reference(fact.reference, language)
    if fact.kind == "overlap":
        slots["percent"] = number(100 * item.value, language, 4)
    text = phrase(fact.kind, language, **slots)
    return text[:1].upper() + text[1:]


def _sample(sample: str, language: Language) -> str:
    found = _SAMPLE.match(sample)
    return phrase("sample", language, number=found.group(1)) if found else sample


def _reference(reference: str | None, language: Language) -> str:
    found = _SAME_FILE.match(reference or "")
    if found:
        return phrase("same_file", language, number=found.group(1).replace(",", ""))
    return f" ({reference})" if reference else ""


def _lowered(text: str, language: Language) -> str:
    return text if language == "de" else text[:1].lower() + text[1:]
