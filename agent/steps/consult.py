"""The calls run in parallel; results become numbered evidence.

A call that fails costs its own part of the answer, which then says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.runtime import Runtime

from agent.answer import Attachment, Call, Failure, Picture
from agent.evidence import evidence_from, is_specialist_result
from agent.gemma.embedded.planner import SHIPPED
from agent.rules import RulePlanner
from agent.state import JSON, Consultation, State, dump, load
from agent.steps.route import pending
from agent.toolbox import Outcome, ToolInfo
from specialists.errors import FileMissing, WardroundError

__all__ = ["consult"]


async def consult(state: State, runtime: Runtime[Consultation]) -> State:
    """Make the calls of the plan that were not made yet."""
    context = runtime.context
    calls = load(Call, pending(state))
    attachments = {one.id: one for one in load(Attachment, state["attachments"])}
    outcomes = await asyncio.gather(*(_attempt(call, attachments, context) for call in calls))
    return {**_gathered(state, calls, outcomes), "more": _may_extend(state, context)}


def _may_extend(state: State, context: Consultation) -> bool:
    """What only routes plans everything at once; a language model is asked what else is wanted."""
    only_routes = state["planner"].startswith((RulePlanner.name, SHIPPED))
    return not only_routes and state["rounds"] < context.max_rounds


async def _attempt(
    call: Call, attachments: Mapping[str, Attachment], context: Consultation
) -> Outcome | WardroundError:
    async def report(share: float, message: str) -> None:
        await context.report(call.tool, share, message)

    try:
        info = context.toolbox.info(call.tool)
        arguments = await _arguments(call, info, attachments, context)
        return await context.toolbox.call(call.tool, arguments, report)
    except WardroundError as error:
        return error


async def _arguments(
    call: Call, info: ToolInfo, attachments: Mapping[str, Attachment], context: Consultation
) -> dict[str, Any]:
    """The call's options, with attachments replaced by the handles that its server knows."""
    handles = {
        name: await _handle(attachments[name], info.server, context)
        for name in (*call.attachments, *_named_in(call.arguments, attachments))
    }
    options = {
        name: handles.get(value, value) if isinstance(value, str) else value
        for name, value in call.arguments.items()
    }
    if info.accepts is None:
        return options
    return {"files": [handles[name] for name in call.attachments], **options}


async def _handle(attachment: Attachment, server: str, context: Consultation) -> str:
    if attachment.handle is None:
        raise FileMissing(f"{attachment.id} could not be read.")
    return await context.toolbox.handle_on(server, attachment.handle)


def _named_in(arguments: Mapping[str, Any], attachments: Mapping[str, Attachment]) -> list[str]:
    values = [value for value in arguments.values() if isinstance(value, str)]
    return [value for value in values if value in attachments]


def _gathered(
    state: State, calls: Sequence[Call], outcomes: Sequence[Outcome | WardroundError]
) -> State:
    evidence, failures = list(state["evidence"]), list(state["failures"])
    models = {tool: list(used) for tool, used in state["models"].items()}
    pictures, caveats = list(state["pictures"]), list(state["caveats"])
    not_assessed = list(state["not_assessed"])
    for call, outcome in zip(calls, outcomes, strict=True):
        if isinstance(outcome, WardroundError):
            failures.append(_failure(call, outcome).model_dump(mode="json"))
            continue
        said = outcome.structured or {"text": outcome.text}
        found = evidence_from(call.tool, call.attachments, said, len(evidence) + 1)
        evidence += dump(found)
        if is_specialist_result(said):
            models.setdefault(call.tool, []).append(_model(said))
            pictures += [_picture(call.tool, link) for link in said["pictures"]]
            not_assessed += [one for one in said["not_assessed"] if one not in not_assessed]
            caveats += [one for one in said["warnings"] if one not in caveats]
    return {
        "evidence": evidence,
        "failures": failures,
        "models": models,
        "pictures": pictures,
        "not_assessed": not_assessed,
        "caveats": caveats,
        "done": state["done"] + dump(calls),
    }


def _failure(call: Call, error: WardroundError) -> Failure:
    attachment = call.attachments[0] if call.attachments else None
    return Failure(
        tool=call.tool, attachment=attachment, code=error.code, message=error.client_message
    )


def _model(said: Mapping[str, Any]) -> JSON:
    """Provenance without the duration: the same case gives the same answer."""
    return {**said["provenance"], "duration_s": None}


def _picture(tool: str, link: Mapping[str, Any]) -> JSON:
    return Picture(**link, tool=tool).model_dump(mode="json")
