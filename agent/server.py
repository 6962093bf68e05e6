"""The agent as an MCP tool, beside the specialists' tools."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastmcp import FastMCP
from fastmcp.tools import Tool, ToolResult
from mcp_types import ResourceLink, TextContent
from pydantic import BaseModel, ConfigDict, Field

from agent.agent import Agent
from agent.answer import Answer
from agent.export.markdown import to_markdown
from agent.settings import Settings
from tools.server import Workshop, build_server, checked_tool

__all__ = ["build_consulting_server", "serve"]

_DESCRIPTION = (
    "Answers a clinical question about files: plans which specialists to consult, consults them, "
    "and gives an answer in which every statement cites evidence that was checked. Use it for "
    "questions; use a specialist's own tool when you know exactly which one you want. It gives "
    "no treatment advice."
)


def serve(*, http: bool, host: str, port: int, only: Sequence[str]) -> None:
    """Run a server until it is stopped.

    Raises:
        UnknownTool: If `only` names a tool that is not there.
    """
    server = build_consulting_server(Settings(), only)
    if http:
        server.run(
            transport="http",
            host=host,
            port=port,
            show_banner=False,
            host_origin_protection="auto",
        )
    else:
        server.run(transport="stdio", show_banner=False)


def build_consulting_server(settings: Settings, only: Sequence[str] = ()) -> FastMCP[Any]:
    """Build the specialists' server; without `only`, the agent's tool `consult` is on it too."""
    shop = Workshop.create(
        settings.roots, settings.device, settings.memory_gib, settings.read_limits
    )
    if only:
        return build_server(only=only, workshop=shop)
    agent = Agent(settings, workshop=shop, trust_names=False)

    @asynccontextmanager
    async def closing(_: Any) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await agent.close_async()

    server = build_server(workshop=shop, lifespan=closing)
    server.add_tool(_consult_tool(agent))
    return server


class ConsultArguments(BaseModel):
    """Arguments of `consult`."""

    model_config = ConfigDict(extra="forbid", title="consult")

    question: str = Field(min_length=2, max_length=4000, description="In words.")
    files: list[str] = Field(
        default=[], description="Paths under an allowed root, or handles from inspect_files."
    )
    thread: str | None = Field(
        default=None, description="Continue, or begin, a conversation of this name."
    )
    second_reader: bool = Field(
        default=False, description="Have another model of each tool read too, and compare."
    )


def _consult_tool(agent: Agent) -> Tool:
    async def consult(given: ConsultArguments) -> ToolResult:
        answer = await agent.ask_async(
            given.question, given.files, given.thread, given.second_reader
        )
        links = [
            ResourceLink(
                type="resource_link", uri=one.uri, name=one.title, mime_type=one.media_type
            )
            for one in answer.pictures
        ]
        text = TextContent(type="text", text=to_markdown(answer))
        return ToolResult(content=[text, *links], structured_content=answer.model_dump(mode="json"))

    return checked_tool(
        ConsultArguments,
        consult,
        name="consult",
        title="Consult",
        description=_DESCRIPTION,
        output_schema=Answer.model_json_schema(mode="serialization"),
    )
