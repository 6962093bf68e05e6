"""What a text is about, by a table of words in six languages. Plain code, no model.

    concepts("¿Rotura de menisco?")  ->  ("knee",)

A small model knows few words. Which mean the same can be looked up, so that a question and the
description of a tool that nobody has seen before meet where their words don't.
"""

from __future__ import annotations

import re
from configparser import ConfigParser
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files

from agent.gemma.embedded.plainly import HAN, simplify

__all__ = ["Found", "concepts", "find", "matters", "regions_of", "spelled", "weight_of"]

_WORD = re.compile(r"[a-z0-9#&+'-]+")
_LONGEST_PHRASE = 5
_LONGEST_HAN = 8
_TALK = 0.9
"""Weight of what is said to the system and not of a file: less than a finding's."""
_WEIGHTS = {
    "studies": 0.5,
    "looks": 0.5,
    "records": 2.0,
    "house": 2.0,
    "services": 2.0,
    "talk": _TALK,
}
_ENDINGS = ("s", "es", "e", "n", "en")
_SHORTEST_STEM, _SHORTEST_COMPOUND, _SHORTEST_TYPED = 3, 7, 8


@dataclass(frozen=True)
class Found:
    """A concept of a text, and what is left of the words."""

    names: tuple[str, ...]
    """Concepts in the order of the text, each once."""
    rest: tuple[str, ...]
    """Words that the table does not have."""


@dataclass
class _Table:
    phrases: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    begun: dict[tuple[str, ...], list[tuple[str, str]]] = field(default_factory=dict)
    """Of phrases whose last word may end in any way: its beginning and the concept."""
    words: dict[str, list[str]] = field(default_factory=dict)
    stems: dict[str, list[str]] = field(default_factory=dict)
    inside: dict[str, list[str]] = field(default_factory=dict)
    typed: dict[str, list[str]] = field(default_factory=dict)
    """Long words less one letter, for words with a slip."""
    typed_stems: dict[str, list[str]] = field(default_factory=dict)
    han: dict[str, list[str]] = field(default_factory=dict)
    regions: dict[str, frozenset[str]] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    spelled: dict[str, list[str]] = field(default_factory=dict)
    """Forms that are whole words."""


def concepts(text: str) -> tuple[str, ...]:
    """The concepts that a text names."""
    return find(text).names


def matters(text: str) -> tuple[str, ...]:
    """The concepts of a text that a file or a tool could be about."""
    return tuple(name for name in find(text).names if weight_of(name) != _TALK)


def regions_of(concept: str) -> frozenset[str]:
    """Regions of the body that a concept belongs to; none for what is of no region."""
    return _table().regions.get(concept, frozenset())


def weight_of(concept: str) -> float:
    """How much a concept tells tools apart: least a way of looking, most a service."""
    return _table().weights.get(concept, 1.0)


def spelled() -> dict[str, list[str]]:
    """Each concept with its forms that are whole words, of any language."""
    return _table().spelled


@lru_cache(maxsize=32768)
def find(text: str) -> Found:
    """Look a text's words up."""
    table, plain = _table(), simplify(text.replace("#", " fracture "))
    names: list[str] = []
    rest: list[str] = []
    words = [word.strip("'-+&") or word for word in _WORD.findall(plain)]
    at = 0
    while at < len(words):
        length, known = _longest(words, at, table)
        names += known
        rest += [] if known else [words[at]]
        at += length
    for run in HAN.findall(plain):
        names += _in_han(run, table)
    return Found(tuple(dict.fromkeys(names)), tuple(rest))


def _longest(words: list[str], at: int, table: _Table) -> tuple[int, list[str]]:
    for length in range(min(_LONGEST_PHRASE, len(words) - at), 1, -1):
        *first, last = words[at : at + length]
        for word in (last, last.removesuffix("s"), last.removesuffix("es")):
            if found := table.phrases.get((*first, word)):
                return length, found
        begun = table.begun.get(tuple(first), ())
        if found := [name for stem, name in begun if last.startswith(stem)]:
            return length, found
    return 1, _of_word(words[at], table)


def _of_word(word: str, table: _Table) -> list[str]:
    if word in table.words:
        return table.words[word]
    for ending in _ENDINGS:
        if len(word) > len(ending) + 3 and word.endswith(ending):
            stem = word.removesuffix(ending)
            if stem in table.words:
                return table.words[stem]
    found = [
        name
        for end in range(len(word), _SHORTEST_STEM - 1, -1)
        for name in table.stems.get(word[:end], ())
    ]
    if found:
        return list(dict.fromkeys([*found, *_inside(word, table)]))
    if "-" in word:
        return [name for part in word.split("-") for name in _of_word(part, table)]
    return _inside(word, table) or _mistyped(word, table)


def _inside(word: str, table: _Table) -> list[str]:
    """Parts of a compound word."""
    if len(word) < _SHORTEST_COMPOUND:
        return []
    found = [(word.find(part), name) for part, names in table.inside.items() for name in names]
    return list(dict.fromkeys(name for at, name in sorted(found) if at >= 0))


def _mistyped(word: str, table: _Table) -> list[str]:
    """What a long word with one letter too few, too many or wrong was meant to be."""
    if len(word) < _SHORTEST_COMPOUND:
        return []
    for less in (word, *(word[:at] + word[at + 1 :] for at in range(1, len(word)))):
        for end in range(len(less), _SHORTEST_TYPED - 2, -1):
            known = table.typed_stems.get(less[:end])
            if known is None and end == len(less):
                known = table.typed.get(less)
            if known is not None:
                return known
    return []


def _in_han(run: str, table: _Table) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(run):
        for length in range(min(_LONGEST_HAN, len(run) - at), 0, -1):
            known = table.han.get(run[at : at + length])
            if known:
                found += known
                at += length
                break
        else:
            at += 1
    return found


@cache
def _table() -> _Table:
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=(";",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((files(__package__) / "concepts.ini").read_text(encoding="utf-8"))
    table = _Table()
    for section in parser.sections():
        regions = frozenset(section.partition(":")[2].split())
        for name, value in parser[section].items():
            table.regions[name] = regions
            table.weights[name] = _WEIGHTS.get(section, 1.0)
            forms = [form.strip() for form in value.split("|")]
            table.spelled[name] = [form for form in forms if "*" not in form]
            for form in forms:
                _enter(form, name, table)
    return table


def _enter(form: str, name: str, table: _Table) -> None:
    plain = simplify(form.strip("*"))
    if HAN.search(plain):
        table.han.setdefault(plain.replace(" ", ""), []).append(name)
    elif " " in plain and form.endswith("*"):
        *first, last = _WORD.findall(plain)
        table.begun.setdefault(tuple(first), []).append((last, name))
    elif " " in plain:
        table.phrases.setdefault(tuple(_WORD.findall(plain)), []).append(name)
    else:
        kind = table.stems if form.endswith("*") else table.words
        kind.setdefault(plain, []).append(name)
        if form.startswith("*"):
            table.inside.setdefault(plain, []).append(name)
        if len(plain) >= _SHORTEST_TYPED:
            slips = table.typed_stems if form.endswith("*") else table.typed
            for less in (plain, *(plain[:at] + plain[at + 1 :] for at in range(1, len(plain)))):
                slips.setdefault(less, [name])
