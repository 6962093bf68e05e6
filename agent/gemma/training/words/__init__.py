"""Ways of asking, by language: the material of the generator."""

from __future__ import annotations

from configparser import ConfigParser
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random

__all__ = ["LANGUAGES", "Words", "clinicians_questions", "words"]

LANGUAGES = ("en", "es", "fr", "de", "pt", "zh")


@dataclass(frozen=True)
class Words:
    """One file of words: sections of keys, each with several values."""

    sections: dict[str, dict[str, tuple[str, ...]]]

    def all(self, section: str, key: str) -> tuple[str, ...]:
        """The values of a key, or none."""
        return self.sections[section].get(key, ())

    def pick(self, random: Random, section: str, *keys: str) -> str:
        """One value of the first key that has any."""
        values = next((v for key in keys if (v := self.all(section, key))), ("",))
        return random.choice(values)


@cache
def words(name: str) -> Words:
    """Read a file of words."""
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=(";",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((files(__name__) / f"{name}.ini").read_text(encoding="utf-8"))
    return Words({name: _values(dict(parser[name])) for name in parser.sections()})


@cache
def clinicians_questions() -> tuple[tuple[str, str, str], ...]:
    """Organ, type and text of questions from VQA-RAD."""
    text = (files(__name__) / "vqa_rad.txt").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return tuple((organ, kind, question) for organ, kind, question in rows)


def _values(section: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return {
        key: tuple(one.strip() for one in value.split("|") if one.strip() or key == "of")
        for key, value in section.items()
    }
