"""Gemma behind an OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp's server and others.

Plans and statements are JSON under a schema that the server is asked to enforce and that is
checked again here: a server that ignores the schema is noticed, told once, and reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.answer import Attachment, Plan, Statement
from agent.gate import plan_schema
from agent.gemma import PlanRequest, Rejected
from agent.settings import Settings
from agent.toolbox import ToolInfo
from prompts import Prompt, load
from specialists.errors import PlannerUnavailable
from specialists.schema import Evidence

__all__ = ["EndpointGemma"]

_THINKING = re.compile(r"<think>.*?</think>|<unused94>.*?<unused95>", re.DOTALL)
_FENCE = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.DOTALL)
_CAPABLE_TOKENS = 2000


class EndpointGemma:
    """Plans and composes with a model at an endpoint.

    Args:
        settings: `gemma_url`, `gemma_model`, `gemma_key`, `gemma_timeout_s`, `gemma_retries`.
    """

    def __init__(self, settings: Settings) -> None:
        from openai import AsyncOpenAI

        self._model = settings.gemma_model or ""
        self._retries = settings.gemma_retries
        self._client = AsyncOpenAI(
            base_url=settings.gemma_url,
            api_key=settings.gemma_key,
            timeout=settings.gemma_timeout_s,
            max_retries=1,
        )

    @property
    def name(self) -> str:
        """The model's name at the endpoint."""
        return f"{self._model} (endpoint)"

    async def plan(self, request: PlanRequest) -> Plan:
        """Write a plan under the schema of the live tools and attachments."""
        schema = plan_schema(request.catalogue, request.attachments)
        found = await self._ask(load("route"), _situation(request), "plan", schema)
        return Plan.model_validate(found)

    async def compose(
        self, question: str, evidence: Sequence[Evidence], rejected: Sequence[Rejected]
    ) -> list[Statement]:
        """Write statements that may cite only the evidence given."""
        schema = _statements_schema([one.id for one in evidence])
        text = _material(question, evidence, rejected)
        found = await self._ask(load("compose"), text, "statements", schema)
        return [Statement.model_validate(one) for one in found["statements"]]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _ask(self, prompt: Prompt, text: str, name: str, schema: dict[str, Any]) -> Any:
        """Ask, check against the schema, and show the model its fault a bounded number of times."""
        messages = [
            {"role": "system", "content": prompt.text},
            {"role": "user", "content": text},
        ]
        fault = ""
        for _ in range(1 + self._retries):
            written = await self._complete(messages, name, schema)
            found, fault = _read(written, schema)
            if not fault:
                return found
            told = f"That was not valid: {fault}. Write the JSON object again, and nothing else."
            messages += [
                {"role": "assistant", "content": written},
                {"role": "user", "content": told},
            ]
        raise PlannerUnavailable(
            "The language model's endpoint does not keep to the JSON schema it is given "
            f"(response_format): {fault}. Use a server that enforces it, such as vLLM."
        )

    async def _complete(
        self, messages: list[dict[str, str]], name: str, schema: dict[str, Any]
    ) -> str:
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        wanted = {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
        try:
            answer = await self._client.chat.completions.create(  # type: ignore[call-overload]
                model=self._model,
                messages=messages,
                response_format=wanted,
                temperature=0,
                seed=0,
                max_tokens=_CAPABLE_TOKENS,
            )
        except APITimeoutError:
            raise PlannerUnavailable(
                "The language model's endpoint did not answer in time."
            ) from None
        except APIConnectionError:
            raise PlannerUnavailable(
                "The language model's endpoint can't be reached. Check WARDROUND_GEMMA_URL."
            ) from None
        except APIStatusError as error:
            raise PlannerUnavailable(
                f"The language model's endpoint answered with HTTP {error.status_code}. "
                "Check WARDROUND_GEMMA_MODEL and the key."
            ) from None
        return (answer.choices[0].message.content if answer.choices else "") or ""


def _read(written: str, schema: dict[str, Any]) -> tuple[Any, str]:
    """Parse and check what a model wrote: the object, or what was wrong with it."""
    from jsonschema import Draft202012Validator

    text = _THINKING.sub("", written).strip()
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
    if request.history:
        parts += ["", "Earlier in this conversation:"]
        parts += [f"- {json.dumps(asked)} → {action}" for asked, action in request.history]
    if request.evidence:
        parts += ["", "Already known:", *[f"- {one.text}" for one in request.evidence]]
    return "\n".join([*parts, "", f"Question: {json.dumps(request.question, ensure_ascii=False)}"])


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


def _statements_schema(ids: Sequence[str]) -> dict[str, Any]:
    statement = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "minLength": 3, "maxLength": 600},
            "kind": {"enum": ["finding", "measurement", "synthesis", "limitation"]},
            "citations": {"type": "array", "items": {"enum": list(ids)}, "minItems": 1},
        },
        "required": ["text", "kind", "citations"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"statements": {"type": "array", "items": statement, "maxItems": 40}},
        "required": ["statements"],
        "additionalProperties": False,
    }


def _material(question: str, evidence: Sequence[Evidence], rejected: Sequence[Rejected]) -> str:
    lines = [json.dumps(one.model_dump(exclude_none=True), ensure_ascii=False) for one in evidence]
    parts = ["<<<EVIDENCE", *lines, "EVIDENCE>>>", ""]
    if rejected:
        parts.append("These statements were not supported; mend or leave them out:")
        parts += [f"- {one.statement.text} ({one.reason})" for one in rejected]
        parts.append("")
    return "\n".join([*parts, f"Question: {json.dumps(question, ensure_ascii=False)}"])
