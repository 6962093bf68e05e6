"""Text to tokens: words by their stem, numbers, punctuation."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Token", "sentences", "stem", "tokenise"]

NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?:[    ]\d{3})+|\d+)(?:[.,]\d+)?(?:[eE][-+]?\d+)?"
_TOKEN = re.compile(
    rf"(?P<number>(?:(?<![\w.)])[-−–+])?(?<![A-Za-z0-9_.,])(?:{NUMBER}|\.\d+)(?![A-Za-z0-9_]*[A-Za-z]\d))"
    r"|(?P<word>\[hnsf'u\]|mm\[hg\]|(?:mg|g|mmol)/(?:dl|l|ml)\b|kg/m[2²]|[cm]m[23²³]|°c\b|[^\W\d_]+(?:'[^\W\d_]+)?\d*(?:[^\W_]*\d[^\W_]*)?|µm|\{[a-z]+\})"
    r"|(?P<sign>±|×|≥|≤|<=|>=|<|>|=|%|°|[^\w\s])",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|\n+")

_SPELLINGS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"[’‘`]"), "'"),
    (re.compile(r"[‐‑]"), "-"),
    (re.compile(r"\bcannot\b", re.I), "can not"),
    (re.compile(r"\bcan't\b", re.I), "can not"),
    (re.compile(r"\bwon't\b", re.I), "will not"),
    (re.compile(r"(?<=[a-z])n't\b", re.I), " not"),
    (re.compile(r"\bx[- ]?rays?\b", re.I), "radiograph"),
    (
        re.compile(
            r"\b(?:the )?(?:heart|cardiac silhouette) (?:is|appears|looks)( not)?( \w+ly)?"
            r" enlarged",
            re.I,
        ),
        lambda m: f"there is{' no' if m[1] else ''}{m[2] or ''} cardiomegaly",
    ),
    (re.compile(r"\bfront to back\b", re.I), "anteroposterior"),
    (re.compile(r"\b(?:right to left|left to right)\b", re.I), "transverse"),
    (re.compile(r"(?<=\d)'s\b"), ""),
    (re.compile(r"\bper cent\b", re.I), "percent"),
    (re.compile(r"\bfollow-up\b", re.I), "followup"),
    (
        re.compile(r"\bnon(?=(?:referable|viable|specific|malignant|cancerous|calcified))", re.I),
        "non ",
    ),
    (re.compile(r"(?<=[A-Za-z])-(?=[A-Za-z0-9])"), " "),
)
_IRREGULAR = {
    "metastases": "metastasis", "diagnoses": "diagnosis", "apices": "apex", "bases": "base",
    "nevi": "nevus", "naevi": "naevus", "bronchi": "bronchus", "vertebrae": "vertebra",
    "lies": "lie", "shown": "show", "seen": "see", "gave": "give", "given": "give",
    "found": "find", "was": "is", "were": "is", "are": "is", "be": "is", "been": "is",
    "has": "have", "had": "have", "does": "do", "did": "do", "done": "do", "said": "say",
    "is": "is", "this": "this", "its": "its", "lens": "lens", "gas": "gas", "pus": "pus",
    "data": "data", "loss": "loss", "pancreas": "pancreas", "series": "series",
    "ies": "ies", "feet": "foot", "species": "species", "dies": "die", "calves": "calf",
    "analyses": "analysis", "calculi": "calculus", "emboli": "embolus", "thrombi": "thrombus",
    "opacities": "opacity", "being": "being", "during": "during", "nothing": "nothing",
    "thickening": "thickening", "widening": "widening", "bleeding": "bleeding", "left": "left",
}  # fmt: skip


@dataclass(frozen=True)
class Token:
    """One word, number or sign."""

    text: str
    """In lower case."""
    stem: str
    kind: str
    """word, number or sign."""


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Cut the endings that grammar asks for; crude, but the same on both sides."""
    word = word.lower()
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "as")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e") if len(word) > 4 else word


def normalise(text: str) -> str:
    """Unify apostrophes, hyphens, contractions and a few spellings."""
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    return text


def sentences(text: str) -> list[str]:
    """Split text where a sentence or a line ends."""
    return [part.strip() for part in _SENTENCE.split(text.strip()) if part.strip()]


def tokenise(text: str) -> list[Token]:
    """Split a sentence into tokens."""
    tokens = []
    for match in _TOKEN.finditer(normalise(text)):
        kind = str(match.lastgroup)
        word = match.group().lower()
        tokens.append(Token(word, stem(word) if kind == "word" else word, kind))
    return tokens
