"""Prompts as files: a released version is never edited, the next one is added."""

from __future__ import annotations

import hashlib
import re
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
    """Load a prompt; without a version, the newest.

    Raises:
        FileNotFoundError: If there is no such name or version.
    """
    chosen = version or _newest(name)
    text = (files("prompts") / name / f"{chosen}.md").read_text(encoding="utf-8")
    return Prompt(name, chosen, text)


def _newest(name: str) -> str:
    folder = files("prompts") / name
    numbers = [
        int(one.name[1:-3]) for one in folder.iterdir() if re.fullmatch(r"v\d+\.md", one.name)
    ]
    return f"v{max(numbers, default=1)}"
