"""A call with a key is worked on once: whoever lost the connection asks again by the same key.

The key stands in the call's `_meta`, under `wardround/call`. It holds for its caller, tool and
arguments alone. Work that nobody waits for any more ends after a while, and so do results.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import Context as Variables
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from fastmcp.server.context import Context
from fastmcp.tools import ToolResult

__all__ = ["KEY", "Calls", "key_of"]

KEY = "wardround/call"
_LONGEST = 64


def key_of(context: Context, tool: str, arguments: Mapping[str, Any]) -> str | None:
    """Give the key of a call, bound to what is called; None where the caller names none."""
    request = context.request_context
    meta = request.meta if request is not None else None
    named = meta.get(KEY) if meta is not None else None
    if not isinstance(named, str) or not 0 < len(named) <= _LONGEST:
        return None
    told = json.dumps([named, tool, arguments], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass(eq=False)
class _Listener:
    """A request that waits for a call's result."""

    context: Context
    variables: Variables = field(default_factory=copy_context)
    """Those of the request, by which the context knows where to send."""

    async def tell(self, share: float, message: str) -> None:
        sending = self.context.report_progress(share, 1.0, message)
        await asyncio.create_task(sending, context=self.variables)


@dataclass(eq=False)
class _Call:
    """One piece of work, and who waits for it."""

    task: asyncio.Task[ToolResult]
    begun: float
    waiting: list[_Listener] = field(default_factory=list)

    async def report(self, share: float, message: str) -> None:
        """Tell the progress to whoever waits now; a client that went away ends no work."""
        for one in tuple(self.waiting):
            try:
                await one.tell(share, message)
            except Exception:  # noqa: BLE001 - the connection is gone; the error is the transport's
                if one in self.waiting:
                    self.waiting.remove(one)


Report = Callable[[float, str], Coroutine[Any, Any, None]]
Work = Callable[[Report], Awaitable[ToolResult]]


class Calls:
    """The calls of one caller.

    Args:
        life_s: How long a result is kept for who asks again.
        most: Results that are kept.
        grace_s: How long work goes on that nobody waits for.
    """

    def __init__(self, life_s: float = 600.0, most: int = 64, grace_s: float = 15.0) -> None:
        self._life_s, self._most, self._grace_s = life_s, most, grace_s
        self._calls: OrderedDict[str, _Call] = OrderedDict()

    async def once(self, key: str, context: Context, work: Work) -> ToolResult:
        """Give the result of the work under this key, beginning it if nobody has.

        Args:
            key: From `key_of`.
            context: Of this request; gets the progress.
            work: Called with where to report progress.
        """
        self._forget()
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = self._begun(work)
        me = _Listener(context)
        call.waiting.append(me)
        try:
            return await asyncio.shield(call.task)
        finally:
            if me in call.waiting:
                call.waiting.remove(me)
            asyncio.get_running_loop().call_later(self._grace_s, self._give_up, key, call)

    def _begun(self, work: Work) -> _Call:
        holder: list[_Call] = []

        async def report(share: float, message: str) -> None:
            await holder[0].report(share, message)

        async def run() -> ToolResult:
            return await work(report)

        holder.append(_Call(asyncio.create_task(run()), time.monotonic()))
        return holder[0]

    def _give_up(self, key: str, call: _Call) -> None:
        if not call.waiting and not call.task.done():
            call.task.cancel()
            self._calls.pop(key, None)

    def _forget(self) -> None:
        oldest = time.monotonic() - self._life_s
        for key, call in tuple(self._calls.items()):
            spent = call.begun < oldest or len(self._calls) >= self._most
            if spent and call.task.done():
                del self._calls[key]
