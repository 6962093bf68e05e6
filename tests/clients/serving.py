"""A server without callers, in a process of its own, while a test runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.clients.walk import ROOT
from tests.servers import free_port


@contextmanager
def open_server(folder: Path) -> Iterator[str]:
    """Start it; gives the address of its MCP endpoint."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.clients.open_server", str(port), str(folder)],
        stderr=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            httpx.get(url, timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the server did not start")
