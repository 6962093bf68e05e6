"""The grammar of what the model may write, built from the live tools and attachments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

__all__ = ["plan_grammar", "rest_grammar"]

_MOST_WISHES = 8


def plan_grammar(slots: Sequence[str], attachments: Sequence[str]) -> str:
    """Write the grammar in llguidance's Lark dialect.

    Args:
        slots: Slot tokens of the tools that are there, such as `<T1>`.
        attachments: Ids of the attachments that are there, such as `A1`.

    Every terminal is one token, so what follows the grammar names only tools and attachments
    that there are, and ends.
    """
    rules = [
        "start: (read | talk) <end>",
        f"read: <read> wish{{1,{_MOST_WISHES}}}",
        "talk: (<about> | <define> | <earlier> | <scope> | <identity> | <order> | <missing>"
        " | <unclear>)",
        *_wish([*slots, "<any>"], attachments),
    ]
    return "\n".join(rules) + "\n"


def rest_grammar(words: Sequence[str], slots: Sequence[str], attachments: Sequence[str]) -> str:
    """Write the grammar of what may follow whole wishes, in which each tool comes once.

    Args:
        words: What is written so far, and ends where another wish may begin; or nothing.
        slots: As for `plan_grammar`.
        attachments: As for `plan_grammar`.
    """
    if not words:
        return plan_grammar(slots, attachments)
    left = [slot for slot in (*slots, "<any>") if slot not in words]
    more = _MOST_WISHES - (len(slots) + 1 - len(left))
    files = _listed(words)
    room = len(attachments) - files if files else 0
    parts = [
        *([f"one{{0,{room}}}"] if room > 0 else []),
        *([] if words[-1] == "<pair>" else ["<pair>?"]),
        *([f"wish{{0,{more}}}"] if left and more > 0 else []),
        "<end>",
    ]
    return "\n".join([f"start: {' '.join(parts)}", *_wish(left or ["<any>"], attachments)]) + "\n"


def _listed(words: Sequence[str]) -> int:
    """How many attachments the words end in."""
    return len(list(takewhile(re.compile(r"<A\d+>").fullmatch, reversed(words))))


def _wish(tools: Sequence[str], attachments: Sequence[str]) -> list[str]:
    one = [f"one: {' | '.join(f'<{name}>' for name in attachments)}"] if attachments else []
    files = f"<all> | one{{1,{len(attachments)}}}" if attachments else "<all>"
    return ["wish: tool files <pair>?", f"tool: {' | '.join(tools)}", f"files: {files}", *one]
