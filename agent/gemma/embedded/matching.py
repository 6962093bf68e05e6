"""How well a question's words match what a tool says of itself. Plain code, no model.

A small model can't know every word; which words a question shares with a description it need not
know, as that can be counted: words as they stand, and concepts of the table of six languages.
The counts go into the prompt as marks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent.gemma.embedded.concepts import find, weight_of
from agent.gemma.embedded.plainly import HAN, simplify
from agent.toolbox import ToolInfo

__all__ = ["Match", "matches", "shared_concepts"]

_NEGATIVE = re.compile(
    r"[^.;]*\b(?:not|never|isn't|aren't|does not|do not|don't|except)\b[^.;]*[.;]?"
)
_COMMON = frozenset(
    (
        "a", "an", "the", "of", "in", "on", "at", "for", "to", "from", "by", "with", "without",
        "and", "or", "is", "are", "was", "were", "be", "been", "it", "its", "this", "that",
        "these", "those", "there", "here", "any", "some", "all", "each", "one", "two", "i", "me",
        "my", "we", "our", "you", "your", "he", "she", "his", "her", "they", "their", "what",
        "which", "who", "how", "where", "when", "does", "do", "did", "has", "have", "had", "can",
        "could", "should", "would", "will", "please", "give", "gives", "show", "shows", "tell",
        "read", "reads", "see", "look", "use", "used", "using", "if", "as", "only", "not", "no",
        "than", "known", "about", "into", "out", "up", "per", "also", "whether", "image", "images",
        "file", "files", "body", "part", "parts",
        "picture", "report", "patient", "patients", "person", "human", "takes", "de", "la", "el",
        "los", "las", "un", "una", "y", "o", "en", "con", "del", "que", "es", "hay", "por",
        "para", "se", "al", "le", "les", "des", "du", "une", "et", "ou", "est", "dans", "sur",
        "avec", "pour", "qui", "ce", "cette", "il", "der", "die", "das", "ein", "eine", "und",
        "oder", "ist", "im", "mit", "auf", "fur", "von", "zu", "den", "dem", "gibt", "os", "um",
        "uma", "e", "na", "em", "com", "da", "ha",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Match:
    """A tool and how much of the question it names."""

    tool: str
    score: float
    denied: bool
    """Whether the tool names words of the question among what it is not for."""


_Said = tuple[str, str, str, tuple[str, ...]]
"""Name, title, description, and keywords with findings."""


def matches(question: str, tools: Sequence[ToolInfo]) -> list[Match]:
    """Score all tools that share words with the question, best first."""
    said = tuple(map(_said, tools))
    scores, denied = [0.0] * len(tools), [False] * len(tools)
    for unit, weight in _units(question).items():
        users = _index(said).get(unit, ())
        rarity = 1.0 / math.sqrt(len(users) or 1)
        for place, share in users:
            scores[place] += weight * rarity * share
            denied[place] |= not share and rarity * weight > 0.5
    text, grams = f" {simplify(question)} ", _grams(simplify(question))
    for place, one in enumerate(said):
        phrases, own_grams = _phrases(one)
        scores[place] += 1.5 * sum(1 for phrase in phrases if f" {phrase} " in text)
        scores[place] += 1.5 * min(2, len(grams & own_grams))
    found = [
        Match(info.name, round(score, 3), no)
        for info, score, no in zip(tools, scores, denied, strict=True)
        if score > 0 or no
    ]
    return sorted(found, key=lambda one: (-one.score, one.tool))


def shared_concepts(question: str, info: ToolInfo) -> tuple[str, ...]:
    """What the question and the description are both about, general words aside."""
    own = _weights(_said(info))
    named = [name for name in find(question).names if weight_of(name) >= 1]
    return tuple(name for name in named if own.get(f"<{name}>", 0.0) > 0)


def _said(info: ToolInfo) -> _Said:
    return info.name, info.title, info.description, (*info.keywords, *info.findings)


@lru_cache(maxsize=16384)
def _units(text: str) -> dict[str, float]:
    """What a text is compared by: concepts and words that no concept has, each with its weight."""
    found = find(text)
    units = {f"<{name}>": weight_of(name) for name in found.names}
    kept = [_stem(word) for word in found.rest if word not in _COMMON and len(word) > 1]
    return {**units, **dict.fromkeys(kept, 1.0)}


@lru_cache(maxsize=4096)
def _weights(said: _Said) -> dict[str, float]:
    """The units of a tool: those of its title weigh more, those that it is not for nothing."""
    name, title, description, keywords = said
    text = simplify(description)
    negative = " ".join(_NEGATIVE.findall(text))
    weights = dict.fromkeys(_units(negative), 0.0)
    weights |= dict.fromkeys(_units(f"{_NEGATIVE.sub(' ', text)} . {' . '.join(keywords)}"), 1.0)
    return weights | dict.fromkeys(_units(f"{name.replace('_', ' ')} . {title}"), 1.5)


@lru_cache(maxsize=512)
def _index(said: tuple[_Said, ...]) -> dict[str, list[tuple[int, float]]]:
    """Which tools have a unit, and with what weight."""
    index: dict[str, list[tuple[int, float]]] = {}
    for place, one in enumerate(said):
        for unit, weight in _weights(one).items():
            index.setdefault(unit, []).append((place, weight))
    return index


@lru_cache(maxsize=4096)
def _phrases(said: _Said) -> tuple[tuple[str, ...], frozenset[str]]:
    plain = [simplify(word) for word in said[3]]
    grams = frozenset().union(*(_grams(word) for word in (*plain, simplify(said[2]))))
    return tuple(word for word in plain if word.isascii() and len(word) > 1), grams


def _stem(word: str) -> str:
    """Its beginning: enough for plurals and most endings."""
    return word[:6] if len(word) > 6 else word.removesuffix("s") if len(word) > 3 else word


def _grams(text: str) -> set[str]:
    """Pairs of Chinese characters."""
    return {run[at : at + 2] for run in HAN.findall(text) for at in range(len(run) - 1)}
