"""What a planner is told of a conversation: bounded, and without what names a person.

The last turns stand in full, cut to a length; what came before is one line that plain code
wrote. The words of a question are the user's: dates, numbers of records, telephone numbers,
addresses and names after a title are taken out of them on the way to a language model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

__all__ = ["remembered", "scrubbed"]

_TURNS = 6
"""So many of the last turns are told one by one."""
_LONGEST_TURN = 300
"""Characters of a question of an earlier turn."""
_RECORD = (
    r"mrn|nhs|ssn|dni|cpf|nir|hospital|patient(?:en)?|case|record|accession|fall|akte|dossier|"
    r"historia|prontu[aá]rio|id|病历号|住院号|门诊号"
)
_TAKEN_OUT: tuple[tuple[str, str], ...] = (
    (r"[\w.+-]+@[\w-]+\.[\w.-]+", "[address]"),
    (r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b|\b\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}\b", "[date]"),
    (r"\d{4}年\d{1,2}月\d{1,2}[日号]", "[date]"),
    (r"\+\d[\d ()/-]{7,}\d", "[number]"),
    (
        rf"(?i:(?<!\w)({_RECORD})\b[ .:#]*(?:(?:no|nr|number|n[uú]mero|num|id)\b)?[.:# °º]*)"
        r"[A-Z]{0,3}[-/]?\d[\d/-]{4,}\w*",
        r"\1 [number]",
    ),
    (r"(?<![\w.])\d{7,}(?![\w.])", "[number]"),
    (
        r"\b(Mr|Mrs|Ms|Miss|Herrn?|Frau|Sra?|Señora?|Senhora?|Dona|Mme|Mlle|Monsieur|Madame)\b\.?"
        r"(?: [A-ZÀ-Þ][\w'’-]+){1,3}",
        r"\1 [name]",
    ),
    (
        r"\b((?i:name is|named|name:|nombre:|nom :|nom:|nome:|heißt|se llama|s'appelle))"
        r"(?: [A-ZÀ-Þ][\w'’-]+){1,3}",
        r"\1 [name]",
    ),
    (r"(姓名[:：]?\s?)[\u4e00-\u9fff]{2,4}", r"\1[name]"),
)


def scrubbed(text: str) -> str:
    """Take out of a question what could name a person; identifiers of scores and genes stay."""
    for pattern, instead in _TAKEN_OUT:
        text = re.sub(pattern, instead, text)
    return text


def remembered(history: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Tell the earlier turns of a thread.

    Args:
        history: Per turn the question, the action, and the calls that were made, in words.

    Returns:
        Pairs of a question and its action, the oldest first: at most six, and one before them
        that sums up the rest.
    """
    older, recent = history[:-_TURNS], history[-_TURNS:]
    told = [(_shortened(scrubbed(turn[0])), turn[1]) for turn in recent]
    return [(_summary(older), "call")] * bool(older) + told


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TURN else f"{line[:_LONGEST_TURN]} …"


def _summary(turns: Sequence[Sequence[str]]) -> str:
    """Say how many questions came before, and how often each call was made."""
    made = Counter(one for turn in turns if len(turn) > 2 for one in turn[2].split("; ") if one)
    calls = ", ".join(f"{call} ({times})" for call, times in made.most_common(8))
    plural = "question" if len(turns) == 1 else "questions"
    return f"[{len(turns)} earlier {plural}{': ' if calls else ''}{calls}]"
