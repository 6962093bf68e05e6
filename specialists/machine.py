"""What the machine has: its device, its memory, and what is missing for a backend."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from specialists import hub
from specialists.base import BackendSpec, Request

__all__ = ["calm_torch", "release", "resident_gib", "resolve_device", "why_not"]


@cache
def calm_torch() -> None:
    """Let one thread run a network on the processor; calls run side by side as they are.

    A small network gains little from a second thread, and loses a hundredfold where the other
    core is busy and every layer waits for it.
    """
    import torch

    torch.set_num_threads(1)


def resident_gib(device: str = "cpu") -> float:
    """Memory that this process holds on a device; 0 where it can't be told."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.memory_allocated(device) / 2**30
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:  # not Linux
        pages = 0
    return pages * 4096 / 2**30


def release() -> None:
    """Give memory of an unloaded model back to the GPU's other users."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def why_not(
    backend: BackendSpec, tool: str = "", request: Request | None = None, *, named: bool = False
) -> str | None:
    """Say why a backend can't run here, or not what a request asks, or None if it can.

    Args:
        backend: Which.
        tool: Whose it is.
        request: What is asked, where that is known yet.
        named: Whether the caller insists on it: a missing GPU then costs time and no more.
    """
    if backend.hub is not None and isinstance(hub.weights(backend.hub), hub.Endpoint):
        return None
    missing = [module for module in backend.requires if find_spec(module) is None]
    if missing:
        return f"needs {', '.join(missing)} ({backend.install or 'pip install ' + missing[0]})"
    # Before the GPU: to look for one takes the import of torch.
    lacking = hub.missing(backend.hub) if backend.hub is not None else None
    if lacking is not None:
        return f"{lacking}, and a GPU" if backend.needs_gpu and not named else lacking
    if backend.needs_gpu and not named and resolve_device("auto") == "cpu":
        return "needs a GPU (named as backend, it runs slowly without one)"
    if not backend.ready:
        return None
    module, name = backend.ready.split(":")
    reason: str | None = getattr(import_module(module), name)(tool, request)
    return reason


@cache
def resolve_device(wanted: str) -> str:
    """Turn 'auto' into the device there is; anything else is taken as said."""
    if wanted != "auto":
        return wanted
    if find_spec("torch") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
