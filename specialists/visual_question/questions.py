"""What a question asks for, and its words as numbers; shared by training and inference."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from specialists.measures import Floats

Aim = Literal["modality", "organ", "plane", "opacity", "yes or no", "other"]

_CLOSED = re.compile(
    r"^(is|are|was|were|does|do|did|has|have|had|can|could|should|would|will|any|isn t|aren t)\b"
)
_CHOICE = re.compile(r"\bor\b")
_NEGATED = re.compile(r"\b(no|not|without|absen\w*|normal|clear|free|resolved|rule out)\b")
_AIMS: tuple[tuple[Aim, re.Pattern[str]], ...] = (
    (
        "modality",
        re.compile(
            r"^(what|which|how)\b.*\b(modality|imaging technique|imaging method|"
            r"(type|kind|form|sort) of (an? )?(image|imaging|scan|study|picture|radiograph\w*))\b"
        ),
    ),
    (
        "organ",
        re.compile(
            r"^(what|which)\b.*\b((organ|body) (system|part|region)|part of the body|body part)\b"
        ),
    ),
    ("plane", re.compile(r"^(what|which|in what|in which)\b.*\b(plane|view|projection)\b")),
)
_OTHER_THAN_SHOWN = re.compile(r"\b(not|abnormal\w*|except|besides)\b")
_OPACITY = re.compile(r"\b(pneumonia\w*|consolidat\w*|opaci\w*|infiltrat\w*|airspace disease)\b")


def plain(question: str) -> str:
    """Lower case, words and numbers only."""
    return " ".join(re.findall(r"[a-z0-9]+", question.lower()))


def aim(question: str) -> Aim:
    """Say what kind of answer a question wants."""
    words = plain(question)
    if _CLOSED.match(words):
        if _CHOICE.search(words):
            return "other"
        sought = _OPACITY.search(words) and not _NEGATED.search(words)
        return "opacity" if sought else "yes or no"
    for name, pattern in _AIMS:
        if pattern.search(words) and not _OTHER_THAN_SHOWN.search(words):
            return name
    return "other"


def terms(question: str) -> Counter[str]:
    """Words and pairs of neighbouring words, counted."""
    words = plain(question).split()
    pairs = (f"{one} {two}" for one, two in pairwise(words))
    return Counter([*words, *pairs])


def pieces(question: str) -> Counter[str]:
    """Two to five neighbouring letters of each word, its ends as blanks, counted."""
    words = [f" {word} " for word in plain(question).split()]
    return Counter(
        word[start : start + size]
        for word in words
        for size in LETTERS
        for start in range(max(1, len(word) - size + 1))
    )


LETTERS = range(2, 6)
READ: dict[str, Callable[[str], Counter[str]]] = {"words": terms, "pieces": pieces}


@dataclass(frozen=True)
class Vocabulary:
    """Terms with their inverse document frequencies."""

    kind: str
    """A key of `READ`: what the terms are."""
    terms: tuple[str, ...]
    weights: Floats
    """Shape (terms,)."""

    def vectors(self, questions: Sequence[str]) -> Floats:
        """Return (questions, terms), rows of unit length, zero where no term is known."""
        places = {term: i for i, term in enumerate(self.terms)}
        rows = np.zeros((len(questions), len(self.terms)))
        for row, question in zip(rows, questions, strict=True):
            for term, count in READ[self.kind](question).items():
                if term in places:
                    row[places[term]] = (1 + math.log(count)) * self.weights[places[term]]
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(lengths, 1e-12))


def wording(vocabularies: Sequence[Vocabulary], questions: Sequence[str]) -> Floats:
    """Return (questions, terms of all vocabularies)."""
    return np.concatenate([known.vectors(questions) for known in vocabularies], axis=1)


def learn_vocabulary(questions: Iterable[str], kind: str = "words", least: int = 2) -> Vocabulary:
    """Keep the terms of at least so many questions."""
    documents = [set(READ[kind](question)) for question in questions]
    counts = Counter(term for document in documents for term in document)
    kept = sorted(term for term, count in counts.items() if count >= least)
    frequency = np.array([counts[term] for term in kept], np.float64)
    return Vocabulary(kind, tuple(kept), np.log((1 + len(documents)) / (1 + frequency)) + 1)
