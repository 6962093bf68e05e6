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
def load(name: str, version: str = "v1") -> Prompt:
    """Load a prompt.

    Raises:
        FileNotFoundError: If there is no such name or version.
    """
    text = (files("prompts") / name / f"{version}.md").read_text(encoding="utf-8")
    return Prompt(name, version, text)
