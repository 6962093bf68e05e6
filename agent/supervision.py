"""Starts servers one after another, waits until each is healthy, and ends them together."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from agent.up import Server
from specialists.errors import ServerUnreachable, TimedOut

__all__ = ["supervise"]

_POLL_S = 0.2
_PATIENCE_S = 15.0
"""How long a server may take to end by itself."""


class _Stopped(Exception):
    """A signal asks for the end."""


def supervise(
    servers: Sequence[Server],
    logs: Path,
    ready: Callable[[], None],
    say: Callable[[str], None],
    wait_s: float = 900.0,
) -> None:
    """Run servers until a signal comes or one of them ends.

    They start one after another: two that measure a card's free memory at the same time would
    each count the other's as their own.

    Args:
        servers: In the order of their start.
        logs: Folder of their logs.
        ready: Called once all are healthy.
        say: Told what happens, a line each.
        wait_s: What one may take to start.

    Raises:
        ServerUnreachable: If one ends by itself; its last lines have been told.
        TimedOut: If one is not healthy in time.
    """
    logs.mkdir(parents=True, exist_ok=True)
    running: list[tuple[Server, subprocess.Popen[bytes]]] = []
    with _signals():
        try:
            for server in servers:
                say(f"starting {server.name}: {server.line}")
                running.append((server, _started(server, logs)))
                _await(server, running, logs, say, wait_s)
                say(f"{server.name} is ready at {server.url}/v1")
            ready()
            while True:
                _require_all(running, logs, say)
                time.sleep(_POLL_S)
        except _Stopped:
            say("stopping")
        finally:
            _end([process for _, process in running])


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT and SIGTERM end the wait, and nothing else."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Stopped

    kept = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in kept.items():
            signal.signal(one, handler)


def _started(server: Server, logs: Path) -> subprocess.Popen[bytes]:
    """In a process group of its own: a server's workers end with it."""
    with (logs / f"{server.name}.log").open("wb") as log:
        return subprocess.Popen(
            server.words,
            env={**os.environ, **server.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _await(
    server: Server,
    running: Sequence[tuple[Server, subprocess.Popen[bytes]]],
    logs: Path,
    say: Callable[[str], None],
    wait_s: float,
) -> None:
    until = time.monotonic() + wait_s
    while not _healthy(server):
        _require_all(running, logs, say)
        if time.monotonic() > until:
            _tell_log(server, logs, say)
            raise TimedOut(f"{server.name} was not ready after {wait_s:.0f} s.")
        time.sleep(_POLL_S)


def _healthy(server: Server) -> bool:
    """Whether it answers, and serves the model."""
    import httpx2

    key = server.environment.get("VLLM_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx2.Client(timeout=2.0, trust_env=False, headers=headers) as client:
            if client.get(f"{server.url}/health").status_code != 200:
                return False
            told = client.get(f"{server.url}/v1/models").json()
            return any(one.get("id") == server.model for one in told.get("data", ()))
    except (httpx2.HTTPError, ValueError):
        return False


def _require_all(
    running: Sequence[tuple[Server, subprocess.Popen[bytes]]],
    logs: Path,
    say: Callable[[str], None],
) -> None:
    for server, process in running:
        if process.poll() is not None:
            _tell_log(server, logs, say)
            raise ServerUnreachable(
                f"{server.name} ended with code {process.returncode}, and the others with it. "
                f"Its log is {server.name}.log in the state folder's `up`."
            )


def _tell_log(server: Server, logs: Path, say: Callable[[str], None]) -> None:
    log = logs / f"{server.name}.log"
    for line in log.read_text("utf-8", errors="replace").splitlines()[-15:]:
        say(f"  {server.name}: {line}")


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask all to end, and make those that don't."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    until = time.monotonic() + _PATIENCE_S
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return
