"""Several processes that serve HTTP on one port and share a state folder."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from uuid import uuid4

__all__ = ["run_workers", "shared_key"]

_LOOK_S = 0.2
_END_S = 20.0
_BACKLOG = 2048


def run_workers(
    count: int, host: str, port: int, arguments: Sequence[str], environment: Mapping[str, str]
) -> int:
    """Start processes that accept on one socket; where one ends, all do.

    Args:
        count: How many.
        host: Address to listen on.
        port: Port to listen on.
        arguments: More arguments of `wardround serve --http` for each.
        environment: More of the environment for each, such as the token of this run.

    Returns:
        The exit code: 0 where it was stopped by a signal.
    """
    with _listening(host, port) as listening:
        command = [
            sys.executable, "-m", "agent", "serve", "--http", "--host", host, "--port", str(port),
            "--fd", str(listening.fileno()), *arguments,
        ]  # fmt: skip
        workers = [
            subprocess.Popen(
                command, env={**os.environ, **environment}, pass_fds=[listening.fileno()]
            )
            for _ in range(count)
        ]
        return _waited(workers)


def shared_key(file: Path) -> bytes:
    """A random key that all processes over a state folder have; made by the first."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f"{file.name}.{uuid4().hex}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(secrets.token_bytes(32))
    with suppress(FileExistsError):
        os.link(fresh, file)  # fails where another process was first
    fresh.unlink()
    return file.read_bytes()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(_BACKLOG)
    return listening


def _waited(workers: Sequence[subprocess.Popen[bytes]]) -> int:
    stopped = False

    def stop(_: int, __: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    before = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        while not stopped and all(one.poll() is None for one in workers):
            time.sleep(_LOOK_S)
        return 0 if stopped else next(c for one in workers if (c := one.poll()) is not None)
    finally:
        _end(workers)
        for one, handler in before.items():
            signal.signal(one, handler)


def _end(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    for one in workers:
        one.terminate()
    for one in workers:
        with suppress(subprocess.TimeoutExpired):
            one.wait(_END_S)
        one.kill()
        one.wait()
