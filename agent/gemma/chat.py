"""What every large Gemma's home shares: the prompts, the schemas, and the check of what it wrote.

A home says how a chat becomes text (`ChatGemma._write`); that text must be JSON under a schema.
It is checked here again, whoever enforces it: an answer that does not fit goes back to the model
with its fault, a bounded number of times, and is then reported.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from agent.answer import Attachment, Plan, Statement
from agent.composition.material import material, statements_schema
from agent.context import scrubbed
from agent.gate import plan_schema
from agent.gemma import Composer, Planner, PlanRequest, Rejected
from agent.toolbox import ToolInfo
from prompts import Prompt, load
from specialists.errors import PlannerUnavailable
from specialists.schema import Evidence

__all__ = ["LONGEST_ANSWER", "ChatGemma", "Message", "read_json"]

Message = dict[str, str]

LONGEST_ANSWER = 2000
"""Tokens that a plan or the statements may take."""

_MOST_KNOWN = 60
"""Pieces of evidence that a plan's extension is shown."""
_THOUGHTS = (("<think>", "</think>"), ("<unused94>", "<unused95>"), ("<|channel>", "<channel|>"))
"""How reasoning models, MedGemma 1.5 and Gemma 4 bracket what they think."""
_FENCE = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.DOTALL)
_OPENING = re.compile(r"^```(?:json)?\s*")
_UNSURE = 8
"""Characters at the end that may be half a word, a number or an escape."""
_OPEN_END = ("Unterminated string starting at", "Extra data")
"""Faults that more text may mend, or that stand after the object."""


class ChatGemma(Planner, Composer, ABC):
    """Plans and composes by writing JSON in a chat.

    Args:
        retries: How often an answer against the schema is sent back.
        advice: What a user can do where the schema is not kept to.
    """

    def __init__(self, retries: int, advice: str) -> None:
        self._retries = retries
        self._advice = advice

    @property
    @abstractmethod
    def name(self) -> str:
        """What the answer's provenance calls it."""

    @property
    def can_extend(self) -> bool:
        """A language model may see in the evidence that more is wanted."""
        return True

    @property
    def plan_prompt(self) -> str:
        """The routing prompt."""
        return "route"

    @property
    def compose_prompt(self) -> str:
        """The composing prompt."""
        return "compose"

    @abstractmethod
    def _write(
        self, messages: Sequence[Message], name: str, schema: dict[str, Any]
    ) -> AsyncGenerator[str]:
        """Write the answer to a chat under a schema, piece by piece, greedily.

        Closing the generator early must stop the model.
        """

    async def plan(self, request: PlanRequest) -> Plan:
        """Write a plan under the schema of the live tools and attachments."""
        schema = plan_schema(request.catalogue, request.attachments)
        found = await self._ask(load(self.plan_prompt), _situation(request), "plan", schema)
        return Plan.model_validate(found)

    async def compose(
        self, question: str, evidence: Sequence[Evidence], rejected: Sequence[Rejected]
    ) -> list[Statement]:
        """Write statements that may cite only the evidence given."""
        schema = statements_schema([one.id for one in evidence])
        text = material(question, evidence, rejected)
        found = await self._ask(load(self.compose_prompt), text, "statements", schema)
        return [Statement.model_validate(one) for one in found["statements"]]

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections or weights."""

    async def _ask(self, prompt: Prompt, text: str, name: str, schema: dict[str, Any]) -> Any:
        """Ask, check against the schema, and show the model its fault a bounded number of times."""
        messages = [
            {"role": "system", "content": prompt.text},
            {"role": "user", "content": text},
        ]
        fault = ""
        for _ in range(1 + self._retries):
            written = await _collected(self._write(messages, name, schema))
            found, fault = read_json(written, schema)
            if not fault:
                return found
            told = f"That was not valid: {fault}. Write the JSON object again, and nothing else."
            messages += [
                {"role": "assistant", "content": written},
                {"role": "user", "content": told},
            ]
        raise PlannerUnavailable(
            f"The language model does not keep to the JSON schema it is given: {fault}. "
            + self._advice
        )


async def _collected(pieces: AsyncGenerator[str]) -> str:
    """Join what a model writes, and stop it as soon as that can't become a JSON object."""
    text = ""
    async with aclosing(pieces) as stream:
        async for piece in stream:
            text += piece
            if _astray(text):
                break
    return text


def _astray(text: str) -> bool:
    """Whether what is written so far can't be the beginning of a JSON object."""
    said = _without_thoughts(text).lstrip()
    if not said or "```json".startswith(said):
        return False
    body = _OPENING.sub("", said)
    if body and body[0] != "{":
        return True
    try:
        json.loads(body)
    except json.JSONDecodeError as fault:
        return fault.pos < len(body) - _UNSURE and fault.msg not in _OPEN_END
    return False


def _without_thoughts(text: str) -> str:
    """Leave out what stands between brackets of thinking; also what is not closed yet."""
    rest = text.lstrip()
    for start, end in _THOUGHTS:
        if start.startswith(rest):
            return ""
        if rest.startswith(start):
            _, closed, after = rest.partition(end)
            return _without_thoughts(after) if closed else ""
    return rest


def read_json(written: str, schema: dict[str, Any]) -> tuple[Any, str]:
    """Parse and check what a model wrote: the object, or what was wrong with it."""
    from jsonschema import Draft202012Validator

    text = _without_thoughts(written).strip()
    fenced = _FENCE.match(text)
    try:
        found = json.loads(fenced.group(1) if fenced else text)
    except ValueError:
        return None, "it is not a JSON object"
    for fault in Draft202012Validator(schema).iter_errors(found):
        where = "/".join(str(part) for part in fault.absolute_path) or "the object"
        return None, f"{where} does not fit the schema ({fault.validator})"
    return found, ""


def _situation(request: PlanRequest) -> str:
    """The user's part of the routing prompt: what changes least stands first, for prefix caches."""
    parts = [
        "Tools:",
        *[_tool_line(info) for info in request.catalogue.values()],
        "",
        "Attachments:",
        *([_attachment_line(one) for one in request.attachments] or ["none"]),
    ]
    parts += _conversation(request)
    if request.evidence:
        parts += ["", "Already known:", *_known(request.evidence)]
    return "\n".join([*parts, "", f"Question: {json.dumps(request.question, ensure_ascii=False)}"])


def _known(evidence: Sequence[Evidence]) -> list[str]:
    """What came back, each with the call that brought it; bounded."""
    told = [
        f"- {one.tool} on {one.attachment or 'no file'}: {scrubbed(one.text)}" for one in evidence
    ]
    left = len(told) - _MOST_KNOWN
    return [*told[:_MOST_KNOWN], *([f"- and {left} more"] if left > 0 else [])]


def _conversation(request: PlanRequest) -> list[str]:
    """What a question can refer back to: the turns, the last calls, and which files are new."""
    if not request.history:
        return []
    turns = [
        f"- {json.dumps(asked, ensure_ascii=False)} → {action}" for asked, action in request.history
    ]
    made = [f"{one.tool} on {', '.join(one.attachments) or 'no file'}" for one in request.earlier]
    kept = [f"The last calls, whose results are kept: {'; '.join(made)}."] if made else []
    new = [f"New with this question: {', '.join(request.new)}."] if request.new else []
    return ["", "Earlier in this conversation:", *turns, *kept, *new]


def _tool_line(info: ToolInfo) -> str:
    options = ", ".join(info.options.get("properties", {})) or "none"
    state = "" if info.available else " (no model installed: a call will fail)"
    return f"- {info.name}: {info.description} Options: {options}.{state}"


def _attachment_line(attachment: Attachment) -> str:
    facts: Mapping[str, Any] = (
        attachment.manifest.model_dump(mode="json", exclude_defaults=True)
        if attachment.manifest
        else {}
    )
    return f"- {attachment.id}: {json.dumps(facts)}"
