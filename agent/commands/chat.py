"""`wardround chat`."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import click

__all__ = ["command"]

_HELP = """Write a question. Name files with /attach PATH …; they stay for the conversation.
/attach PATH …   add files        /files   list them        /tools   list the tools
/why E1          show evidence    /help    this             /quit    end"""


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--thread", help="Continue the conversation of this name.")
def command(files: tuple[Path, ...], thread: str | None) -> None:
    """Ask questions in a conversation about FILES."""
    from agent.commands import run

    run(_converse(list(files), thread or f"chat-{uuid4().hex[:8]}"))


async def _converse(files: list[Path], thread: str) -> None:
    from agent.agent import Agent
    from agent.answer import Answer
    from agent.commands import told
    from agent.export.markdown import to_markdown
    from specialists.errors import WardroundError

    told(f"Conversation {thread}. /help for help.")
    pending, last = files, None
    async with Agent() as agent:
        while (line := await _read()) is not None:
            word, *rest = line.split() or [""]
            if word == "/quit":
                return
            if word == "/attach":
                pending += _paths(rest)
                told(f"{len(pending)} file(s) will go with the next question.")
            elif word.startswith("/"):
                told(_about(word, rest, agent, last))
            elif line.strip():
                try:
                    last = await agent.ask_async(line, pending, thread)
                except WardroundError as error:
                    told(f"{error.code}: {error.client_message}")
                    continue
                pending = []
                sys.stdout.write(to_markdown(Answer.model_validate(last)) + "\n")
                sys.stdout.flush()


def _paths(names: list[str]) -> list[Path]:
    return [Path(name).expanduser() for name in names]


async def _read() -> str | None:
    import anyio.to_thread

    try:
        return await anyio.to_thread.run_sync(input, "> " if sys.stdin.isatty() else "")
    except EOFError:
        return None


def _about(word: str, rest: list[str], agent: object, last: object) -> str:
    from agent.agent import Agent
    from agent.answer import Answer

    if word == "/tools" and isinstance(agent, Agent):
        return "\n".join(f"{i.name}: {i.title}" for i in agent.toolbox.catalogue.values())
    if word == "/files" and isinstance(last, Answer):
        return "\n".join(
            f"{one.id}: {one.manifest.kind if one.manifest else 'unreadable'}"
            for one in last.attachments
        )
    if word == "/why" and isinstance(last, Answer):
        return "\n".join(
            f"{one.id} ({one.tool}, {one.attachment}): {one.text}"
            for one in last.evidence
            if not rest or one.id in rest
        )
    return _HELP
