"""A second reader: another model of the same tool reads the same files, and both are compared."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from agent.answer import Call
from agent.state import JSON
from agent.toolbox import Toolbox
from specialists.errors import WardroundError

__all__ = ["Seconds", "second_readings"]

logger = logging.getLogger(__name__)

Attempt = Callable[[Call], Awaitable[JSON | WardroundError]]


class Seconds(NamedTuple):
    """What the second readers brought."""

    calls: list[Call]
    gains: list[JSON | WardroundError]
    notes: list[str]
    """Per first reading, who read it again, or why nobody could."""


async def second_readings(
    calls: Sequence[Call],
    gains: Sequence[JSON | WardroundError],
    toolbox: Toolbox,
    attempt: Attempt,
) -> Seconds:
    """Have each result read again by another model of its tool.

    Args:
        calls: The first readings.
        gains: What each brought; one that failed is not read again.
        toolbox: Knows which models a tool has.
        attempt: Makes a call.
    """
    seconds = Seconds([], [], [])
    for call, gain in zip(calls, gains, strict=True):
        if isinstance(gain, WardroundError) or not gain.get("model"):
            continue
        first = gain["model"]["backend"]
        others = [name for name in toolbox.info(call.tool).backends if name != first]
        await _read_again(call, first, others, attempt, seconds)
    return seconds


async def _read_again(
    call: Call, first: str, others: Sequence[str], attempt: Attempt, seconds: Seconds
) -> None:
    """Take the first other model that can read it."""
    for name in others:
        again = call.model_copy(update={"arguments": {**call.arguments, "backend": name}})
        gain = await attempt(again)
        if isinstance(gain, WardroundError):
            logger.info("second reader %s of %s: %s", name, call.tool, gain.code)
            continue
        seconds.calls.append(again)
        seconds.gains.append(_marked(gain))
        seconds.notes.append(
            f"{call.tool} was read by two models: {first}, then {name} as the second reader."
        )
        return
    if others:
        told = f"{', '.join(others)} could not read it here"
    else:
        told = f"{first} is its only model here"
    seconds.notes.append(f"No second reader for {call.tool}: {told}.")


def _marked(gain: JSON) -> JSON:
    return {**gain, "facts": [{**fact, "second": True} for fact in gain["facts"]]}
