"""What words mean, in six languages: terms, cues of assertion, units, and words that mean nothing.

One table of terms (`agent.language.terminology`), one of cues (`cues.tsv`), one of units and a list
of harmless words a language. A phrase may have several tags; the longest phrase at a place wins.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

from agent.grounding.tokens import Token, plain, stem, tokenise
from agent.language.terminology import Term, split, terminology

__all__ = ["Lexicon", "Tag", "above", "lexicon", "read_table"]

Tag = tuple[str, str]
"""Kind and value: ('finding', 'pneumonia'), ('no', ''), ('q', 'volume'), ('w', '')."""
Phrases = dict[str, list[tuple[tuple[str, ...], frozenset[Tag]]]]
"""By first stem: all stems of the phrase and its tags; longest first."""

SIDES = {
    "left": {
        "en": "left; leftward; left sided; lefthand; left hand; l; lt; leftsided",
        "es": "izquierdo; izquierda; izquierdos; izquierdas; izq",
        "fr": "gauche; gauches",
        "de": "links; linke; linker; linkes; linken; linkem; linksseitig; linksseitige; li",
        "pt": "esquerdo; esquerda; esquerdos; esquerdas; esq",
        "zh": "左; 左侧; 左边; 左部; 左方",
    },
    "right": {
        "en": "right; rightward; right sided; righthand; right hand; r; rt; rightsided",
        "es": "derecho; derecha; derechos; derechas; der; dcho; dcha",
        "fr": "droit; droite; droits; droites",
        "de": "rechts; rechte; rechter; rechtes; rechten; rechtem; rechtsseitig; rechtsseitige; re",
        "pt": "direito; direita; direitos; direitas; dir",
        "zh": "右; 右侧; 右边; 右部; 右方",
    },
    "both": {
        "en": "bilateral; bilaterally; both sides; either side; both lungs; each side; each lung; "
        "both eyes; both kidneys; bibasal; bibasilar; bihilar; two lungs; in either lung; "
        "of either lung; either lung is; either lung has; both sided; both left and right; "
        "both right and left",
        "es": "bilateral; bilaterales; bilateralmente; ambos lados; ambos pulmones; cada lado; "
        "cada pulmón; ambos ojos; los dos lados; los dos pulmones; ambos riñones",
        "fr": "bilatéral; bilatérale; bilatéraux; bilatérales; des deux côtés; les deux poumons; "
        "chaque poumon; chaque côté; deux côtés; deux poumons; les deux yeux; deux yeux",
        "de": "beidseits; beidseitig; beidseitige; bilateral; bilaterale; beide lungen; "
        "beiden lungen; beiden seiten; jeder lunge; jeder seite; bds; beide augen; beider lungen; "
        "beide seiten",
        "pt": "bilateral; bilaterais; ambos os lados; ambos os pulmões; cada lado; cada pulmão; "
        "dois lados; dois pulmões; ambos os olhos; os dois pulmões",
        "zh": "双侧; 两侧; 双肺; 两肺; 双眼; 双; 每侧; 左右两侧; 两边",
    },
}
_LEFT_RIGHT_SITES = {
    "lul": ("left", "upper lobe"), "lll": ("left", "lower lobe"), "rul": ("right", "upper lobe"),
    "rml": ("right", "middle lobe"), "rll": ("right", "lower lobe"),
    "luz": ("left", "upper zone"), "lmz": ("left", "middle zone"), "llz": ("left", "lower zone"),
    "ruz": ("right", "upper zone"), "rmz": ("right", "middle zone"), "rlz": ("right", "lower zone"),
}  # fmt: skip
_EYES = {"os": ("left", "eye"), "od": ("right", "eye"), "ou": ("both", "eye")}
"""Latin abbreviations of the eyes; words of other languages, so in English only."""


_VERBAL = {
    "seen", "sure", "possible", "probable", "excl", "abs", "q", "undecided", "no", "definite",
    "change", "x",
}  # fmt: skip
"""Kinds that verbs have, of which no table lists every form."""
_ENDINGS = {
    "es": "aron ieron eron aban ando iendo endo ado ada ido ida aba ian ia ara era aste amos emos "
    "ar er ir an en on o a e i ase iese arse erse irse arlo arla erlo erla irlo irla arlos arlas "
    "erlos erlas irlos irlas os as es",
    "pt": "aram eram iram avam ando endo indo ado ada ido ida ava iam ia ou eu iu ara amos emos "
    "ar er ir am em a e o i as os es",
    "fr": "aient ait ant ent ees ee er ir re e a it is i u ue ons ez erent irent isse",
    "de": "ten tet test te st et t en e n est",
}
_SORTED = {
    language: tuple(sorted(endings.split(), key=len, reverse=True))
    for language, endings in _ENDINGS.items()
}
_SHORTEST_ROOT = 3


@lru_cache(maxsize=65536)
def root(word: str, language: str) -> str | None:
    """Cut the ending of a conjugated verb."""
    for ending in _SORTED.get(language, ()):
        base = word.removesuffix(ending)
        if base != word and len(base) >= _SHORTEST_ROOT:
            return _without_prefix(base, language)
    return _without_prefix(word, language) if len(word) >= _SHORTEST_ROOT else None


def _without_prefix(word: str, language: str) -> str:
    """German participles: 'gefunden', 'gemeldet'."""
    if language == "de" and word.startswith("ge") and len(word) > 5:
        return word[2:]
    return word


@dataclass
class Lexicon:
    """The phrases of one language."""

    language: str
    meanings: dict[tuple[str, ...], set[Tag]] = field(default_factory=dict)
    phrases: Phrases = field(default_factory=dict)
    vocabulary: set[str] = field(default_factory=set)
    """Stems of all words of all phrases."""
    native: set[str] = field(default_factory=set)
    """Those of the language itself, and not only of English names in it."""
    singles: dict[str, frozenset[Tag]] = field(default_factory=dict)
    roots: dict[str, frozenset[Tag]] = field(default_factory=dict)
    """Words without their endings of conjugation, for forms that no table lists."""

    def add(self, phrase: str, tag: Tag) -> None:
        """Add a meaning to a phrase."""
        words = phrase_words(phrase, self.language)
        stems = tuple(stem(word, self.language) for word in words)
        if not stems:
            return
        self.meanings.setdefault(stems, set()).add(tag)
        self.vocabulary.update(stems)
        if len(stems) == 1 and (base := root(plain(words[0]), self.language)):
            self.roots[base] = self.roots.get(base, frozenset()) | {tag}

    def close(self) -> None:
        """Sort, once all is added; what has a meaning is no longer harmless."""
        for stems, tags in self.meanings.items():
            settled = _settled(frozenset(tags))
            self.phrases.setdefault(stems[0], []).append((stems, settled))
            if len(stems) == 1:
                self.singles[stems[0]] = settled
        for choices in self.phrases.values():
            choices.sort(key=lambda choice: -len(choice[0]))

    def inflected(self, word: str) -> frozenset[Tag] | None:
        """Return the tags of a word of which this may be another form."""
        if self.language == "en" and word.endswith("ly"):  # 'frontally' is frontal
            return self.singles.get(stem(word.removesuffix("ly"), "en"))
        base = root(plain(word), self.language)
        tags = self.roots.get(base) if base else None
        if tags is None or ("w", "") in tags:
            return tags and frozenset({("w", "")})
        return tags if all(kind in _VERBAL for kind, _ in tags) else None

    def at(self, tokens: Sequence[Token], start: int) -> tuple[int, frozenset[Tag]] | None:
        """Return the end and the tags of the longest phrase that begins at a token."""
        for stems, tags in self.phrases.get(tokens[start].stem, ()):
            end = start + len(stems)
            if end <= len(tokens) and all(
                tokens[start + at].stem == each for at, each in enumerate(stems)
            ):
                return end, tags
        return None


def phrase_words(phrase: str, language: str) -> list[str]:
    """Split a phrase; without the tokeniser where it is of plain letters only."""
    if language != "zh" and phrase.replace(" ", "").isalpha() and "xray" not in phrase:
        return phrase.lower().split()
    return [t.text for t in tokenise(phrase, language) if t.text not in {"-", "'"}]


def _settled(tags: frozenset[Tag]) -> frozenset[Tag]:
    return tags - {("w", "")} if len(tags) > 1 else tags


def read_table(name: str) -> list[dict[str, str]]:
    """Read one of the checker's tables."""
    text = files("agent.grounding").joinpath("data").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


@lru_cache(maxsize=4096)
def above(name: str) -> frozenset[str]:
    """Return a concept with all that it is a kind (or a part) of."""
    term = terminology().get(name)
    wide = frozenset({name}).union(*(above(each) for each in (term.broader if term else ())))
    if "lower zone" in wide:
        wide |= {"lung base"}  # two names of one place
    ill = term is not None and term.category == "finding" and name not in _NO_ILLNESS
    return wide | {"abnormality", "abnormal"} if ill else wide


_NO_ILLNESS = {
    "normal mucosa", "benign lung tissue", "adipose tissue", "smooth muscle", "mucus", "debris",
    "lymphocytes", "fluid", "pregnancy", "pacemaker", "catheter", "endotracheal tube", "implant",
}  # fmt: skip
"""Findings that are no abnormality."""


@lru_cache(maxsize=8)
def lexicon(language: str) -> Lexicon:
    """Load the phrases of one language.

    Args:
        language: One of `LANGUAGES`. English terms are understood in all of them.
    """
    book = Lexicon(language)
    for term in terminology().values():
        for phrase in term.names[language]:
            for tag in _tags(term):
                book.add(phrase, tag)
    for row in read_table("cues.tsv"):
        for phrase in split(row[language]):
            book.add(phrase, (row["kind"], row["value"]))
    for side, phrases in SIDES.items():
        for phrase in split(phrases[language]):
            book.add(phrase, ("side", side))
    sites = _LEFT_RIGHT_SITES | (_EYES if language == "en" else {})
    for word, (side, site) in sites.items():
        book.add(word, ("side", side))
        book.add(word, ("anatomy", site))
    book.add("{", ("opens", ""))
    _add_harmless(book)
    book.native = set(book.vocabulary)
    if language != "en":
        _add_english(book)
    book.close()
    return book


def _tags(term: Term) -> list[Tag]:
    """A specialist's class is another name of its concept; a wording is never looked for."""
    if term.category == "wording":
        return []
    if term.category == "class":
        return [tag for name in term.broader for tag in _tags(terminology()[name])]
    return [(term.category, term.name)]


def _add_harmless(book: Lexicon) -> None:
    path = files("agent.grounding").joinpath("data").joinpath("words")
    text = path.joinpath(f"{book.language}.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            for phrase in split(line):
                book.add(phrase, ("w", ""))


def _add_english(book: Lexicon) -> None:
    """Add English names of things, where the language has no word of that spelling."""
    for term in terminology().values():
        if term.category not in {"finding", "trait", "drug", "procedure"}:
            continue
        for phrase in term.names["en"]:
            words = phrase_words(phrase, book.language)
            if not words or stem(words[0], book.language) in book.vocabulary:
                continue
            book.add(phrase, (term.category, term.name))
