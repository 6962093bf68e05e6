"""Loads backends when they are first used, keeps them, and unloads the least recently used."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from specialists.base import Backend, BackendSpec, SpecialistSpec
from specialists.errors import BackendUnavailable, InvalidInput

__all__ = ["Host", "resolve_device", "why_not"]

logger = logging.getLogger(__name__)

_Key = tuple[str, str]


class Host:
    """Keeps loaded backends within a memory budget.

    Args:
        device: A torch device string, or 'auto' for a GPU where there is one.
        memory_gib: Budget over all loaded backends, by their specs' `memory_gib`.
    """

    def __init__(self, device: str = "auto", memory_gib: float = 16.0) -> None:
        self._device = device
        self._memory_gib = memory_gib
        self._loaded: OrderedDict[_Key, tuple[BackendSpec, Backend]] = OrderedDict()
        self._lock = threading.Lock()
        self._loading: dict[_Key, threading.Lock] = {}

    def backend(self, spec: SpecialistSpec, name: str = "auto") -> tuple[str, Backend]:
        """Give a backend, loading it if need be. Safe to call from several threads.

        Returns:
            The backend's name and the backend.

        Raises:
            InvalidInput: If the specialist has no backend of that name.
            BackendUnavailable: If none can run here; the message says what would change that.
        """
        chosen = self.choose(spec, name)
        key = (spec.name, chosen.name)
        with self._lock:
            gate = self._loading.setdefault(key, threading.Lock())
        with gate:
            return chosen.name, self._kept(key) or self._load(key, chosen)

    def choose(self, spec: SpecialistSpec, name: str = "auto") -> BackendSpec:
        """Pick the backend that would answer, without loading it. Raises as `backend` does."""
        candidates = spec.backends
        if name != "auto":
            candidates = tuple(backend for backend in spec.backends if backend.name == name)
            if not candidates:
                known = ", ".join(backend.name for backend in spec.backends) or "none"
                raise InvalidInput(f"{spec.name} has no such backend. It has: {known}.")
        reasons = {backend.name: why_not(backend) for backend in candidates}
        for backend in candidates:
            if reasons[backend.name] is None:
                return backend
        raise BackendUnavailable(_unavailable(spec, reasons))

    def _kept(self, key: _Key) -> Backend | None:
        with self._lock:
            if key not in self._loaded:
                return None
            self._loaded.move_to_end(key)
            return self._loaded[key][1]

    def _load(self, key: _Key, chosen: BackendSpec) -> Backend:
        started = time.perf_counter()
        module, name = chosen.target.split(":")
        device = resolve_device(self._device) if "torch" in chosen.requires else "cpu"
        backend: Backend = getattr(import_module(module), name)(device=device)
        with self._lock:
            self._make_room(chosen.memory_gib)
            self._loaded[key] = (chosen, backend)
        logger.info("loaded %s:%s in %.2f s", *key, time.perf_counter() - started)
        return backend

    def _make_room(self, wanted_gib: float) -> None:
        used = sum(spec.memory_gib for spec, _ in self._loaded.values())
        while self._loaded and used + wanted_gib > self._memory_gib:
            key, (spec, _) = self._loaded.popitem(last=False)
            used -= spec.memory_gib
            logger.info("unloaded %s:%s", *key)


def why_not(backend: BackendSpec) -> str | None:
    """Say why a backend can't run here, or None if it can."""
    missing = [module for module in backend.requires if find_spec(module) is None]
    if missing:
        return f"needs {', '.join(missing)} ({backend.install or 'pip install ' + missing[0]})"
    if backend.needs_gpu and resolve_device("auto") == "cpu":
        return "needs a GPU"
    return None


@cache
def resolve_device(wanted: str) -> str:
    """Turn 'auto' into the device there is; anything else is taken as said."""
    if wanted != "auto":
        return wanted
    if find_spec("torch") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _unavailable(spec: SpecialistSpec, reasons: dict[str, str | None]) -> str:
    if not reasons:
        return (
            f"{spec.name} is registered, but no model for it is installed. It becomes available "
            "with a package that offers a backend under the entry point 'wardround.backends' "
            f"(named {spec.name}), or with an MCP server in the configuration's mcpServers that "
            "has a tool of that name."
        )
    listed = "; ".join(f"{name} {reason}" for name, reason in reasons.items())
    return f"No backend of {spec.name} can run here: {listed}."
