"""Loads backends when they are first used, keeps them, and unloads the least recently used."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from specialists import hub
from specialists.acceptance import competent
from specialists.base import (
    Backend,
    BackendSpec,
    Case,
    Progress,
    Reading,
    Request,
    Source,
    SpecialistSpec,
)
from specialists.batching import Batches
from specialists.errors import BackendUnavailable, InvalidInput, TimedOut, WardroundError
from specialists.machine import calm_torch, release, resident_gib, resolve_device, why_not

__all__ = ["Host"]

logger = logging.getLogger(__name__)

_Key = tuple[str, str]
_PATIENCE_S = 60.0
"""How long a model waits for others to end their work, where they hold the memory it needs."""


@dataclass
class _Kept:
    """A loaded backend."""

    spec: BackendSpec
    backend: Backend
    memory_gib: float
    batches: Batches[Case, Reading] | None
    users: int = 0


class Host:
    """Keeps loaded backends within a memory budget. Every method may be called in any thread.

    Nothing here may be called on an event loop: loading and reading take their time.

    Args:
        device: A torch device string, or 'auto' for a GPU where there is one.
        memory_gib: Budget over all loaded backends, each counted by its spec's `memory_gib`, or
            by what it was seen to take if that is more.
    """

    def __init__(self, device: str = "auto", memory_gib: float = 16.0) -> None:
        self._device = device
        self._memory_gib = memory_gib
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._loading: dict[_Key, Future[None]] = {}
        self._reserved: dict[_Key, float] = {}
        self._changed = threading.Condition()

    def read(
        self,
        spec: SpecialistSpec,
        inputs: Mapping[str, Sequence[Source]],
        request: Request,
        progress: Progress,
    ) -> Reading:
        """Let the backend that the request names read files; it is not unloaded meanwhile.

        Calls that wait for a backend with `read_many` are given to it together.

        Raises:
            WardroundError: What `use` and the backend raise.
        """
        spec = competent(spec, inputs, request.backend)
        with self._held(spec, request.backend) as kept:
            if kept.batches is not None:
                return kept.batches.ask(Case(inputs, request, progress))
            return kept.backend.read(inputs, request, progress)

    @contextmanager
    def use(self, spec: SpecialistSpec, name: str = "auto") -> Iterator[Backend]:
        """Lend a backend, loading it if need be; it is not unloaded while it is lent.

        Raises:
            InvalidInput: If the specialist has no backend of that name.
            BackendUnavailable: If none can run here (the message says what would change that),
                or if it fails to load or to pass its canary.
            TimedOut: If models in use hold the memory for too long.
        """
        with self._held(spec, name) as kept:
            yield kept.backend

    def choose(self, spec: SpecialistSpec, name: str = "auto") -> BackendSpec:
        """Pick the backend that would answer, without loading it. Raises as `use` does."""
        candidates = spec.backends
        if name != "auto":
            candidates = tuple(backend for backend in spec.backends if backend.name == name)
            if not candidates:
                known = ", ".join(backend.name for backend in spec.backends) or "none"
                raise InvalidInput(f"{spec.name} has no such backend. It has: {known}.")
        named = name != "auto"
        reasons = {b.name: self._why_not(b, named=named) for b in candidates}
        for backend in candidates:
            if reasons[backend.name] is None:
                return backend
        raise BackendUnavailable(_unavailable(spec, reasons))

    def loaded(self) -> dict[str, float]:
        """Say what is loaded, least recently used first, with the GiB that each counts for."""
        with self._changed:
            return {f"{tool}:{name}": kept.memory_gib for (tool, name), kept in self._kept.items()}

    def _why_not(self, backend: BackendSpec, *, named: bool) -> str | None:
        if backend.memory_gib > self._memory_gib:
            wanted, budget = f"{backend.memory_gib:g} GiB", f"{self._memory_gib:g} GiB"
            return f"needs {wanted}, and the budget is {budget} (WARDROUND_MEMORY_GIB)"
        return why_not(backend, named=named)

    @contextmanager
    def _held(self, spec: SpecialistSpec, name: str) -> Iterator[_Kept]:
        chosen = self.choose(spec, name)
        kept = self._lend((spec.name, chosen.name), chosen)
        try:
            yield kept
        finally:
            with self._changed:
                kept.users -= 1
                self._changed.notify_all()

    def _lend(self, key: _Key, chosen: BackendSpec) -> _Kept:
        """Give what is loaded, or load it; of several callers one loads and all learn how it went.

        The loop is for the backend that another call's need unloads before it can be lent.
        """
        while True:
            with self._changed:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    self._kept[key].users += 1
                    return self._kept[key]
                waits = self._loading.get(key)
                if waits is None:
                    mine = self._loading[key] = Future()
            if waits is not None:
                waits.result()
                continue
            try:
                kept = self._load(key, chosen)
            except BaseException as error:
                self._finish(key, mine, error)
                raise
            self._finish(key, mine, None)
            return kept

    def _finish(self, key: _Key, loading: Future[None], error: BaseException | None) -> None:
        with self._changed:
            del self._loading[key]
            self._reserved.pop(key, None)
            self._changed.notify_all()
        if error is None:
            loading.set_result(None)
        else:
            loading.set_exception(error)

    def _load(self, key: _Key, chosen: BackendSpec) -> _Kept:
        """Load a backend, already lent to the caller."""
        self._reserve(key, chosen.memory_gib)
        device = resolve_device(self._device) if "torch" in chosen.requires else "cpu"
        with _told_as_unavailable(chosen):
            factory = _imported(chosen, device)
            started, before = time.perf_counter(), resident_gib()
            backend = _built(chosen, factory, device)
            took = resident_gib() - before
            _try(backend)
        # What was seen tells nothing where another model was loading at the same time.
        held = max(chosen.memory_gib, took if len(self._loading) == 1 else 0.0)
        many = getattr(backend, "read_many", None)
        batches = Batches(many) if many is not None else None
        kept = _Kept(chosen, backend, held, batches, users=1)
        with self._changed:
            self._reserved.pop(key)
            self._kept[key] = kept
            self._unload_idle(0.0)
        seconds = time.perf_counter() - started
        logger.info("loaded %s:%s in %.2f s, %.2f GiB seen", *key, seconds, took)
        return kept

    def _reserve(self, key: _Key, wanted_gib: float) -> None:
        """Take room in the budget, unloading what is idle, and waiting for what is in use."""
        until = time.monotonic() + _PATIENCE_S
        with self._changed:
            while not self._unload_idle(wanted_gib):
                if not self._changed.wait(until - time.monotonic()):
                    raise TimedOut("Other models in use hold the memory that this one needs.")
            self._reserved[key] = wanted_gib

    def _unload_idle(self, wanted_gib: float) -> bool:
        """Make room, least recently used first; says whether there is enough."""
        idle = [key for key, kept in self._kept.items() if not kept.users]
        while (self._used() + wanted_gib > self._memory_gib) and idle:
            key = idle.pop(0)
            del self._kept[key]
            release()
            logger.info("unloaded %s:%s", *key)
        return self._used() + wanted_gib <= self._memory_gib

    def _used(self) -> float:
        return sum(kept.memory_gib for kept in self._kept.values()) + sum(self._reserved.values())


@contextmanager
def _told_as_unavailable(chosen: BackendSpec) -> Iterator[None]:
    """Whatever goes wrong in another maker's constructor is one error of the tree."""
    try:
        yield
    except WardroundError:
        raise
    except Exception as error:
        logger.exception("backend %s did not load", chosen.name)
        raise BackendUnavailable(
            f"The backend {chosen.name} is installed but could not be loaded "
            f"({type(error).__name__}). The server's log has more."
        ) from error


def _imported(chosen: BackendSpec, device: str) -> Callable[..., Backend]:
    if "torch" in chosen.requires and device == "cpu":
        calm_torch()
    module, name = chosen.target.split(":")
    factory: Callable[..., Backend] = getattr(import_module(module), name)
    return factory


def _built(chosen: BackendSpec, factory: Callable[..., Backend], device: str) -> Backend:
    if chosen.hub is None:
        return factory(device=device)
    return factory(device=device, weights=hub.weights(chosen.hub))


def _try(backend: Backend) -> None:
    canary = getattr(backend, "canary", None)
    if canary is not None:
        canary()


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
