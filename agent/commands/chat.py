"""`wardround chat`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

if TYPE_CHECKING:
    from agent.commands.slashes import Conversation

__all__ = ["command"]


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--thread", help="Continue the conversation of this name.")
def command(files: tuple[Path, ...], thread: str | None) -> None:
    """Ask questions in a conversation about FILES.

    Answers go to stdout, everything else to stderr. `/help` lists what can be typed besides
    questions. In a terminal, tab completes commands and paths, and lines of before come back
    with the arrow keys.
    """
    from agent.commands import run

    run(_converse(list(files), thread or f"chat-{uuid4().hex[:8]}"))


async def _converse(files: list[Path], thread: str) -> None:
    from agent.agent import Agent
    from agent.commands import told
    from agent.commands.slashes import COMMANDS, Conversation
    from agent.commands.typing_ahead import remembering

    told(f"Conversation {thread}. /help for help.")
    async with Agent() as agent:
        talk = Conversation(agent, files)
        if sys.stdin.isatty():
            place = agent.settings.thread_file.with_name("chat-history")
            remembering(place, [name.split()[0] for name in COMMANDS])
        while (line := await _read()) is not None:
            if line.strip() == "/quit":
                return
            if line.strip():
                await _answered(line.strip(), talk, thread)


async def _answered(line: str, talk: Conversation, thread: str) -> None:
    from agent.commands import told
    from specialists.errors import WardroundError

    try:
        if line.startswith("/"):
            told(await talk.told(line))
        else:
            await _asked(line, talk, thread)
    except WardroundError as error:
        told(f"{error.code}: {error.client_message}")
    except OSError as error:
        told(f"This can't be written or read: {error.strerror}.")


async def _asked(line: str, talk: Conversation, thread: str) -> None:
    from agent.commands import Progress, told
    from agent.export.markdown import to_markdown

    progress = Progress()
    async for event in talk.agent.stream(line, talk.pending, thread=thread):
        progress.show(f"{event.kind} {event.text} {event.detail}")
        if event.answer is not None:
            progress.clear()
            talk.last, talk.pending = event.answer, []
            sys.stdout.write(to_markdown(event.answer) + "\n")
            sys.stdout.flush()
            if event.answer.pictures:
                told("Pictures: /picture lists them, /picture 1 shows the first.")


async def _read() -> str | None:
    import anyio.to_thread

    try:
        return await anyio.to_thread.run_sync(input, "> " if sys.stdin.isatty() else "")
    except EOFError:
        return None
