"""Servers of models that tests start, each in a process of its own, and end again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import httpx
import pytest

ROOT = Path(__file__).parents[1]
_START_S = 600.0
"""Half a minute where nothing else computes."""


@contextmanager
def standin(checkpoint: Path) -> Iterator[str]:
    """The stand-in of `tests.standin`; gives its base URL."""
    command = [sys.executable, "-m", "tests.standin", str(checkpoint)]
    with _process(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"


@contextmanager
def vllm(checkpoint: Path, name: str, longest: int, log: Path) -> Iterator[str]:
    """A real vLLM on the processor; gives its base URL."""
    module = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(checkpoint)]
    flags = [
        "--served-model-name", name, "--dtype", "float32", "--max-model-len", str(longest),
        "--max-num-seqs", "4", "--enforce-eager", "--host", "127.0.0.1",
        "--structured-outputs-config.backend", "guidance",
    ]  # fmt: skip
    with _served([*module, *flags], log, "/v1/models") as url:
        yield url


@contextmanager
def transformers_serve(checkpoint: Path, log: Path) -> Iterator[str]:
    """`transformers serve`; gives its base URL."""
    main = "from transformers.cli.transformers import main; main()"
    command = ["-c", main, "serve", str(checkpoint), "--device", "cpu"]
    with _served(command, log, "/health") as url:
        yield url


def served_python() -> str:
    """The Python of the environment that has vLLM; skips the test where there is none."""
    python = os.environ.get("SERVED_PYTHON", "")
    if not Path(python).is_file():
        pytest.skip("no environment with vLLM: `make check-vllm` makes one and runs this")
    return python


@contextmanager
def _served(arguments: Sequence[str], log: Path, health: str) -> Iterator[str]:
    port = free_port()
    command = [served_python(), *arguments, "--port", str(port)]
    with log.open("w") as told, _process(command, stdout=told, cwd=log.parent) as process:
        _wait(f"http://127.0.0.1:{port}{health}", process, log)
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def _process(
    command: Sequence[str], stdout: IO[str] | int, cwd: Path = ROOT
) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WARDROUND_")},
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
    }
    process = subprocess.Popen(
        command, stdout=stdout, stderr=subprocess.STDOUT if stdout != subprocess.PIPE else None,
        text=True, env=environment, cwd=cwd, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):  # a server's own workers outlive it where it hangs
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _wait(url: str, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended: {log.read_text()[-2000:]}"
        try:
            if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"the server did not start in {_START_S:.0f} s")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
