"""The process that reads files: takes jobs from a socket until the socket closes.

Started by `specialists.readers.worker` as `python -P -m specialists.readers.worker_process FD`.
"""

from __future__ import annotations

import importlib
import math
import os
import resource
import socket
import sys
import warnings
from collections.abc import Callable
from functools import reduce
from typing import Any

from specialists.readers import limits, transport
from specialists.readers.failures import as_error

__all__ = ["main"]


def main(descriptor: int) -> None:
    """Serve jobs until the other side closes the socket."""
    with socket.socket(fileno=descriptor) as connection:
        settings = transport.receive(connection)
        limits.use(limits.Limits(**settings))
        _quiet()
        _warm_up()
        _limit(resource.RLIMIT_AS, int(limits.active().memory_gib * 2**30))
        _limit(resource.RLIMIT_CORE, 0)
        transport.send(connection, {"ready": os.getpid()})
        _serve(connection)


def _serve(connection: socket.socket) -> None:
    going = True
    while going:
        try:
            job = transport.receive(connection)
        except (EOFError, OSError):
            return
        reply = _answer(job)
        try:
            _send(connection, reply)
        except OSError:
            return
        going = not reply["retire"]


def _send(connection: socket.socket, reply: dict[str, Any]) -> None:
    """Send a reply; nothing has been sent yet where it turns out that it can't be."""
    try:
        transport.send(connection, reply)
    except (MemoryError, TypeError, ValueError, RecursionError) as cause:
        reply.update(_failure(cause))
        transport.send(connection, reply)


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job; whatever goes wrong in it becomes an error of the tree."""
    _allow_processor_time(limits.active().cpu_s)
    try:
        result = _function(job["function"])(*job["args"], **job["kwargs"])
    except Exception as cause:  # noqa: BLE001 - the process's edge; its class is logged there
        return _failure(cause)
    return {"result": result, "error": None, "cause": None, "retire": False}


def _failure(cause: Exception) -> dict[str, Any]:
    error = as_error(cause)
    name = None if error is cause else type(cause).__qualname__
    retire = isinstance(cause, MemoryError)
    return {"result": None, "error": error, "cause": name, "retire": retire}


def _function(name: str) -> Callable[..., object]:
    module, _, path = name.partition(":")
    found: Any = reduce(getattr, path.split("."), importlib.import_module(module))
    return found  # type: ignore[no-any-return]


def _allow_processor_time(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds)
    _limit(resource.RLIMIT_CPU, soft)


def _limit(which: int, soft: int) -> None:
    """Lower a soft limit, as far as the hard limit lets it be set at all."""
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(which, (soft, hard))


def _quiet() -> None:
    """Keep what libraries say about a file's content out of every log."""
    import logging

    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)


def _warm_up() -> None:
    """Import what nearly every job needs, so that the first file is not the slow one."""
    for name in ("pydicom", "specialists.schema", "specialists.readers.series"):
        importlib.import_module(name)


if __name__ == "__main__":
    main(int(sys.argv[1]))
