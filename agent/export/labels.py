"""The report's own words, such as its headings, in the language of the answer.

What the specialists and their cards say stays as they said it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from agent.answer import Answer

__all__ = ["label", "labels", "language"]


def language(answer: Answer) -> str:
    """The answer's language, as in HTML's `lang`."""
    return answer.language


def label(answer: Answer, text: str) -> str:
    """An English label in the answer's language; as it is where the table has none."""
    return labels().get(text, {}).get(language(answer), text)


@cache
def labels() -> dict[str, dict[str, str]]:
    """All labels: by the English one, then by language."""
    lines = (files("agent.export") / "labels.tsv").read_text("utf-8").splitlines()
    names = lines[0].split("\t")
    rows = [line.split("\t") for line in lines[1:]]
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}
