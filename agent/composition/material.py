"""What a language model is told to compose from, and the form that it must keep to.

Evidence is data: one JSON object a line, between delimiters that nothing inside can contain. The
same holds for statements that were sent back, and for the question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from agent.answer import Language
from agent.composition.asked import AnswerKind, kind_of
from agent.gemma import Rejected
from agent.language import detect
from specialists.schema import Evidence

__all__ = ["END", "START", "material", "statements_schema"]

START, END = "<<<EVIDENCE", "EVIDENCE>>>"
"""Fixed delimiters of the evidence; nothing between them is an instruction."""

_BRACKETS = re.compile(r"<{2,}|>{2,}|[«»]{2,}|`{3,}")
_LONGEST_STATEMENT = 600
_MOST_STATEMENTS = 40

_WANTED: dict[AnswerKind, str] = {
    "direct": "a direct answer: the first statement answers the question, then what else matters",
    "report": "a report: the findings one by one, then an impression as a synthesis over them",
    "comparison": "a comparison: what differs between the films or dates, then the rest",
    "differential": (
        "a differential: the classes in question, each with what in the evidence speaks for and "
        "against it"
    ),
}
_NAMES: dict[Language, str] = {
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "de": "German",
    "pt": "Portuguese",
    "zh": "Chinese",
}


def material(question: str, evidence: Sequence[Evidence], rejected: Sequence[Rejected]) -> str:
    """Write the user's part of the composing prompt.

    Args:
        question: Without what could name a person.
        evidence: What may be cited.
        rejected: Statements of the first attempt that were not supported, and why.
    """
    parts = [
        START,
        *(_line(one.model_dump(exclude_none=True)) for one in evidence),
        END,
        "",
        f"Wanted: {_WANTED[kind_of(question)]}.",
        f"Language of the statements: {_NAMES[detect(question)]}.",
    ]
    if rejected:
        parts += ["", "Not supported, each with the reason; mend or leave out:"]
        parts += [_line({"text": one.statement.text, "reason": one.reason}) for one in rejected]
    return "\n".join([*parts, "", f"Question: {_line(question)}"])


def statements_schema(ids: Sequence[str]) -> dict[str, Any]:
    """JSON schema of what a composer writes: three kinds, and citations of what is there.

    A statement's certainty has no field: it is that of the evidence.
    """
    statement = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "minLength": 3, "maxLength": _LONGEST_STATEMENT},
            "kind": {"enum": ["finding", "synthesis", "limitation"]},
            "citations": {"type": "array", "items": {"enum": list(ids)}, "minItems": 1},
        },
        "required": ["text", "kind", "citations"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "statements": {"type": "array", "items": statement, "maxItems": _MOST_STATEMENTS}
        },
        "required": ["statements"],
        "additionalProperties": False,
    }


def _line(value: Any) -> str:
    """Write as JSON on one line, without anything that looks like a delimiter or a fence."""
    return _BRACKETS.sub(_parted, json.dumps(value, ensure_ascii=False))


def _parted(found: re.Match[str]) -> str:
    return " ".join(found.group())
