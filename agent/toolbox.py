"""The tools that the agent can call: one open MCP client a server, one catalogue over all."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from agent.answer import Picture
from agent.connections import Connections
from agent.handover import Handover
from specialists.errors import (
    FileMissing,
    FileNotAllowed,
    InvalidInput,
    ServerUnreachable,
    UnknownTool,
    WardroundError,
    error_from_code,
)
from specialists.schema import Accepts, Inspection, Manifest

__all__ = ["Outcome", "Report", "ToolInfo", "Toolbox", "read_config"]

logger = logging.getLogger(__name__)

INSPECT = "inspect_files"
_FOR_PEOPLE = ("consult", "find_studies")
"""Tools of our servers that are not for the agent itself."""
_ERROR_KEY = "wardround/error"
_OWN = "wardround"
_OVERHEAD_S = 5.0
"""What a call may take beyond the specialist's own limit before the client gives up."""

Report = Callable[[float, str], Awaitable[None]]


@dataclass(frozen=True)
class ToolInfo:
    """One tool of the catalogue, as its server described it."""

    name: str
    title: str
    description: str
    schema: Mapping[str, Any]
    """JSON schema of the arguments."""
    server: str
    accepts: tuple[Accepts, ...] | None = None
    """Which files it takes; None for a tool of another maker, which takes none from us."""
    keywords: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    timeout_s: float | None = None
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Its classes, each with the names that data sets use for it."""
    positive: tuple[str, ...] = ()
    """The classes that answer the clinical question with yes."""
    option_words: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    one_call_each: str | None = None
    """Options that a question may mean without naming them: option → value → words for it."""
    label_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The options of a call that can give a class, where only some can."""
    backends: tuple[str, ...] = ()
    """Names of its models, the best first; not each can run everywhere."""
    available: bool = True
    """False where no backend is registered for it."""

    @property
    def options(self) -> dict[str, Any]:
        """JSON schema of the arguments beside the files."""
        schema = {key: value for key, value in self.schema.items() if key != "title"}
        if self.accepts is None:
            return schema
        properties = {k: v for k, v in schema.get("properties", {}).items() if k != "files"}
        required = [name for name in schema.get("required", []) if name != "files"]
        return {**schema, "properties": properties, "required": required}


@dataclass(frozen=True)
class Outcome:
    """What a tool gave back."""

    structured: dict[str, Any] | None
    text: str

    def pictures(self, tool: str) -> list[Picture]:
        """The pictures that a specialist's result links to."""
        links = (self.structured or {}).get("pictures", [])
        return [Picture(**link, tool=tool) for link in links]

    def tables(self, tool: str) -> list[Picture]:
        """The tables that a specialist's result links to."""
        links = (self.structured or {}).get("tables", [])
        return [Picture(**link, tool=tool) for link in links]


def _as_named(name: str) -> Sequence[Path]:
    return (Path(name),)


@dataclass(frozen=True)
class _Seen:
    """Where a handle comes from."""

    names: tuple[str, ...]
    """What was named together."""
    number: int
    """Which of the entries it was."""
    manifest: Manifest | None

    def same_in(self, there: Inspection, handle: str) -> str:
        """The handle of the same file in another server's inspection of the same names."""
        handles = [one.handle for one in there.files]
        if handle in handles:
            return handle
        alike = [one for one in there.files if one.manifest == self.manifest]
        if len(alike) == 1:
            return alike[0].handle
        if self.number < len(handles) and there.files[self.number] in alike:
            return handles[self.number]
        raise FileMissing("The tool's server does not see this file.")


@dataclass
class Toolbox:
    """Connects to the servers and keeps the connections open; use as an async context manager.

    Args:
        servers: What FastMCP's `Client` takes (a server object, or one entry of `mcpServers`),
            by name. A tool that several servers have is taken from the first.
        call_timeout_s: For tools that name no limit of their own.
    """

    servers: Mapping[str, Any]
    call_timeout_s: float = 180.0
    connect_timeout_s: float = 20.0
    """What a server may take to start and tell its tools."""
    paths_of: Callable[[str], Sequence[Path]] = _as_named
    """Gives what lies behind a name, for a server on another machine; refuses what may not be
    read here."""
    catalogue: dict[str, ToolInfo] = field(default_factory=dict)
    unreachable: dict[str, str] = field(default_factory=dict)
    """Servers that could not be reached, with the reason."""
    _inspectors: list[str] = field(default_factory=list)
    _seen: dict[str, _Seen] = field(default_factory=dict)
    """The inspection that gave a handle."""
    _handed: dict[tuple[str, str], str] = field(default_factory=dict)
    """The handle, on a server, of a file that has this one elsewhere."""
    _shown: set[tuple[str, str]] = field(default_factory=set)
    """Which server was shown which file."""
    session: str = field(default_factory=lambda: uuid4().hex)
    """Tells these connections from those of another process, whose pictures are gone."""

    def __post_init__(self) -> None:
        self._connections = Connections(self.servers, self.connect_timeout_s)

    async def __aenter__(self) -> Toolbox:
        """Connect to every server; one that is down is noted and costs only its tools."""
        for name in self.servers:
            try:
                self._take(name, await self._connections.open(name))
            except Exception as error:  # noqa: BLE001 - another program's failure is not ours
                logger.warning("server %s: %s", name, type(error).__name__)
                self.unreachable[name] = "The server could not be reached."
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._connections.close()

    async def inspect(self, names: Sequence[str], server: str | None = None) -> Inspection:
        """Ask a server what files are; without a name, the first that can tell.

        A server on another machine that does not see them is handed them.
        """
        chosen, seen = await self._inspected(names, [server] if server else self._inspectors)
        for number, one in enumerate(seen.files):
            self._seen.setdefault(one.handle, _Seen(tuple(names), number, one.manifest))
            self._shown.add((chosen, one.handle))
        return seen

    async def _inspected(
        self, names: Sequence[str], servers: Sequence[str]
    ) -> tuple[str, Inspection]:
        """Ask the first of these servers that answers."""
        failure = ServerUnreachable("No connected server can inspect files.")
        for server in servers:
            try:
                return server, await self._inspection(server, names)
            except ServerUnreachable as error:
                failure = error
        raise failure

    async def _inspection(self, server: str, names: Sequence[str]) -> Inspection:
        try:
            outcome = await self._request(server, INSPECT, {"files": [*names]})
            return Inspection.model_validate(outcome.structured)
        except (FileMissing, FileNotAllowed):
            handover = Handover.to(self.servers[server])
            if handover is None:
                raise
            paths = [path for name in names for path in self.paths_of(name)]
            return await handover.send_all(paths)

    async def handle_on(self, server: str, handle: str) -> str:
        """Make sure that a server knows an inspected file, and give its handle there.

        A handle follows from the file and its place, so servers that see the same file give it
        the same one; each looks for itself whether the file is under its own roots. A server
        that the file was handed to has a handle of its own for it.

        Raises:
            FileMissing: If the server sees another file under that name.
        """
        if (server, handle) in self._shown:
            return handle
        if (server, handle) not in self._handed:
            if handle not in self._seen:
                raise FileMissing("A file of this conversation is no longer there. Name it again.")
            here = self._seen[handle]
            there = await self.inspect(here.names, server)
            self._handed[server, handle] = here.same_in(there, handle)
        return self._handed[server, handle]

    def knows(self, name: str) -> bool:
        """Tell whether a file of this name was inspected over this connection."""
        return any(name in seen.names for seen in self._seen.values())

    def info(self, tool: str) -> ToolInfo:
        """Look a tool up. Raises `UnknownTool` with the names there are."""
        if tool not in self.catalogue:
            known = ", ".join(self.catalogue)
            raise UnknownTool(f"There is no such tool. The tools are: {known}.")
        return self.catalogue[tool]

    async def call(
        self, tool: str, arguments: Mapping[str, Any], report: Report | None = None
    ) -> Outcome:
        """Call a tool.

        Raises:
            WardroundError: What the tool raised, by its code; `ServerUnreachable` when the
                connection breaks; `TimedOut`.
        """
        info = self.info(tool)
        return await self._request(info.server, tool, arguments, report, info.timeout_s)

    async def picture(self, uri: str, server: str) -> bytes:
        """Read a picture that a result links to: PNG bytes."""
        import base64

        contents = await self._connections.read(server, uri)
        return base64.b64decode(contents[0].blob)

    def _take(self, server: str, tools: Sequence[Any]) -> None:
        for tool in tools:
            if tool.name == INSPECT:
                self._inspectors.append(server)
            elif tool.name not in _FOR_PEOPLE and tool.name not in self.catalogue:
                self.catalogue[tool.name] = _described(tool, server)

    async def _request(
        self,
        server: str,
        tool: str,
        arguments: Mapping[str, Any],
        report: Report | None = None,
        timeout_s: float | None = None,
    ) -> Outcome:
        limit = (timeout_s or self.call_timeout_s) + _OVERHEAD_S

        async def on_progress(share: float, _: float | None, message: str | None) -> None:
            if report is not None:
                await report(share, message or "")

        return _outcome(await self._connections.call(server, tool, arguments, on_progress, limit))


def read_config(path: Path) -> dict[str, Any]:
    """Read the `mcpServers` section of a configuration file.

    Raises:
        InvalidInput: If it is not JSON, or has no such section.
    """
    try:
        servers = json.loads(path.read_text(encoding="utf-8"))["mcpServers"]
    except (OSError, ValueError, KeyError, TypeError):
        servers = None
    if not isinstance(servers, dict) or not all(isinstance(one, dict) for one in servers.values()):
        raise InvalidInput("The configuration must be a JSON file with an object 'mcpServers'.")
    return servers


def _described(tool: Any, server: str) -> ToolInfo:
    own = (tool.meta or {}).get(_OWN)
    common = {
        "name": tool.name,
        "title": tool.title or tool.name,
        "description": tool.description or "",
        "schema": tool.input_schema,
        "server": server,
    }
    if own is None:
        return ToolInfo(**common)
    return ToolInfo(
        **common,
        accepts=tuple(Accepts.model_validate(one) for one in own["accepts"]),
        keywords=tuple(own["keywords"]),
        findings=tuple(own["findings"]),
        timeout_s=own["timeout_s"],
        labels=own["labels"],
        positive=tuple(own["positive"]),
        option_words=own.get("option_words", {}),
        one_call_each=own.get("one_call_each"),
        label_options=own.get("label_options", {}),
        backends=tuple(own["backends"]),
        available=bool(own["backends"]),
    )


def _outcome(result: Any) -> Outcome:
    text = "\n".join(block.text for block in result.content if block.type == "text")
    if not result.is_error:
        return Outcome(result.structured_content, text)
    told = (result.meta or {}).get(_ERROR_KEY)
    if told is not None:
        raise error_from_code(told["code"], told["message"])
    raise WardroundError("The tool reported an error.")
