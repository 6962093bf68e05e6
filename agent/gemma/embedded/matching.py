"""How well a question's words match what a tool says of itself. Plain code, no model.

A small model can't know every word; which words a question shares with a description it need not
know, as that can be counted. The counts go into the prompt as marks.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent.toolbox import ToolInfo

__all__ = ["Match", "matches", "simplify"]

_WORD = re.compile(r"[a-z0-9]+")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
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
        "than", "into", "out", "up", "per", "also", "whether", "image", "images", "file", "files",
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


def matches(question: str, tools: Sequence[ToolInfo]) -> list[Match]:
    """Score all tools that share words with the question, best first."""
    entries = [_Entry.of(info) for info in tools]
    words, grams = _words(question), _grams(simplify(question))
    spread = [_rarity(word, entries) for word in words]
    text = f" {simplify(question)} "
    found = []
    for info, entry in zip(tools, entries, strict=True):
        score = sum(rarity * entry.weight(word) for word, rarity in zip(words, spread, strict=True))
        score += 1.5 * sum(1 for phrase in entry.phrases if f" {phrase} " in text)
        score += 1.5 * min(2, len(grams & entry.grams))
        denied = any(
            word in entry.negative and not entry.weight(word) and rarity > 0.5
            for word, rarity in zip(words, spread, strict=True)
        )
        if score > 0 or denied:
            found.append(Match(info.name, round(score, 3), denied))
    return sorted(found, key=lambda one: (-one.score, one.tool))


@dataclass(frozen=True)
class _Entry:
    """The words of one tool."""

    title: frozenset[str]
    says: frozenset[str]
    negative: frozenset[str]
    phrases: tuple[str, ...]
    grams: frozenset[str]

    @staticmethod
    def of(info: ToolInfo) -> _Entry:
        return _entry(info.name, info.title, info.description, (*info.keywords, *info.findings))

    def weight(self, word: str) -> float:
        return 1.5 if word in self.title else 1.0 if word in self.says else 0.0


@lru_cache(maxsize=4096)
def _entry(name: str, title: str, description: str, keywords: tuple[str, ...]) -> _Entry:
    text = simplify(description)
    negative = " ".join(_NEGATIVE.findall(text))
    says = _NEGATIVE.sub(" ", text)
    plain = [simplify(word) for word in keywords]
    return _Entry(
        frozenset(_words(f"{name.replace('_', ' ')} {title}")),
        frozenset(_words(f"{says} {' '.join(plain)}")),
        frozenset(_words(negative)),
        tuple(word for word in plain if word.isascii() and len(word) > 1),
        frozenset().union(*(_grams(word) for word in (*plain, text))),
    )


def _rarity(word: str, entries: Iterable[_Entry]) -> float:
    known = [entry.weight(word) > 0 or word in entry.negative for entry in entries]
    return 1.0 if sum(known) <= 1 else 1.0 / math.sqrt(sum(known))


@lru_cache(maxsize=16384)
def simplify(text: str) -> str:
    """Lower case, without accents; what is not a letter, a digit or a full stop is a space."""
    spread = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss").replace("œ", "oe"))
    plain = "".join(one for one in spread if not unicodedata.combining(one))
    return " ".join(re.sub(r"[^\w.;?+%']", " ", plain.replace("_", " ")).split())


def _words(text: str) -> list[str]:
    found = [_stem(word) for word in _WORD.findall(simplify(text)) if word not in _COMMON]
    return list(dict.fromkeys(word for word in found if len(word) > 1))


def _stem(word: str) -> str:
    """Its beginning: enough for plurals and most endings."""
    return word[:6] if len(word) > 6 else word.removesuffix("s") if len(word) > 3 else word


def _grams(text: str) -> set[str]:
    """Pairs of Chinese characters."""
    return {run[at : at + 2] for run in _HAN.findall(text) for at in range(len(run) - 1)}
