"""Text to tokens: words by their stem, numbers, punctuation; in six languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["LANGUAGES", "Token", "plain", "sentences", "stem", "tokenise"]

LANGUAGES = ("en", "es", "fr", "de", "pt", "zh")

_SPACES = " \u00a0\u202f\u2009"
NUMBER = (
    rf"(?:\d{{1,3}}(?:[.,]\d{{3}})+(?!\d)|\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?!\d)|\d+)"
    r"(?:[.,]\d+)?(?:[eE][-+]?\d+)?"
)
_TOKEN = re.compile(
    rf"(?P<number>(?:(?<![A-Za-z0-9_.)])[-−–+])?(?<![A-Za-z0-9_.,])(?:{NUMBER}|\.\d+)(?![A-Za-z0-9_]*[A-Za-z]\d))"
    r"|(?P<han>[\u3400-\u9fff])"
    r"|(?P<word>\[hnsf'u\]|\{[a-z]+\}|(?:mg|g|mmol)/(?:dl|l|ml)\b|kg/m[2²]|[cm]m[23²³]|°c\b"
    r"|(?:[^\W\d_\u3400-\u9fff])+\d*(?:[^\W_\u3400-\u9fff]*\d[^\W_\u3400-\u9fff]*)?|µm)"
    r"|(?P<sign>±|×|≥|≤|<=|>=|<|>|=|%|°|[^\w\s])",
    re.IGNORECASE,
)  # fmt: skip
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|\n+|(?<=[。！？；])")
_WIDE = str.maketrans("，。：；（）％～、！？＝＋－＜＞．／　", ",.:;()%~,!?=+-<>./ ")

_SMALL = {
    "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    **{str(number): number for number in range(3, 21)},
}  # fmt: skip
_ROMAN = {
    "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10,
}  # fmt: skip
Spelling = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
_SPELLINGS: tuple[Spelling, ...] = (
    (re.compile(r"[’‘`´]"), "'"),
    (re.compile(r"[‐‑]"), "-"),
    (re.compile(r"\s*-+>\s*(?=\d)"), " → "),
    (re.compile(r"(?:(?<=\s)|^)\+ve\b", re.I), "positive"),
    (re.compile(r"(?:(?<=\s)|^)-ve\b", re.I), "negative"),
    (re.compile(r"(?:(?<=[\s:(])|^)\?\s?(?=[A-Za-z])"), "possible "),
    (re.compile(r"\bcannot\b", re.I), "can not"),
    (re.compile(r"\b(?:can't|cant)\b", re.I), "can not"),
    (re.compile(r"\bwon't\b", re.I), "will not"),
    (re.compile(r"(?<=[a-z])n't\b", re.I), " not"),
    (re.compile(r"(?<=\w)'s\b"), ""),
    (re.compile(r"\b(?:the )?minus (?=\d)|\b(?:menos|moins) (?=\d)|负(?=\d)", re.I), "-"),
    (re.compile(r"\bx[- ]?rays?\b", re.I), "radiograph"),
    (re.compile(r"\bfront to back\b", re.I), "anteroposterior"),
    (re.compile(r"\b(?:right to left|left to right)\b", re.I), "transverse"),
    (re.compile(r"\bper cent\b", re.I), "percent"),
    (re.compile(rf"\b(?:one|1)( [a-z]+)? (?:in|out of)(?: every)? ({'|'.join(_SMALL)})\b", re.I),
     lambda match: f"{100 / _SMALL[match[2].lower()]:.0f} percent of{match[1] or ''}"),
    (re.compile(r"\bfollow-up\b", re.I), "followup"),
    (re.compile(r"\b(?:out[- ]of[- ]distribution|OOD|unfamiliar to the model)\b(?: for)?", re.I),
     "unlike the training data for"),
    (re.compile(r"\blaa[- ]?950\b", re.I), "emphysema index"),
    (re.compile(r"\b(?:below|under) the (?:referral threshold|threshold for referral)(?: for)?",
                re.I), "no referable"),
    (re.compile(r"\b(?:above|meets|exceeds|reaches) the (?:referral threshold|threshold for "
                r"referral)(?: for)?", re.I), "referable"),
    (re.compile(r"\b(inside|within) (?=(?:the wall )?(?:and|vs\.?|versus|/)\b.{0,30}"
                r"\boutside (?:of )?the (?:muscle )?wall)", re.I), "inside the muscle wall "),
    (re.compile(r"\b(segment|stage|grade|type) (x|ix|iv|vi{0,3}|i{1,3})\b", re.I),
     lambda match: f"{match[1]} {_ROMAN[match[2].lower()]}"),
    (re.compile(r"(?<![\w-])S([1-8])\b(?!\s*=)"), r"segment \1"),
    (
        re.compile(
            r"\bnon[- ]?(?=(?:referable|specific|calcified)\b)", re.I
        ),
        "not ",
    ),
    (re.compile(r"(?<=[A-Za-zÀ-ɏ])-(?=[^\W_])"), " "),
    (re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])"), " "),
    (re.compile(r"(?<=\d)(?=(?:st|nd|rd|th|er|e|ème|º|ª)\b)"), " "),
)  # fmt: skip
_IRREGULAR = {
    "metastases": "metastasis", "diagnoses": "diagnosis", "apices": "apex",
    "nevi": "nevus", "naevi": "naevus", "bronchi": "bronchus", "vertebrae": "vertebra",
    "foci": "focus", "pleurae": "pleura", "maculae": "macula",
    "is": "is", "this": "this", "its": "its", "lens": "lens", "gas": "gas", "pus": "pus",
    "data": "data", "loss": "loss", "pancreas": "pancreas", "series": "series", "pelvis": "pelvis",
    "feet": "foot", "calves": "calf", "analyses": "analysis", "calculi": "calculus",
    "emboli": "embolus", "thrombi": "thrombus", "opacities": "opacity", "being": "being",
    "during": "during", "nothing": "nothing", "thickening": "thickening", "widening": "widening",
    "bleeding": "bleeding", "left": "left", "red": "red", "bed": "bed", "need": "need",
    "needs": "need", "bodies": "body", "as": "as", "was": "was", "has": "has", "does": "does",
    "his": "his", "marked": "marked", "thus": "thus", "plus": "plus", "yes": "yes",
    "us": "us", "less": "less",
}  # fmt: skip

_GERMAN_WHOLE = {"seite", "seiten"}


@dataclass(frozen=True)
class Token:
    """One word, number or sign."""

    text: str
    """In lower case."""
    stem: str
    kind: str
    """word, number or sign."""


def plain(word: str) -> str:
    """Lower a word and take its accents off; the signs of German and French go with them."""
    if word.isascii():
        return word.lower()
    folded = unicodedata.normalize("NFKD", word.lower().replace("ß", "ss").replace("œ", "oe"))
    return "".join(char for char in folded if not unicodedata.combining(char)).replace("æ", "ae")


def _english(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "as")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e") if len(word) > 4 else word


def _iberian(word: str) -> str:
    if len(word) < 5:
        return word.removesuffix("s") if len(word) == 4 and word[-2] in "aeo" else word
    for ending, instead in (("oes", "ao"), ("aes", "ao"), ("ais", "al"), ("eis", "el")):
        if word.endswith(ending):
            return word[: -len(ending)] + instead
    if word.endswith("es") and word[-3] in "rlnzdj":
        word = word[:-2]
    word = word.removesuffix("s")
    if word.endswith(("an", "en", "am", "em")) and len(word) > 5:
        word = word[:-1]
    return word[:-1] if word[-1] in "aeo" and len(word) > 4 else word


def _french(word: str) -> str:
    if len(word) < 4:
        return word
    if word.endswith("aux"):
        return word[:-3] + "al"
    word = word.removesuffix("s").removesuffix("x")
    if word.endswith("ees"):
        word = word[:-1]
    return word.removesuffix("e").removesuffix("e") if len(word) > 4 else word


def _german(word: str) -> str:
    if len(word) < 5 or word in _GERMAN_WHOLE:
        return word
    if word.startswith("sicher"):
        return "sicher"
    for ending in ("ern", "en", "er", "es", "em", "e", "n", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


_STEMMERS: dict[str, Callable[[str], str]] = {
    "en": _english, "es": _iberian, "pt": _iberian, "fr": _french, "de": _german, "zh": str,
}  # fmt: skip


@lru_cache(maxsize=65536)
def stem(word: str, language: str = "en") -> str:
    """Cut the endings that grammar asks for; crude, but the same on both sides."""
    word = plain(word)
    return word if any(char.isdigit() for char in word) else _STEMMERS[language](word)


def normalise(text: str) -> str:
    """Unify apostrophes, hyphens, contractions and wide signs."""
    text = text.translate(_WIDE)
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    return text


def sentences(text: str) -> list[str]:
    """Split text where a sentence or a line ends."""
    return [part.strip() for part in _SENTENCE.split(text.strip()) if part.strip()]


def tokenise(text: str, language: str = "en") -> list[Token]:
    """Split a sentence into tokens.

    Args:
        text: One sentence.
        language: Whose endings to cut; a Han character is a token in any.
    """
    tokens = []
    for match in _TOKEN.finditer(normalise(text)):
        kind = "word" if match.lastgroup == "han" else str(match.lastgroup)
        word = match.group().lower()
        tokens.append(Token(word, stem(word, language) if kind == "word" else word, kind))
    return tokens
