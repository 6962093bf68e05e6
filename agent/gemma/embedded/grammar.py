"""The grammar of what the model may write, built from the live tools and attachments."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["plan_grammar"]

_MOST_WISHES = 8


def plan_grammar(slots: Sequence[str], attachments: Sequence[str]) -> str:
    """Write the grammar in llguidance's Lark dialect.

    Args:
        slots: Slot tokens of the tools that are there, such as `<T1>`.
        attachments: Ids of the attachments that are there, such as `A1`.

    Every terminal is one token, so what follows the grammar names only tools and attachments
    that there are, and ends.
    """
    tool = " | ".join([*slots, "<any>"])
    rules = [
        "start: (read | talk) <end>",
        f"read: <read> wish{{1,{_MOST_WISHES}}}",
        "wish: tool files <pair>?",
        f"tool: {tool}",
        "talk: (<about> | <define> | <earlier> | <scope> | <identity> | <order> | <missing>"
        " | <unclear>)",
    ]
    if attachments:
        one = " | ".join(f"<{name}>" for name in attachments)
        rules += [f"files: <all> | one{{1,{len(attachments)}}}", f"one: {one}"]
    else:
        rules += ["files: <all>"]
    return "\n".join(rules) + "\n"
