"""The same steps with every client: what the server is asked, and what each makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from mcp import MCPError, StdioServerParameters
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, CompleteResult, ElicitResult, PromptReference

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DATA = ROOT / "tests" / "data"
NODE = HERE / "node_modules" / "node" / "bin" / "node"
CONSULTED = 9
"""Place in the steps of the first consultation."""
STEPS: list[dict[str, Any]] = json.loads((HERE / "steps.json").read_text())


@dataclass(frozen=True)
class Place:
    """Where the server is: at an address, or started by the client on stdio."""

    url: str | None = None
    token: str | None = None
    state: Path | None = None
    command: tuple[str, ...] = (sys.executable, "-m", "agent", "serve")

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a server that the client starts."""
        return {
            "WARDROUND_ROOTS": str(DATA),
            "WARDROUND_STATE_DIR": str(self.state),
            "WARDROUND_GEMMA_EMBEDDED": "0",
        }

    @property
    def env(self) -> dict[str, str]:
        """The environment of a server that the client starts."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WARDROUND_")}
        return {**kept, **self.settings}


@dataclass(frozen=True)
class Said:
    """One step, and what came back."""

    step: Mapping[str, Any]
    sent: Mapping[str, Any]
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    progress: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Walk:
    """All steps with one client."""

    protocol: str | None
    server: str | None
    said: tuple[Said, ...]


@dataclass
class _Person:
    """Answers the client's questions."""

    reply: Mapping[str, Any] | None = None
    asked: list[str] = field(default_factory=list)

    async def __call__(self, _: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        if self.reply is None:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content=dict(self.reply))


@asynccontextmanager
async def python_client(place: Place, mode: str, person: Any = None) -> AsyncIterator[Client]:
    """The official Python SDK's client, connected.

    Args:
        place: The server.
        mode: "legacy", or a revision of the protocol.
        person: Is asked what the server asks.
    """
    if place.url is None:
        command, *rest = place.command
        server = StdioServerParameters(command=command, args=rest, env=place.env, cwd=ROOT)
        async with Client(server, mode=mode, elicitation_callback=person) as client:
            yield client
        return
    headers = {"Authorization": f"Bearer {place.token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        way = streamable_http_client(place.url, http_client=http)
        async with Client(way, mode=mode, elicitation_callback=person) as client:
            yield client


async def python_walk(place: Place, mode: str) -> Walk:
    """Walk the steps with the official Python SDK."""
    person, kept, said = _Person(), {"thread": _thread()}, list[Said]()
    async with python_client(place, mode, person) as client:
        for step in STEPS:
            person.reply, person.asked = filled(step.get("reply"), kept), []
            said.append(await _stepped(client, step, kept, person))
        name = client.server_info.name if client.server_info else None
        return Walk(client.protocol_version, name, tuple(said))


async def _stepped(
    client: Client, step: Mapping[str, Any], kept: dict[str, str], person: _Person
) -> Said:
    sent, progress = filled(step["params"], kept), list[str]()

    async def note(_: float, __: float | None, message: str | None) -> None:
        progress.append(message or "")

    try:
        result = await _called(client, step["method"], sent, note)
    except MCPError as error:
        told = {"code": error.code, "message": error.message}
        return Said(step, sent, error=told, asked=tuple(person.asked))
    shown = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    for name, path in step.get("keep", {}).items():
        kept[name] = _at(shown, path)
    return Said(step, sent, shown, None, tuple(progress), tuple(person.asked))


async def _called(client: Client, method: str, sent: dict[str, Any], note: Any) -> Any:
    if method == "tools/call":
        result: CallToolResult = await client.call_tool(
            sent["name"], sent["arguments"], progress_callback=note
        )
        return result
    if method == "completion/complete":
        completed: CompleteResult = await client.complete(
            PromptReference(type="ref/prompt", name=sent["ref"]["name"]), sent["argument"]
        )
        return completed
    plain = {
        "tools/list": client.list_tools,
        "prompts/list": client.list_prompts,
        "resources/templates/list": client.list_resource_templates,
        "resources/read": client.read_resource,
        "prompts/get": client.get_prompt,
    }
    return await plain[method](**sent)


def typescript_walk(place: Place, mode: str, sdk: int) -> Walk:
    """Walk the steps with the official TypeScript SDK.

    Args:
        place: The server.
        mode: "legacy", or a revision of the protocol.
        sdk: Its version: 1 or 2.
    """
    given = {
        "sdk": sdk,
        "mode": mode,
        "thread": _thread(),
        **({"url": place.url, "token": place.token} if place.url else {}),
        **({} if place.url else {"command": place.command, "env": place.env, "cwd": str(ROOT)}),
    }
    done = subprocess.run(
        [NODE, HERE / "walk.mjs", json.dumps(given)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    first, *others = [json.loads(line) for line in done.stdout.splitlines()]
    said = [
        Said(
            step, one["sent"], one.get("result"), one.get("error"),
            tuple(one["progress"]), tuple(one["asked"]),
        )
        for step, one in zip(STEPS, others, strict=True)
    ]  # fmt: skip
    return Walk(first["protocol"], first["server"], tuple(said))


def filled(value: Any, kept: Mapping[str, str]) -> Any:
    """Put in what earlier steps gave: `$handle` and the like."""
    if isinstance(value, str):
        return kept[value[1:]] if value.startswith("$") else value
    if isinstance(value, list):
        return [filled(one, kept) for one in value]
    if isinstance(value, dict):
        return {name: filled(one, kept) for name, one in value.items()}
    return value


def _thread() -> str:
    return f"walk-{uuid4().hex[:8]}"


def _at(value: Any, path: list[Any]) -> str:
    for key in path:
        value = value[key]
    return str(value)
