"""One at a time, over all processes of a machine: a lock that a file carries."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

__all__ = ["alone", "in_turn"]

_AGAIN_S = 0.05


@contextmanager
def alone(file: Path) -> Iterator[bool]:
    """Hold the file's lock; gives False where another holds it. It ends with the process."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


@asynccontextmanager
async def in_turn(file: Path) -> AsyncIterator[None]:
    """Wait for the file's lock, and hold it."""
    while True:
        with alone(file) as mine:
            if mine:
                yield
                return
        await asyncio.sleep(_AGAIN_S)
