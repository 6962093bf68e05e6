"""What a plan may do. Plain code: no model can overrule it.

A call passes when its tool exists, its arguments fit the tool's schema, and every file it names
is one that the tool is made for. When no call passes, the plan becomes a question to the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.answer import Attachment, Call, Plan
from agent.toolbox import ToolInfo
from specialists.acceptance import assign_roles

__all__ = ["Gated", "gate", "plan_schema"]


@dataclass(frozen=True)
class Gated:
    """A plan that may be carried out, and what was taken out of it."""

    plan: Plan
    refused: tuple[tuple[Call, str], ...] = ()


def gate(plan: Plan, catalogue: Mapping[str, ToolInfo], attachments: Sequence[Attachment]) -> Gated:
    """Check a plan.

    Returns:
        The plan with the calls that may run. If there were calls and none may, the action is
        `clarify` and the message gives the reasons.
    """
    if plan.action != "call":
        return Gated(plan.model_copy(update={"calls": ()}))
    by_id = {attachment.id: attachment for attachment in attachments}
    calls = _distinct([_canonical(call, catalogue) for call in plan.calls])
    reasons = [(call, _fault(call, catalogue, by_id)) for call in calls]
    passed = tuple(call for call, reason in reasons if reason is None)
    refused = tuple((call, reason) for call, reason in reasons if reason is not None)
    if passed:
        return Gated(plan.model_copy(update={"calls": passed}), refused)
    message = " ".join(dict.fromkeys(reason for _, reason in refused))
    asked = Plan(
        action="clarify", calls=(), message=message or "Which file should be looked at, and how?"
    )
    return Gated(asked, refused)


def _distinct(calls: Sequence[Call]) -> list[Call]:
    return [call for index, call in enumerate(calls) if call not in calls[:index]]


def _canonical(call: Call, catalogue: Mapping[str, ToolInfo]) -> Call:
    """The call without what changes nothing: a file named twice, an option at its default."""
    info = catalogue.get(call.tool)
    fields = info.options.get("properties", {}) if info is not None else {}
    arguments = {
        name: value
        for name, value in call.arguments.items()
        if name not in fields or "default" not in fields[name] or fields[name]["default"] != value
    }
    files = tuple(dict.fromkeys(call.attachments))
    return call.model_copy(update={"attachments": files, "arguments": arguments})


def _fault(
    call: Call, catalogue: Mapping[str, ToolInfo], attachments: Mapping[str, Attachment]
) -> str | None:
    info = catalogue.get(call.tool)
    if info is None:
        return f"There is no tool {call.tool}."
    return _wrong_arguments(call, info) or _wrong_files(call, info, attachments)


def _wrong_arguments(call: Call, info: ToolInfo) -> str | None:
    from jsonschema import Draft202012Validator

    for fault in Draft202012Validator(info.options).iter_errors(dict(call.arguments)):
        where = ".".join(str(part) for part in fault.absolute_path) or "arguments"
        return f"{call.tool}: {where} does not fit the tool's schema ({fault.validator})."
    return None


def _wrong_files(call: Call, info: ToolInfo, attachments: Mapping[str, Attachment]) -> str | None:
    unknown = [name for name in call.attachments if name not in attachments]
    if unknown:
        return f"{info.title}: there is no attachment {', '.join(unknown)}."
    if info.accepts is None:
        return f"{info.title}: this tool takes no files." if call.attachments else None
    manifests = [attachments[name].manifest for name in call.attachments]
    roles, reasons = assign_roles(info.accepts, [m for m in manifests if m is not None])
    if reasons:
        return f"{info.title}: {' '.join(dict.fromkeys(reasons))}"
    missing = [one for one in info.accepts if one.required and one.role not in roles]
    if missing:
        wanted = "; ".join(accepts.description for accepts in missing)
        return f"{info.title}: a file is missing. Needed: {wanted}."
    return None


def plan_schema(
    catalogue: Mapping[str, ToolInfo], attachments: Sequence[Attachment]
) -> dict[str, Any]:
    """Build the JSON schema of a plan from the live tools and attachments.

    Every call is one of the tools with its own options, and may name only attachments that are
    there: what does not validate can't be carried out.
    """
    ids = [attachment.id for attachment in attachments]
    calls = [_call_schema(info, ids) for info in catalogue.values()]
    return {
        "type": "object",
        "properties": {
            "action": {"enum": ["call", "answer", "clarify", "refuse"]},
            "calls": {"type": "array", "maxItems": 8, "items": {"anyOf": calls}},
            "message": {"type": "string", "maxLength": 600},
        },
        "required": ["action", "calls", "message"],
        "additionalProperties": False,
    }


def _call_schema(info: ToolInfo, ids: Sequence[str]) -> dict[str, Any]:
    takes_files = info.accepts is not None and bool(ids)
    files: dict[str, Any] = {"type": "array", "maxItems": len(ids) if takes_files else 0}
    if takes_files:
        files["items"] = {"enum": list(ids)}
    return {
        "type": "object",
        "properties": {
            "tool": {"const": info.name},
            "attachments": files,
            "arguments": info.options,
        },
        "required": ["tool", "attachments", "arguments"],
        "additionalProperties": False,
    }
