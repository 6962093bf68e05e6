"""The languages that answers are written in: whose question it is, sentences and terms.

Sentences are templates in `phrases.tsv`, terms stand in `terms.tsv` (`terminology`), which the
checker reads too; both have a column a language. Nothing here decides what is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import get_args

from agent.answer import Language
from agent.language.terminology import terminology

__all__ = [
    "LANGUAGES",
    "detect",
    "fixed",
    "function_words",
    "known",
    "listed",
    "number",
    "phrase",
    "phrases",
    "share",
    "term",
    "terms",
]

LANGUAGES: tuple[Language, ...] = get_args(Language)

_HAN = re.compile(r"[\u4e00-\u9fff]")
_SIGNS: dict[Language, str] = {"es": "¿¡ñ", "de": "ßäöü", "pt": "ãõ", "fr": "èùœâîû"}
_SIGN_WEIGHT = 2
_LEAST_OWN = 4
"""Letters of a word that tells a language by being a term of it."""
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?")
_DECIMAL_COMMA = frozenset({"es", "fr", "de", "pt"})


def detect(text: str, otherwise: Language = "en") -> Language:
    """Tell the language of a question.

    Args:
        text: In words; a few are enough.
        otherwise: What it is where no word tells.

    Returns:
        The language with most function words, terms and letters of its own; English before
        others where several have as many.
    """
    if _HAN.search(text):
        return "zh"
    lowered = text.lower()
    words = _WORD.findall(lowered)
    scores = {one: _score(one, words, lowered) for one in LANGUAGES if one != "zh"}
    best = max(scores, key=lambda one: scores[one])
    return best if scores[best] else otherwise


def _score(language: Language, words: Sequence[str], text: str) -> int:
    common = sum(word in function_words(language) for word in words)
    own = sum(word in _own_words()[language] for word in words)
    return common + own + _SIGN_WEIGHT * any(sign in text for sign in _SIGNS.get(language, ""))


def known(concept: str) -> bool:
    """Whether the table has the concept, told by a specialist of this house or not."""
    return concept in terminology()


def term(concept: str, language: Language) -> str:
    """Say a concept in a language, or as it is where the table has no name for it."""
    found = terminology().get(concept)
    names = found.names[language] if found is not None else ()
    return names[0] if names else concept


def phrase(key: str, language: Language, **slots: object) -> str:
    """Fill a template.

    Raises:
        KeyError: If there is no such template, or a slot is missing.
    """
    return phrases()[key][language].format(**slots)


def listed(items: Sequence[str], language: Language, word: str = "or") -> str:
    """Join as the language does: 'a, b or c'."""
    comma = phrases()["comma"][language]
    if len(items) < 2:
        return "".join(items)
    return f"{comma.join(items[:-1])}{phrases()[word][language]}{items[-1]}"


def number(value: float, language: Language, digits: int = 6) -> str:
    """Write a number with at most so many significant digits and the language's decimal sign."""
    text = f"{float(f'{value:.{digits}g}'):f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if language in _DECIMAL_COMMA else text


def share(value: float, language: Language) -> str:
    """Write a probability with two decimals, as the specialists do."""
    text = f"{value:.2f}"
    return text.replace(".", ",") if language in _DECIMAL_COMMA else text


@cache
def terms() -> dict[str, dict[Language, str]]:
    """Every concept that a specialist can name, in every language."""
    return {
        name: {language: found.names[language][0] for language in LANGUAGES}
        for name, found in terminology().items()
        if found.told
    }


@cache
def phrases() -> dict[str, dict[Language, str]]:
    """Every template by its key, in every language."""
    return _table("phrases.tsv")


def _table(name: str) -> dict[str, dict[Language, str]]:
    head, *rows = [line.split("\t") for line in _lines(name)]
    columns: list[Language] = [one for one in LANGUAGES if one in head]
    return {row[0]: {one: row[head.index(one)] for one in columns} for row in rows}


def _lines(name: str) -> list[str]:
    text = (files("agent") / "language" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def fixed(text: str, language: Language) -> str:
    """A sentence that specialists always write in the same words, in a language; others as is."""
    ended = text.endswith(".")
    known_as = _fixed().get(text.removesuffix("."), {}).get(language)
    if known_as is None:
        return text
    return known_as + ("。" if language == "zh" else ".") * ended


@cache
def _fixed() -> dict[str, dict[Language, str]]:
    return _table("fixed.tsv")


@cache
def function_words(language: Language) -> frozenset[str]:
    """Words of a language that tell nothing but which language it is."""
    rows = dict(line.split("\t") for line in _lines("words.tsv")[1:])
    return frozenset(rows.get(language, "").split())


@cache
def _own_words() -> dict[Language, frozenset[str]]:
    """Words of terms that only one language has."""
    found = {
        one: {
            word
            for row in terms().values()
            for word in _WORD.findall(row[one].lower())
            if len(word) >= _LEAST_OWN
        }
        for one in LANGUAGES
    }
    return {
        one: frozenset(words.difference(*(found[other] for other in LANGUAGES if other != one)))
        for one, words in found.items()
    }
