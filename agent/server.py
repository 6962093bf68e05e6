"""The server: the agent as the tool `consult`, beside the specialists' tools."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastmcp import FastMCP

from agent.agent import Agent
from agent.app.resource import add_app
from agent.consulting import consult_tool
from agent.requests import add_requests
from agent.settings import Settings
from agent.workers import shared_key
from agent.workshop import workshop
from tools.server import Workshop, build_server, tool_names

if TYPE_CHECKING:
    from tools.callers import Callers

__all__ = ["build_consulting_server", "serve", "serve_http"]


def serve(settings: Settings, only: Sequence[str]) -> None:
    """Serve on stdio until the client goes.

    Raises:
        UnknownTool: If `only` names a tool that is not there.
    """
    build_consulting_server(settings, only).run(transport="stdio", show_banner=False)


def serve_http(
    settings: Settings,
    only: Sequence[str],
    callers: Callers,
    host: str,
    port: int,
    fd: int | None = None,
) -> None:
    """Serve streamable HTTP until stopped, to known callers alone.

    Args:
        settings: Limits, and the state folder.
        only: The specialists to serve; all when empty.
        callers: Who may call.
        host: Address to listen on.
        port: Port to listen on.
        fd: A listening socket that other processes accept on too. There are no sessions then:
            the next request may come to another process.

    Raises:
        UnknownTool: If `only` names a tool that is not there.
    """
    build_consulting_server(settings, only, callers).run(
        transport="http",
        host=host,
        port=port,
        show_banner=False,
        # The audit file says more than an access log, and has no client's address.
        uvicorn_config={"access_log": False, **({} if fd is None else {"fd": fd})},
        stateless_http=fd is not None,
        host_origin_protection="auto",
        allowed_hosts=list(settings.allowed_hosts) or None,
    )


def build_consulting_server(
    settings: Settings, only: Sequence[str] = (), callers: Callers | None = None
) -> FastMCP[Any]:
    """Build the specialists' server; without `only`, the agent's tool `consult` is on it too.

    Args:
        settings: Roots, device and limits.
        only: The specialists to serve.
        callers: Who may call; each sees its own files, handles, pictures and conversations.
    """
    shop = workshop(settings)
    shop.callers = callers
    key: bytes | None = None
    if callers is not None:
        shop.shared = settings.thread_file.parent
        key = shared_key(shop.shared / "request-state.key")
    agents = _Agents(settings, shop)
    server = build_server(only=only, workshop=shop, lifespan=agents.closing, state_key=key)
    if not only:
        server.add_tool(consult_tool(agents.here))
        add_app(server)
        add_requests(server, lambda: shop.here().files.kinds())
    if settings.audit_file is not None or callers is not None:
        from agent.guard import guard

        guard(server, shop, settings, only)
    return server


class _Agents:
    """One agent a caller: conversations of one are not there for another."""

    def __init__(self, settings: Settings, shop: Workshop) -> None:
        self._settings, self._shop = settings, shop
        self._agents: dict[str, Agent] = {}

    def here(self) -> Agent:
        """The agent of whoever is calling."""
        callers = self._shop.callers
        name = callers.current().name if callers is not None else ""
        if name not in self._agents:
            tools = callers.current().tools if callers is not None else None
            self._agents[name] = self._agent(name, tools or ())
        return self._agents[name]

    def _agent(self, name: str, tools: Iterable[str]) -> Agent:
        """It consults the specialists among the caller's tools; all, where none is among them."""
        settings = self._settings
        if name:
            folder = settings.thread_file.parent / "callers" / name
            settings = settings.model_copy(update={"state_dir": folder})
        only = sorted(set(tools) & set(tool_names()))
        return Agent(settings, workshop=self._shop.here(), only=only, trust_names=False)

    @asynccontextmanager
    async def closing(self, _: Any) -> AsyncIterator[None]:
        """Close all of them when the server ends."""
        try:
            yield
        finally:
            for agent in self._agents.values():
                await agent.close_async()
