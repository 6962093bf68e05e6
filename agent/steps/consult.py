"""The calls run in parallel; results become numbered evidence.

A call that fails costs its own part of the answer, which then says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from langgraph.runtime import Runtime

from agent.answer import Attachment, Call, Failure, Picture
from agent.evidence import evidence_from, facts_from, is_specialist_result
from agent.kept import call_key, with_new
from agent.second_reader import second_readings
from agent.state import JSON, Consultation, State, dump, load
from agent.steps.route import pending
from agent.toolbox import Outcome, Toolbox, ToolInfo
from specialists.errors import FileMissing, WardroundError

__all__ = ["consult"]


async def consult(state: State, runtime: Runtime[Consultation]) -> State:
    """Make the calls of the plan that were not made yet, neither now nor earlier in the thread."""
    context, kept = runtime.context, state.get("kept", {})
    calls = load(Call, pending(state))
    attachments = {one.id: one for one in load(Attachment, state["attachments"])}
    keys = [call_key(call, attachments) for call in calls]
    known = [_recalled(kept[key], context.toolbox) if key in kept else None for key in keys]
    gains = await asyncio.gather(
        *(
            _known(one) if one else _attempt(call, attachments, context)
            for call, one in zip(calls, known, strict=True)
        )
    )
    new = {key: gain for key, gain in zip(keys, gains, strict=True) if isinstance(gain, dict)}
    reused = [call for call, one in zip(calls, known, strict=True) if one]
    notes: list[str] = []
    if state.get("second_reader"):
        again = partial(_attempt, attachments=attachments, context=context)
        seconds = await second_readings(calls, gains, context.toolbox, again)
        calls, gains = [*calls, *seconds.calls], [*gains, *seconds.gains]
        notes = seconds.notes
    gathered = _gathered(state, calls, gains)
    return {
        **gathered,
        "caveats": [*gathered["caveats"], *notes],
        "more": state["can_extend"] and state["rounds"] < context.max_rounds,
        "kept": with_new(kept, new),
        "reused": state["reused"] + dump(reused),
    }


async def _known(gain: JSON) -> JSON:
    return gain


def _recalled(gain: JSON, toolbox: Toolbox) -> JSON:
    """A kept result; the pictures of a process that has ended are gone."""
    same = gain["session"] == toolbox.session
    return gain if same else {**gain, "pictures": [], "session": toolbox.session}


async def _attempt(
    call: Call, attachments: Mapping[str, Attachment], context: Consultation
) -> JSON | WardroundError:
    async def report(share: float, message: str) -> None:
        await context.report(call.tool, share, message)

    try:
        info = context.toolbox.info(call.tool)
        arguments = await _arguments(call, info, attachments, context)
        outcome = await context.toolbox.call(call.tool, arguments, report)
    except WardroundError as error:
        return error
    return _gain(call, outcome, context.toolbox.session)


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


def _gain(call: Call, outcome: Outcome, session: str) -> JSON:
    """What one call brought, as the thread keeps it."""
    said = outcome.structured or {"text": outcome.text}
    own = is_specialist_result(said)
    return {
        "evidence": dump(evidence_from(call.tool, call.attachments, said, 1)),
        "facts": dump(facts_from(said)),
        "model": _model(said) if own else None,
        "pictures": [_picture(call.tool, link) for link in said["pictures"]] if own else [],
        "not_assessed": list(said["not_assessed"]) if own else [],
        "caveats": list(said["warnings"]) if own else [],
        "session": session,
    }


def _gathered(state: State, calls: Sequence[Call], gains: Sequence[JSON | WardroundError]) -> State:
    evidence, failures = list(state["evidence"]), list(state["failures"])
    models = {tool: list(used) for tool, used in state["models"].items()}
    pictures, told = list(state["pictures"]), [*state["not_assessed"]]
    caveats, facts = list(state["caveats"]), dict(state["facts"])
    for call, gain in zip(calls, gains, strict=True):
        if isinstance(gain, WardroundError):
            failures.append(_failure(call, gain).model_dump(mode="json"))
            continue
        start = len(evidence) + 1
        evidence += [{**one, "id": f"E{n}"} for n, one in enumerate(gain["evidence"], start)]
        facts |= {f"E{n}": fact for n, fact in enumerate(gain.get("facts", ()), start)}
        if gain["model"]:
            models.setdefault(call.tool, []).append(gain["model"])
        pictures += gain["pictures"]
        told += [one for one in gain["not_assessed"] if one not in told]
        caveats += [one for one in gain["caveats"] if one not in caveats]
    return {
        "evidence": evidence,
        "facts": facts,
        "failures": failures,
        "models": models,
        "pictures": pictures,
        "not_assessed": told,
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
