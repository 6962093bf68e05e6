"""Readers run in processes of their own, with limits on memory, processor time and the clock.

A file is not trusted: a decoder may loop, crash or take all memory. That ends a reader process,
which is replaced, and gives an error; the process that asked goes on.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from specialists.errors import ReadLimitExceeded, TimedOut, WorkerLost
from specialists.readers import transport
from specialists.readers.limits import Limits

__all__ = ["Limits", "configure", "run", "shut_down"]

logger = logging.getLogger(__name__)

_START_S = 60.0
_ROOT = Path(__file__).resolve().parents[2]
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")


def run(function: str, *args: object, **kwargs: object) -> Any:
    """Run a reader function in a reader process.

    Args:
        function: "package.module:function". The program's own names, never a caller's.
        *args: Plain values, paths, tuples, arrays or `@transported` dataclasses.
        **kwargs: The same.

    Returns:
        What the function returns; its dataclasses are registered with `@transported`.

    Raises:
        ReadLimitExceeded: If it took more memory or processor time than a reader may.
        TimedOut: If it took longer than a reader may.
        WorkerLost: If its process ended in another way.
        UnreadableFile: If it failed in a way that no other error names.
        WardroundError: What the function itself raised.
    """
    return _current_pool().run({"function": function, "args": args, "kwargs": kwargs})


def configure(limits: Limits) -> None:
    """Set the limits of reader processes; running jobs end under the old ones."""
    global _pool
    with _pool_lock:
        old, _pool = _pool, _Pool(limits)
    old.close()


def shut_down() -> None:
    """End the reader processes; the next job starts new ones."""
    configure(_pool.limits)


class _Process:
    """One reader process and the socket to it. Used by one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._ready = False
        ours, theirs = socket.socketpair()
        self._socket = ours
        with theirs:
            self._process = subprocess.Popen(
                _command(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                env=_environment(os.environ),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt at the terminal is for the parent alone
            )
        transport.send(ours, asdict(limits))

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def call(self, job: Mapping[str, object]) -> Any:
        """Run a job; ends the process in every case but a proper answer."""
        try:
            self._await_start()
            transport.send(self._socket, dict(job))
            reply = self._receive(self.limits.wall_s)
        except TimeoutError as error:
            self.end()
            raise TimedOut("Reading the file took longer than a reader may take.") from error
        except (EOFError, OSError):
            raise self._why_it_ended() from None
        except (transport.MessageTooLarge, MemoryError):
            self.end()
            raise ReadLimitExceeded("What the file unpacks to is more than may be held.") from None
        except BaseException:
            self.end()
            raise
        if reply["retire"]:
            self.end()
        return reply

    def end(self) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def _await_start(self) -> None:
        if not self._ready:
            try:
                self._receive(_START_S)
            except TimeoutError as error:
                raise EOFError from error
            self._ready = True

    def _receive(self, seconds: float) -> Any:
        self._socket.settimeout(seconds)
        message = transport.receive(self._socket, self.limits.memory_gib * 2**30)
        self._socket.settimeout(None)
        return message

    def _why_it_ended(self) -> Exception:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        status = self._process.returncode
        self.end()
        logger.warning("A reader process ended with status %s", status)
        if status == -signal.SIGXCPU:
            return ReadLimitExceeded("Reading the file takes more processor time than it may.")
        return WorkerLost("The process that was reading the file ended.")


class _Pool:
    """Reader processes, started together at the first job and kept warm."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._idle: list[_Process] = []
        self._free = threading.Semaphore(limits.workers)
        self._lock = threading.Lock()
        self._closed = False
        self._started = False

    def run(self, job: Mapping[str, object]) -> Any:
        with self._free:
            process = self._take()
            try:
                reply = process.call(job)
            finally:
                self._put_back(process)
        if reply["cause"] is not None:
            logger.info("A reader failed with %s", reply["cause"])
        if reply["error"] is not None:
            raise reply["error"]
        return reply["result"]

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()

    def _take(self) -> _Process:
        with self._lock:
            if not self._started:
                self._started = True
                self._idle = [_Process(self.limits) for _ in range(self.limits.workers)]
            while self._idle:
                process = self._idle.pop()
                if process.alive:
                    return process
                process.end()
        return _Process(self.limits)

    def _put_back(self, process: _Process) -> None:
        with self._lock:
            if not self._closed and process.alive:
                self._idle.append(process)
                return
        process.end()


def _command(descriptor: int) -> list[str]:
    # -P: a file in the working directory must not pass for a module.
    return [sys.executable, "-P", "-m", "specialists.readers.worker_process", str(descriptor)]


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What a reader needs and nothing else: no keys, tokens or addresses of this process."""
    path = [str(_ROOT), *filter(None, ours.get("PYTHONPATH", "").split(os.pathsep))]
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **{name: ours[name] for name in _KEPT_VARIABLES if name in ours},
        # A thread of a numeric library reserves address space, which RLIMIT_AS counts.
        **dict.fromkeys(threads, "1"),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONIOENCODING": "utf-8",
        "LC_ALL": "C.UTF-8",
        "PATH": os.defpath,
    }


_pool_lock = threading.Lock()
_pool = _Pool(Limits())


def _current_pool() -> _Pool:
    with _pool_lock:
        return _pool


@atexit.register
def _close_at_exit() -> None:
    _pool.close()


def _forget_in_fork() -> None:
    """A forked process has no claim on its parent's readers: it starts its own."""
    global _pool
    old, _pool = _pool, _Pool(_pool.limits)
    _inherited.append(old)


# Kept so that it is never collected, which would warn about processes still running.
_inherited: list[_Pool] = []
os.register_at_fork(after_in_child=_forget_in_fork)
