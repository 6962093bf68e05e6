"""A record's entries as findings, measurements and sentences that stand alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from specialists.readers.record import PARTS, Entry, Record
from specialists.schema import Assertion, Finding, Measurement

__all__ = ["findings", "measurements", "not_assessed", "summary"]

_MOST = 60
"""Entries of one part that are told, the latest first."""
_SAME = 3
"""Values of one observation that are told, the latest first."""
_CURRENT = frozenset({"active", "recurrence", "relapse"})
_PAST = frozenset({"inactive", "remission", "resolved", "completed", "stopped", "cancelled"})
_UNSURE = frozenset({"unconfirmed", "provisional", "differential"})
_DONE = frozenset({"completed", "final", "amended", "corrected", "appended"})
_DENIED = ("no known ", "no history of ", "no evidence of ")
_ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_DAYS, _MONTHS = 60, 24
_DAYS_A_MONTH = 30.44


class _Told(NamedTuple):
    name: str
    assertion: Assertion
    text: str


def findings(record: Record) -> tuple[Finding, ...]:
    """What is there, is not there, or may be there, by the record."""
    told = [_told(one) for one in _shown(record) if one.value is None]
    return tuple(
        Finding(name=one.name, assertion=one.assertion, text=one.text)
        for one in dict.fromkeys(told)
    )


def measurements(record: Record) -> tuple[Measurement, ...]:
    """Observations with a number: of each kind the latest few."""
    return tuple(_measured(one) for one in _shown(record) if one.value is not None)


def summary(record: Record, parts: Sequence[str], *, overview: bool) -> str:
    """Say in a paragraph what was read."""
    told = [one.text for one in findings(record)] + [one.text for one in measurements(record)]
    held = _held(record)
    nothing = [part for part in parts if not any(one.part == part for one in record.entries)]
    lines = [f"The record has {held}."] if overview or not told else []
    lines += told
    lines += [f"It has no coded {part}." for part in nothing]
    return " ".join(lines)


def not_assessed(record: Record, left: Sequence[str]) -> tuple[str, ...]:
    """What was not read; a call for one part alone says nothing of the others."""
    hidden = Counter(one.part for one in record.entries) - Counter(
        one.part for one in _shown(record)
    )
    told = ["Free text of the record: notes, narratives, conclusions in words."]
    told += [f"Earlier {part} of the record: {number}." for part, number in hidden.items()]
    if record.withheld:
        told.append(
            f"Entries of the record without a code, or whose wording may name a person: "
            f"{record.withheld}."
        )
    others = [part for part in left if any(record.counts.get(kind) for kind in PARTS[part])]
    if others and len(left) < len(PARTS) - 1:
        told.append(f"Other parts of the record: {', '.join(others)}.")
    return tuple(told)


def _shown(record: Record) -> list[Entry]:
    """The latest entries of each part, and of each kind of observation."""
    shown: list[Entry] = []
    parts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for one in record.entries:
        repeated = one.part == "observations" and kinds[one.name] >= _SAME
        if parts[one.part] < _MOST and not repeated:
            shown.append(one)
            parts[one.part] += 1
            kinds[one.name] += 1
    return shown


def _told(one: Entry) -> _Told:
    match one.part:
        case "conditions":
            return _stated(one, _plain(one.name))
        case "allergies":
            name = _plain(one.name)
            named = name.startswith("no known ") or "allerg" in name or "intoleran" in name
            return _stated(one, name if named else f"allergy to {name}")
        case "medications":
            return _medication(one)
        case "observations":
            answer = _plain(one.answer or "")
            text = f"{_upper(answer)} is present as {_lower(one.name)}, by the record"
            return _Told(answer, "present", _closed(text, one))
        case "reports" if one.answer is not None:
            answer = _plain(one.answer)
            text = f"{_upper(answer)} is present, by a report of the record ({one.name})"
            return _Told(answer, "present", _closed(text, one))
    return _done(one)


def _stated(one: Entry, name: str) -> _Told:
    """A condition or allergy, with what the record says of it now."""
    for denial in _DENIED:
        if name.startswith(denial):
            denied = f"{'known ' if 'known' in denial else ''}{name.removeprefix(denial)}"
            return _absent(one, denied, f"{denied} is absent, by the record")
    if one.verification == "refuted":
        return _absent(one, name, f"{name} is absent: the record refutes it")
    if one.status == "resolved":
        # What was once is no sign that it is there now, and none that it is not.
        text = f"past {name}: the record has it as resolved"
        return _Told(f"past {name}", "present", _closed(text, one))
    if one.verification in _UNSURE or one.status in _PAST:
        said = "not confirmed" if one.verification in _UNSURE else one.status
        text = f"{name} is possible: the record has it as {said}"
        return _Told(name, "uncertain", _closed(text, one))
    return _Told(name, "present", _closed(f"{name} is present, by the record", one))


def _medication(one: Entry) -> _Told:
    name = f"medication {_lower(one.name)}"
    dose = f" ({one.dose})" if one.dose else ""
    if one.status in _CURRENT:
        text = f"the {name}{dose} is present: the record has it as active"
        return _Told(name, "present", _closed(text, one))
    if one.status in _PAST:
        return _absent(one, name, f"the {name} is absent now: the record has it as {one.status}")
    text = f"the {name}{dose} is possible: the record does not have it as active"
    return _Told(name, "uncertain", _closed(text, one))


def _done(one: Entry) -> _Told:
    """A procedure or a report."""
    name = _plain(one.name)
    if one.status == "not-done":
        return _absent(one, name, f"{name} is absent: the record has it as not done")
    if one.status in _DONE:
        text = f"{name} is present among the {one.part} of the record"
        return _Told(name, "present", _closed(text, one))
    text = f"{name} is possible: the record does not have it as completed"
    return _Told(name, "uncertain", _closed(text, one))


def _absent(one: Entry, name: str, text: str) -> _Told:
    return _Told(name, "absent", _closed(text, one))


def _measured(one: Entry) -> Measurement:
    value, unit = f"{one.value:g}", one.unit or "1"
    shown = value if unit == "1" else f"{value} {unit}"
    return Measurement(
        name=one.name,
        value=one.value or 0.0,
        unit=unit,
        based_on=one.reference,
        text=_closed(f"{_lower(one.name)} is {shown}, by the record", one),
    )


def _closed(text: str, one: Entry) -> str:
    """A sentence with its reference, and how old it is beside the latest of its part."""
    return f"{_upper(text)} [{'; '.join(part for part in (one.reference, _ago(one)) if part)}]."


def _ago(one: Entry) -> str:
    days = one.days_before
    if days is None or days == 0:
        return "" if days is None else "latest"
    if days < _DAYS:
        return f"{days} d earlier than the latest"
    months = round(days / _DAYS_A_MONTH)
    if months < _MONTHS:
        return f"{months} months earlier than the latest"
    return f"{round(months / 12)} years earlier than the latest"


def _held(record: Record) -> str:
    told = [
        f"{number} {part}"
        for part, kinds in PARTS.items()
        if (number := sum(record.counts.get(kind, 0) for kind in kinds))
    ]
    return ", ".join(told) or "nothing that is read here"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(name: str) -> str:
    """A term in which a type, stage or class has a Roman number: it is no quantity."""
    return re.sub(r"(?<![\w.,/-])[1-9](?![\w.,/%-])", lambda one: _ROMAN[int(one[0])], _lower(name))


def _lower(name: str) -> str:
    """Without the capital of a sentence; abbreviations keep theirs."""
    return name[0].lower() + name[1:] if len(name) > 1 and name[1].islower() else name
