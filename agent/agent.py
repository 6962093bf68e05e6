"""The agent as an object: sync, async and streaming."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anyio

from agent.answer import Answer, Attachment, Picture
from agent.gate import Gated
from agent.gemma import Composer, Planner, PlanRequest
from agent.gemma.embedded.layout import SERVED
from agent.settings import Settings
from agent.threads import open_checkpoints
from agent.toolbox import Outcome, Report, Toolbox, read_config
from specialists.errors import FileNotAllowed, InvalidInput
from specialists.schema import Inspection
from tools.names import is_path
from tools.turns import in_turn

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

    from agent.gemma.chat import ChatGemma
    from agent.gemma.embedded.served import ServedGemma

__all__ = ["Agent", "Event"]

_OWN = "wardround"
_LONGEST_QUESTION = 20_000


@dataclass(frozen=True)
class Event:
    """Something that happened on the way to an answer."""

    kind: str
    """'step', 'progress' or 'answer'."""
    text: str
    """The step's or tool's name; empty for the answer."""
    share: float = 0.0
    """Of a tool's work, 0 to 1."""
    detail: str = ""
    answer: Answer | None = None


class Agent:
    """Answers questions about files by consulting specialists.

    Opens its connections at first use; close it, or use it as a context manager (plain or
    async). One agent serves many questions; a thread id makes them a conversation.

    Args:
        settings: Default: from the environment.
        servers: MCP servers to consult, by name, before those of the settings: whatever
            FastMCP's `Client` takes.
        planner: Instead of the settings' Gemma, the shipped one and the rules.
        composer: Instead of the settings' Gemma and plain code.
        workshop: What the specialists in this process share, where a server has one already.
        only: Of the shipped specialists, serve these alone.
        trust_names: Whether a file is allowed by being named. True for a program's own calls;
            a server that passes on what its callers name says False, and roots decide.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        servers: Mapping[str, Any] | None = None,
        planner: Planner | None = None,
        composer: Composer | None = None,
        workshop: Any = None,
        only: Sequence[str] = (),
        trust_names: bool = True,
    ) -> None:
        self.settings = settings or Settings()
        self._given_servers = dict(servers or {})
        self._planner, self._composer = planner, composer
        self._trust_names = trust_names
        self._stack: AsyncExitStack | None = None
        self._opening: asyncio.Lock | None = None
        self._shop, self._only = workshop, tuple(only)
        self._turns: dict[str, asyncio.Lock] = {}
        self._portal: BlockingPortal | None = None
        self._portal_stack = contextlib.ExitStack()

    def ask(
        self,
        question: str,
        files: Sequence[str | Path] = (),
        *,
        thread: str | None = None,
        second_reader: bool = False,
    ) -> Answer:
        """Answer a question; see `ask_async`. Not for use inside a running event loop."""
        answer: Answer = self._run(self.ask_async, question, files, thread, second_reader)
        return answer

    async def ask_async(
        self,
        question: str,
        files: Sequence[str | Path] = (),
        thread: str | None = None,
        second_reader: bool = False,
    ) -> Answer:
        """Answer a question.

        Args:
            question: In words.
            files: Paths (or handles). A folder of DICOM files is one series or several.
            thread: Continue, or begin, a conversation that is kept under this name.
            second_reader: Have another model of each tool read the same files, and compare.

        Returns:
            The answer. A specialist that fails is told in it; it never raises here.

        Raises:
            WardroundError: If there is nothing to ask with: no server, no planner.
        """
        async for event in self.stream(question, files, thread=thread, second_reader=second_reader):
            if event.answer is not None:
                return event.answer
        raise RuntimeError("the graph ended without an answer")

    async def stream(
        self,
        question: str,
        files: Sequence[str | Path] = (),
        *,
        thread: str | None = None,
        second_reader: bool = False,
    ) -> AsyncIterator[Event]:
        """Answer a question and tell what is being done; the last event is the answer."""
        if not 0 < len(question.strip()) <= _LONGEST_QUESTION:
            raise InvalidInput(f"A question has 1 to {_LONGEST_QUESTION:,} characters.")
        await self._open()
        async with self._turn(thread):
            async for event in self._events(question, files, thread, second_reader):
                yield event

    @contextlib.asynccontextmanager
    async def _turn(self, thread: str | None) -> AsyncIterator[None]:
        """The questions of one thread are answered one after the other, here and elsewhere."""
        if thread is None:
            yield
            return
        name = hashlib.sha256(thread.encode()).hexdigest()[:32]
        own = self._turns.setdefault(thread, asyncio.Lock())
        async with own, in_turn(self.settings.thread_file.parent / "turns" / name):
            yield

    async def _events(
        self,
        question: str,
        files: Sequence[str | Path],
        thread: str | None,
        second_reader: bool,
    ) -> AsyncIterator[Event]:
        names = self._names(files)
        config = {"configurable": {"thread_id": thread or uuid4().hex}}
        graph = await self._graph(thread)
        if thread is not None:
            self._allow((await graph.aget_state(config)).values.get("sources", []))
        self._allow(names)
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        given = {"question": question, "files": names, "second_reader": second_reader}
        task = asyncio.create_task(self._drive(graph, given, config, queue))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await task
        finally:
            task.cancel()
            # A cancelled scope cancels again and again whatever is awaited in it, which would
            # interrupt the calls while they tell their servers to stop.
            with anyio.CancelScope(shield=True), contextlib.suppress(asyncio.CancelledError):
                await task

    async def plan(
        self, question: str, files: Sequence[str | Path] = ()
    ) -> tuple[Gated, list[Attachment]]:
        """Plan a question and gate the plan, without consulting anyone."""
        from langgraph.runtime import Runtime

        from agent.steps.intake import intake
        from agent.steps.route import plan_question

        await self._open()
        names = self._names(files)
        self._allow(names)
        seen = await intake({"files": names}, Runtime(context=self._current))
        attachments = [Attachment.model_validate(one) for one in seen["attachments"]]
        request = PlanRequest(question, attachments, self.toolbox.catalogue)
        planned = await plan_question(request, self._current)
        return planned.gated, attachments

    async def inspect(self, files: Sequence[str | Path]) -> Inspection:
        """Say what files are, which tools take them, and why the others don't."""
        await self._open()
        names = self._names(files)
        self._allow(names)
        return await self.toolbox.inspect(names)

    async def call_async(
        self,
        tool: str,
        files: Sequence[str | Path] = (),
        report: Report | None = None,
        **options: Any,
    ) -> Outcome:
        """Call one tool by itself.

        Args:
            tool: Its name, as `toolbox.catalogue` has it.
            files: Paths or handles.
            report: Told the share done and what is being done.
            options: Fields of the tool's request.

        Raises:
            WardroundError: What the tool raises.
        """
        await self._open()
        names, options = self._names(files), self._named_options(options)
        told = [value for value in options.values() if isinstance(value, str)]
        self._allow([*names, *(value for value in told if _is_file(value))])
        takes_files = self.toolbox.info(tool).accepts is not None
        arguments = {"files": names, **options} if takes_files else options
        return await self.toolbox.call(tool, arguments, report)

    def call(self, tool: str, files: Sequence[str | Path] = (), **options: Any) -> Outcome:
        """Call one tool by itself; see `call_async`. Not for use inside a running event loop."""
        outcome: Outcome = self._run(partial(self.call_async, tool, files, **options))
        return outcome

    async def save_pictures_async(
        self, pictures: Sequence[Picture], folder: Path, prefix: str = ""
    ) -> list[Path]:
        """Write pictures of an answer as PNG files named after their titles; gives their paths."""
        await self._open()
        written = []
        for picture in pictures:
            server = self.toolbox.info(picture.tool or "").server
            title = f"{prefix} {picture.title}".lower()
            name = re.sub(r"[^a-z0-9]+", "-", title).strip("-")[:80].rstrip("-")
            png = await self.toolbox.picture(picture.uri, server)
            ending = "tsv.gz" if "://tables/" in picture.uri else "png"
            written.append(_write(folder / f"{name}.{ending}", png))
        return written

    def save_pictures(self, pictures: Sequence[Picture], folder: Path) -> list[Path]:
        """Write pictures; see `save_pictures_async`."""
        paths: list[Path] = self._run(self.save_pictures_async, pictures, folder)
        return paths

    async def export_async(
        self,
        answer: Answer,
        form: str,
        files: Sequence[str | Path] = (),
        *,
        identified: bool = False,
        same_files: bool = False,
    ) -> bytes:
        """Write an answer in one form; pictures come from this agent where they still are.

        See `agent.export.forms.export_async`.
        """
        from agent.export.forms import export_async

        await self._open()
        known: dict[str, Any] = {"identified": identified, "same_files": same_files}
        return await export_async(answer, form, files, agent=self, **known)

    def export(
        self,
        answer: Answer,
        form: str,
        files: Sequence[str | Path] = (),
        *,
        identified: bool = False,
        same_files: bool = False,
    ) -> bytes:
        """Write an answer in one form; see `export_async`."""
        known = {"identified": identified, "same_files": same_files}
        content: bytes = self._run(partial(self.export_async, answer, form, files, **known))
        return content

    async def close_async(self) -> None:
        """Close all connections."""
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.aclose()

    def close(self) -> None:
        """Close all connections; for use without an event loop."""
        if self._portal is not None:
            self._portal.call(self.close_async)
            self._portal = None
        self._portal_stack.close()

    def __enter__(self) -> Agent:
        """Use as a context manager."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.close()

    async def __aenter__(self) -> Agent:
        """Connect at once."""
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self.close_async()

    @property
    def planner_name(self) -> str:
        """Who writes the plans, once the agent has been used or entered."""
        name: str = self._current.planners[0].name
        return name

    @property
    def planners(self) -> tuple[Planner, ...]:
        """The planners in the order in which they are asked, once the agent has been entered."""
        return tuple(self._current.planners)

    @property
    def toolbox(self) -> Toolbox:
        """The connected tools; there once the agent has been used or entered."""
        return self._current.toolbox

    async def _open(self) -> None:
        """Connect once, however many tasks ask at the same time."""
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._stack is None:
                stack = AsyncExitStack()
                try:
                    await self._connect(stack)
                except BaseException:
                    await stack.aclose()
                    raise
                self._stack = stack

    async def _connect(self, stack: AsyncExitStack) -> None:
        from agent.state import Consultation

        settings = self.settings
        toolbox = Toolbox(
            self._servers(),
            settings.call_timeout_s,
            settings.connect_timeout_s,
            paths_of=self._paths_of,
        )
        if self._shop is not None and self._shop.pictures.folder is not None:
            toolbox.session = "shared"  # pictures outlive the process
        await stack.enter_async_context(toolbox)
        planners, composers = self._models(stack)
        self._current = Consultation(toolbox, planners, composers, self.settings.max_rounds)
        self._graphs: dict[bool, Any] = {}

    def _servers(self) -> dict[str, Any]:
        """The given servers first, then the configured ones, then the shipped specialists."""
        servers = dict(self._given_servers)
        if self.settings.config is not None:
            servers |= read_config(self.settings.config)
        if self.settings.in_process and not self._given_servers:
            servers[_OWN] = self._own_server()
        return servers

    def _own_server(self) -> Any:
        from agent.workshop import workshop
        from tools.server import build_server

        self._shop = self._shop or workshop(self.settings)
        return build_server(only=self._only, workshop=self._shop)

    def _models(self, stack: AsyncExitStack) -> tuple[list[Planner], list[Composer]]:
        """Gemma where one is configured, then the one that ships, and the rules behind them."""
        from agent.gemma.chat import ChatGemma
        from agent.gemma.embedded.planner import EmbeddedGemma, usable
        from agent.rules import RulePlanner

        if self._planner is not None:
            return [self._planner, RulePlanner()], [self._composer] if self._composer else []
        composers = [self._composer] if self._composer else []
        planners: list[Planner] = [RulePlanner()]
        if self.settings.gemma_embedded and usable():
            planners.insert(0, EmbeddedGemma())
        gemma = self._gemma()
        if gemma is None:
            return planners, composers
        stack.push_async_callback(gemma.close)
        if not composers and isinstance(gemma, ChatGemma):
            composers = [gemma]
        return [gemma, *planners], composers

    def _gemma(self) -> ChatGemma | ServedGemma | None:
        """The Gemma that the settings name: at an endpoint, or in this process."""
        if self.settings.gemma_url and (self.settings.gemma_model or "").startswith(SERVED):
            from agent.gemma.embedded.served import ServedGemma

            return ServedGemma(self.settings)
        if self.settings.gemma_url:
            from agent.gemma.endpoint import EndpointGemma

            return EndpointGemma(self.settings)
        if self.settings.gemma_checkpoint:
            from agent.gemma.local import LocalGemma

            return LocalGemma(self.settings)
        return None

    async def _graph(self, thread: str | None) -> Any:
        """The graph, with checkpoints where a thread is to be kept. Each is compiled once."""
        from agent.graph import build_graph

        kept = thread is not None
        if kept not in self._graphs:
            path, stack = self.settings.thread_file, self._stack
            if not self._trust_names:
                # What callers of a server say stays apart from what this user says.
                path = path.with_stem(f"{path.stem}-served")
            saver = await open_checkpoints(path, stack) if kept and stack else None
            self._graphs[kept] = build_graph(saver)
        return self._graphs[kept]

    def _paths_of(self, name: str) -> Sequence[Path]:
        """What lies behind a name that may be read here."""
        if self._shop is not None:
            found: Sequence[Path] = self._shop.files.paths(name)
            return found
        if not self._trust_names:
            raise FileNotAllowed("No file may be handed on from here.")
        return (Path(name),)

    def _names(self, files: Sequence[str | Path]) -> list[str]:
        """Paths in full where naming is allowing; handles as they are."""
        if not self._trust_names:
            return [str(file) for file in files]
        named = [str(file) for file in files]
        return [str(Path(one).absolute()) if is_path(one) else one for one in named]

    def _named_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """An option that names a file of the caller's (a scoring file, say) is told in full."""
        return {
            name: str(Path(value).absolute())
            if self._trust_names and isinstance(value, str) and _is_file(value)
            else value
            for name, value in options.items()
        }

    def _allow(self, names: Sequence[str]) -> None:
        """What a program names is allowed by being named."""
        if self._trust_names and self._shop is not None:
            for name in names:
                if Path(name).is_absolute():
                    self._shop.files.allow(Path(name))

    async def _drive(
        self,
        graph: Any,
        given: dict[str, Any],
        config: dict[str, Any],
        queue: asyncio.Queue[Event | None],
    ) -> None:
        """Run the graph and put what happens into the queue; None ends it."""

        async def report(tool: str, share: float, detail: str) -> None:
            await queue.put(Event("progress", tool, share, detail))

        context = replace(self._current, report=report)
        try:
            async for update in graph.astream(given, config, context=context):
                for step, changed in update.items():
                    await queue.put(Event("step", step))
                    if "answer" in (changed or {}):
                        answer = Answer.model_validate(changed["answer"])
                        await queue.put(Event("answer", "", 1.0, answer=answer))
        finally:
            await queue.put(None)

    def _run(self, function: Any, *args: Any) -> Any:
        """Call an async method from a program without an event loop."""
        from anyio.from_thread import start_blocking_portal

        if self._portal is None:
            self._portal = self._portal_stack.enter_context(start_blocking_portal())
        return self._portal.call(function, *args)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
