"""Conversations that are kept: SQLite checkpoints, read back as plain values only."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

__all__ = ["open_checkpoints"]


async def open_checkpoints(path: Path, stack: AsyncExitStack) -> Any:
    """Open the file of the threads; it is closed with `stack`.

    By default a crafted checkpoint can run code when it is read. The serializer given here
    brings back no class at all, as the state holds none.
    """
    import aiosqlite
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    _make_private(path)
    connection = await stack.enter_async_context(aiosqlite.connect(path))
    strict = JsonPlusSerializer(allowed_msgpack_modules=None)
    saver = AsyncSqliteSaver(connection, serde=strict)
    saver.jsonplus_serde = strict
    return saver


def _make_private(path: Path) -> None:
    """Readable by its owner alone: it holds questions, and where files are."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
