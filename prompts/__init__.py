"""Prompts as files: a released version is never edited, the next one is added."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Prompt", "load"]


@dataclass(frozen=True)
class Prompt:
    """A prompt's text and what identifies it."""

    name: str
    version: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@cache
def load(name: str, version: str | None = None) -> Prompt:
    """Load a prompt: the newest, where no version is named.

    Raises:
        FileNotFoundError: If there is no such name or version.
    """
    version = version or _newest(name)
    text = (files("prompts") / name / f"{version}.md").read_text(encoding="utf-8")
    return Prompt(name, version, text)


def _newest(name: str) -> str:
    written = [one.name.removesuffix(".md") for one in (files("prompts") / name).iterdir()]
    return max(written, key=lambda version: int(version[1:]))
