"""Tokens to items: the longest phrases that the lexicon knows, numbers, and what is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from agent.grounding.lexicon import SIDES, Lexicon, Tag, lexicon
from agent.grounding.tokens import LANGUAGES, Token, stem, tokenise
from agent.language.terminology import split

__all__ = ["Item", "itemise", "language_of", "unfold"]

_LINKS = ("", "s", "es", "n", "en", "er")
_SHORTEST_PART = 3
_SIGNS = {"es": "ñ¿¡", "fr": "èùœàêôçâî", "de": "äöüß", "pt": "ãõêôçâ"}
"""Letters that tell a language from its neighbours."""


@dataclass(frozen=True)
class Item:
    """A phrase, a number, a sign or an unknown word."""

    start: int
    end: int
    """Token positions: first, and one behind the last."""
    tags: frozenset[Tag]
    text: str
    stem: str
    kind: str
    """phrase, number, sign or unknown."""

    def values(self, kind: str) -> list[str]:
        """Return the values of its tags of one kind."""
        return sorted(value for tag, value in self.tags if tag == kind)

    def has(self, *kinds: str) -> bool:
        """Tell whether it has a tag of one of these kinds."""
        return any(kind in kinds for kind, _ in self.tags)


def itemise(tokens: Sequence[Token], language: str, own: Lexicon | None = None) -> list[Item]:
    """Find the phrases of a sentence, the longest at each place.

    Args:
        tokens: The sentence, from `tokenise`; German compounds already apart (`unfold`).
        language: Whose lexicon to use.
        own: Names that only the cited evidence uses; they go first.
    """
    book = lexicon(language)
    found: list[Item] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        mine = own.at(tokens, at) if own is not None and token.kind == "word" else None
        match = mine or (book.at(tokens, at) if token.kind != "number" else None)
        if match is None and token.kind == "word" and (form := book.inflected(token.text)):
            match = (at + 1, form)
        end, tags = match if match is not None else (at + 1, frozenset[Tag]())
        text = " ".join(t.text for t in tokens[at:end])
        kind = (
            "phrase" if match else {"number": "number", "sign": "sign"}.get(token.kind, "unknown")
        )
        found.append(Item(at, end, tags, text, token.stem, kind))
        at = end
    return _qualified(found)


def _qualified(items: list[Item]) -> list[Item]:
    """'钙化结节': before another finding, calcification says what that is like."""
    for at, (one, two) in enumerate(pairwise(items)):
        if ("finding", "calcification") in one.tags and two.has("finding") and two.text[0] > "⺀":
            items[at] = replace(one, tags=frozenset({("modifier", "calcified")}))
    return items


def unfold(tokens: Sequence[Token], language: str) -> list[Token]:
    """Take German compounds apart that the lexicon doesn't know as a whole."""
    if language != "de":
        return list(tokens)
    parts: list[Token] = []
    for token in tokens:
        split = _parts(token.text) if token.kind == "word" else None
        parts += [Token(p, stem(p, "de"), "word") for p in split] if split else [token]
    return parts


@lru_cache(maxsize=4096)
def _parts(word: str) -> tuple[str, ...] | None:
    book = lexicon("de")
    if stem(word, "de") in book.vocabulary or len(word) < 2 * _SHORTEST_PART + 1:
        return None
    for cut in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
        head, tail = word[:cut], word[cut:]
        for link in _LINKS:
            base = head.removesuffix(link) if link else head
            if len(base) < _SHORTEST_PART or (link and not head.endswith(link)):
                continue
            if stem(base, "de") in book.singles:
                rest = (tail,) if stem(tail, "de") in book.singles else _parts(tail)
                if rest:
                    return (base, *rest)
    return None


@lru_cache(maxsize=4096)
def language_of(text: str) -> str:
    """Tell in which of the six languages a statement is; English where nothing decides."""
    if any("\u3400" <= char <= "\u9fff" for char in text):
        return "zh"
    foreign = {word: one for one in ("de", "fr", "pt", "es") for word in _sides(one)}
    telling = next((foreign[t.text] for t in tokenise(text) if t.text in foreign), None)
    best, most = "en", -1.0
    for language in LANGUAGES[:-1]:
        book = lexicon(language)
        words = [t for t in tokenise(text, language) if t.kind == "word"]
        if language == "en" and telling is None and all(t.stem in book.singles for t in words):
            return "en"  # and the other languages need not be loaded
        known = sum(_recognises(book, token) for token in words) + 2.0 * (language == telling)
        known += 0.5 * any(sign in text.lower() for sign in _SIGNS.get(language, ""))
        if known > most + 1e-9:
            best, most = language, known
    return best


@lru_cache(maxsize=8)
def _sides(language: str) -> frozenset[str]:
    """Words for left and right that English does not have: they tell a language."""
    words = {w for side in ("left", "right") for w in split(SIDES[side][language])}
    return frozenset(word for word in words if len(word) > 3)


def _recognises(book: Lexicon, token: Token) -> float:
    """Weigh a word: known by itself, as a part of a phrase or of a compound, or not at all."""
    if token.stem in book.singles:
        return 1.5 if token.stem in book.native else 1.2
    if token.stem in book.vocabulary:
        return 0.5
    return 1.0 if book.language == "de" and _parts(token.text) else 0.0
