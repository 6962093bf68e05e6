"""Pictures, masks and boxes of an answer: fetched where they still are, or made again.

An answer does not carry bytes. Where the process that made them has ended, the answer's calls are
made again on the source files: the same case gives the same answer, which is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agent.answer import Answer, Call, Picture
from agent.evidence import evidence_from
from agent.export.material import Material, Replayed
from specialists.errors import InvalidInput

if TYPE_CHECKING:
    from agent.agent import Agent
    from tools.origin import Origin

__all__ = ["with_pictures", "with_results"]

_OTHER_RESULT = (
    "The files now give another result than the answer holds: the models or the files have "
    "changed. Ask again, and export that answer."
)


async def with_pictures(material: Material, agent: Agent) -> Material:
    """Add the pictures' bytes; those that can't be had are left out.

    Args:
        material: The answer, with its files where they are at hand.
        agent: An agent that has been entered.
    """
    wanted = material.answer.pictures
    found = await _fetched(wanted, agent)
    if len(found) < len({one.uri for one in wanted}) and material.origins:
        material = await with_results(material, agent)
        found = await _fetched(wanted, agent, _made_again(material))
    return replace(material, pictures=found)


def _made_again(material: Material) -> dict[tuple[str | None, str], str]:
    """Where the pictures are that were made again, by tool and title.

    A picture's address is its digest, and another version draws or stores the same a little
    otherwise; that the results are the same was checked.
    """
    return {
        (one.call.tool, link["title"]): link["uri"]
        for one in material.replayed
        for link in one.structured.get("pictures", ())
    }


async def with_results(material: Material, agent: Agent) -> Material:
    """Make the answer's calls again: what they give has boxes and masks, beside what is cited.

    Raises:
        InvalidInput: If they give another result than the answer holds.
        WardroundError: What a tool raises.
    """
    if material.replayed or not material.origins:
        return material
    handles = {name: await _handle(one, agent) for name, one in material.origins.items()}
    calls = [call for call in material.answer.plan.calls if _is_told(material.answer, call)]
    done = [await _again(call, material.answer, handles, agent) for call in calls]
    return replace(material, replayed=tuple(one for one in done if one is not None))


def _is_told(answer: Answer, call: Call) -> bool:
    first = call.attachments[0] if call.attachments else None
    return any((one.tool, one.attachment) == (call.tool, first) for one in answer.evidence)


async def _handle(origin: Origin, agent: Agent) -> str:
    """The handle that the agent's first server gives a file: another machine's is its own."""
    seen = (await agent.inspect(origin.paths)).files
    return seen[0].handle if len(seen) == 1 else origin.handle


async def _again(
    call: Call, answer: Answer, named: Mapping[str, str], agent: Agent
) -> Replayed | None:
    info = agent.toolbox.info(call.tool)
    if info.accepts is None or not set(call.attachments) <= set(named):
        return None
    handles = {
        name: await agent.toolbox.handle_on(info.server, handle) for name, handle in named.items()
    }
    options = {
        name: handles.get(value, value) if isinstance(value, str) else value
        for name, value in call.arguments.items()
    }
    files = [handles[name] for name in call.attachments]
    outcome = await agent.toolbox.call(call.tool, {"files": files, **options})
    structured = outcome.structured or {}
    _check(answer, call, structured)
    masks = [
        await agent.toolbox.picture(link["uri"], info.server)
        for link in structured.get("masks", ())
    ]
    return Replayed(call, structured, tuple(masks))


def _check(answer: Answer, call: Call, structured: Mapping[str, Any]) -> None:
    """Raise where the call says anything that the answer's evidence does not have."""
    asked = (call.tool, call.attachments[0] if call.attachments else None)
    told = {one.text for one in answer.evidence if (one.tool, one.attachment) == asked}
    again = [one.text for one in evidence_from(call.tool, call.attachments, structured, 1)]
    if not set(again) <= told:
        raise InvalidInput(_OTHER_RESULT)


async def _fetched(
    pictures: Sequence[Picture],
    agent: Agent,
    elsewhere: Mapping[tuple[str | None, str], str] | None = None,
) -> dict[str, bytes]:
    """The bytes of the pictures that are still kept, or that were made again."""
    places = elsewhere or {}
    from mcp.shared.exceptions import MCPError

    found: dict[str, bytes] = {}
    for one in pictures:
        server = agent.toolbox.info(one.tool or "").server
        try:
            uri = places.get((one.tool, one.title), one.uri)
            found[one.uri] = await agent.toolbox.picture(uri, server)
        except MCPError:
            continue
    return found
