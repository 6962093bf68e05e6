"""How a statement's doubt is shown where its own words do not say it."""

from __future__ import annotations

import re

from agent.answer import Answer, Language, Statement

__all__ = ["doubt"]

_TOLD: dict[Language, str] = {
    "en": r"uncertain|inconclusive",
    "es": r"inciert|incertidumbre|concluyente|dudos",
    "fr": r"incertain|concluant|douteu",
    "de": r"unsicher|eindeutig|unklar",
    "pt": r"incert|conclusiv|duvidos",
    "zh": r"不确定|不明确",
}
_WORDS: dict[Language, tuple[str, str]] = {
    "en": ("uncertain", "inconclusive"),
    "es": ("incierto", "no concluyente"),
    "fr": ("incertain", "non concluant"),
    "de": ("unsicher", "nicht eindeutig"),
    "pt": ("incerto", "inconclusivo"),
    "zh": ("不确定", "不确定"),
}


def doubt(answer: Answer, statement: Statement) -> str:
    """'uncertain' or 'inconclusive' in the answer's language; empty where it is told already."""
    if statement.certainty not in ("uncertain", "inconclusive"):
        return ""
    if re.search(_TOLD[answer.language], statement.text, re.IGNORECASE):
        return ""
    uncertain, inconclusive = _WORDS[answer.language]
    return uncertain if statement.certainty == "uncertain" else inconclusive
