"""Questions that refer back: 'and the left one?', 'compare with before', 'show me the evidence'.

Plain code resolves them to the files and calls of the thread. The same call again costs nothing,
as the thread keeps its result.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.answer import Attachment, Call, Plan
from agent.calling import asks, meant_options, named_options
from agent.gemma import PlanRequest
from agent.toolbox import ToolInfo
from agent.wording import AGAIN, COMPARE, has, modalities, plain

__all__ = ["earlier_calls", "in_play", "tools_named"]

_LONGEST_QUESTION = 1000


def earlier_calls(text: str, request: PlanRequest) -> Plan | None:
    """The last calls once more, where a question brings no file and names no other matter."""
    known = {one.id for one in request.attachments}
    calls = [call for call in request.earlier if known.issuperset(call.attachments)]
    if not calls or request.new is None or request.new or re.search(COMPARE, text):
        return None
    if tools_named(text, list(request.catalogue.values())) or modalities(text):
        return None
    if re.search(r"\ba\d+\b", text):
        return None
    return Plan(action="call", calls=tuple(_again(call, text, request) for call in calls))


def in_play(text: str, request: PlanRequest) -> list[Attachment]:
    """The files that a question is about: the new ones; to compare, all, the latest first."""
    everything = list(request.attachments)
    if request.new is None:
        return everything
    if re.search(COMPARE, text):
        return everything[::-1]
    return [one for one in everything if one.id in request.new] or everything


def tools_named(text: str, tools: Sequence[ToolInfo]) -> list[ToolInfo]:
    """The tools whose words or findings the question has."""
    return [info for info in tools if any(has(text, w) for w in (*info.keywords, *info.findings))]


def _again(call: Call, text: str, request: PlanRequest) -> Call:
    """The call with what the question changes: an option, or the words of a free question."""
    info = request.catalogue.get(call.tool)
    if info is None:
        return call
    changed = meant_options(info, request.question)
    changed |= named_options(info, plain(request.question))
    changed.pop("question", None)
    if asks(info) and not re.search(AGAIN, text):
        asked = f"{call.arguments.get('question', '')} {request.question}".strip()
        changed["question"] = asked[-_LONGEST_QUESTION:]
    return call.model_copy(update={"arguments": {**call.arguments, **changed}})
