"""Open MCP connections: calls over them, and what is done where one breaks off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from specialists.errors import ServerUnreachable, TimedOut, WardroundError

__all__ = ["Connections"]

logger = logging.getLogger(__name__)

_CALL_KEY = "wardround/call"
"""In a call's `_meta`: one key is worked on once (see `tools.calls`)."""
_TRIES = 4
_PAUSE_S = 0.5

OnProgress = Callable[[float, float | None, str | None], Awaitable[None]]


@dataclass
class Connections:
    """One open client a server.

    Args:
        servers: What FastMCP's `Client` takes (a server object, or one entry of `mcpServers`),
            by name.
        timeout_s: What a server may take to start and tell its tools.
    """

    servers: Mapping[str, Any]
    timeout_s: float
    _clients: dict[str, Any] = field(default_factory=dict)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _reconnecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def open(self, server: str) -> list[Any]:
        """Connect to a server; gives its tools. Raises what the client does."""
        async with asyncio.timeout(self.timeout_s), AsyncExitStack() as attempt:
            client = await self._client(attempt, server)
            tools: list[Any] = await client.list_tools()
            self._keep(attempt)
        self._clients[server] = client
        return tools

    async def close(self) -> None:
        """Close all; none fails for a server that has gone."""
        await self._stack.aclose()

    async def read(self, server: str, uri: str) -> Any:
        """Read a resource."""
        return await self._clients[server].read_resource(uri)

    async def call(
        self,
        server: str,
        tool: str,
        arguments: Mapping[str, Any],
        on_progress: OnProgress,
        limit_s: float,
    ) -> Any:
        """Call a tool; over HTTP, a call whose connection breaks off is asked again by its key.

        Raises:
            ServerUnreachable: If the server stays away.
            TimedOut: If it does not answer in time.
        """
        tries = self._tries(server)
        meta = {_CALL_KEY: uuid4().hex} if tries > 1 else None
        for left in reversed(range(tries)):
            client = self._clients[server]
            try:
                return await client.call_tool_mcp(
                    tool, dict(arguments), progress_handler=on_progress, timeout=limit_s, meta=meta
                )
            except Exception as error:
                broken = _broken(error, tool)
                if not left or not isinstance(broken, ServerUnreachable):
                    raise broken from error
                await self._reconnect(server, client)
        raise AssertionError("the last try returns or raises")

    def _tries(self, server: str) -> int:
        entry = self.servers[server]
        return _TRIES if isinstance(entry, Mapping) and "url" in entry else 1

    async def _reconnect(self, server: str, broken: Any) -> None:
        """Open a new connection, unless another call has; where it fails, the next try tells."""
        async with self._reconnecting:
            if self._clients[server] is not broken:
                return
            await asyncio.sleep(_PAUSE_S)
            try:
                async with asyncio.timeout(self.timeout_s), AsyncExitStack() as attempt:
                    client = await self._client(attempt, server)
                    self._keep(attempt)
                self._clients[server] = client
            except Exception as error:  # noqa: BLE001 - another program's failure is not ours
                logger.warning("server %s: %s", server, type(error).__name__)

    async def _client(self, attempt: AsyncExitStack, server: str) -> Any:
        from fastmcp import Client

        entry = self.servers[server]
        source = {"mcpServers": {server: entry}} if isinstance(entry, Mapping) else entry
        return await attempt.enter_async_context(Client(source))

    def _keep(self, attempt: AsyncExitStack) -> None:
        """Close a connection with the others; one whose server has gone closes with an error."""

        async def close(kept: AsyncExitStack) -> None:
            try:
                await kept.aclose()
            except Exception as error:  # noqa: BLE001 - another program's failure is not ours
                logger.warning("a connection did not close: %s", type(error).__name__)

        self._stack.push_async_callback(close, attempt.pop_all())


def _broken(error: Exception, tool: str) -> WardroundError:
    told = f"{type(error).__name__}: {error}".lower()
    if isinstance(error, TimeoutError) or "timed out" in told or "timeout" in told:
        return TimedOut(f"{tool} did not answer in time.")
    logger.warning("call of %s broke: %s", tool, type(error).__name__)
    return ServerUnreachable(f"The server of {tool} went away before it answered.")
