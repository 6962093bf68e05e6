"""Whose evidence it is, where several files or readers speak of the same: 'A2: …'."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.answer import Language
from agent.composition.grouping import Facts
from agent.language import phrase
from specialists.schema import Evidence

__all__ = ["attributed", "without_attribution"]

_FILE = re.compile(r"^(A\d+): ?")


def attributed(
    text: str,
    cited: Sequence[Evidence],
    evidence: Sequence[Evidence],
    facts: Facts,
    language: Language,
) -> str:
    """Put the file before a statement, and the reader, where others spoke of another.

    Args:
        text: The statement.
        cited: What it rests on.
        evidence: All that there is.
        facts: What each piece is about.
        language: Of the statement.
    """
    tools = {each.tool for each in cited}
    files = {each.attachment for each in cited}
    rivals = {each.attachment for each in evidence if each.tool in tools}
    label = ""
    if len(files) == 1 and len(rivals) > 1 and None not in files:
        label = f"{cited[0].attachment}: "
    return label + _reader(cited, evidence, facts, language) + text


def _reader(
    cited: Sequence[Evidence], evidence: Sequence[Evidence], facts: Facts, language: Language
) -> str:
    """Name the second reader; and the first, where there is a second."""
    tools = {each.tool for each in cited}
    readers = {facts[each.id].second for each in cited if each.id in facts}
    second = any(facts[e.id].second for e in evidence if e.id in facts and e.tool in tools)
    if not second or len(readers) != 1:
        return ""
    return phrase("second_reader" if readers.pop() else "first_reader", language)


def without_attribution(text: str, cited: Sequence[Evidence], facts: Facts | None = None) -> str:
    """Take off what `attributed` put before a statement, where it is true of what is cited."""
    found = _FILE.match(text)
    if found and {each.attachment for each in cited} == {found.group(1)}:
        text = text[found.end() :]
    readers = {facts[each.id].second for each in cited if each.id in facts} if facts else set()
    if len(readers) == 1:
        key = "second_reader" if readers.pop() else "first_reader"
        for label in _labels(key):
            text = text.removeprefix(label)
    return text


def _labels(key: str) -> list[str]:
    from agent.language import phrases

    return [*phrases()[key].values()]
