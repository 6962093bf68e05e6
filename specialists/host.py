"""Loads backends when they are first used, keeps them, and unloads the least recently used."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

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
from specialists.batching import BATCH, Batches
from specialists.errors import BackendUnavailable, InvalidInput, TimedOut
from specialists.loading import built, imported, is_served, told_as_unavailable, unavailable
from specialists.machine import release, resident_gib, why_not
from specialists.memory import Fitting, Peaks, once_more
from specialists.placement import Placement, budget_gib
from specialists.recalibration.record import place_of

__all__ = ["Host"]

logger = logging.getLogger(__name__)

_Key = tuple[str, str]
_SMALL_GIB = 1.0
"""A model up to this fits any device, so that no GPU is looked for, which takes the import of
torch; where it does not fit, loading says so."""
_PATIENCE_S = 60.0
"""How long a model waits for others to end their work, where they hold the memory it needs."""


@dataclass
class _Kept:
    """A loaded backend."""

    spec: BackendSpec
    backend: Backend
    device: str
    held_gib: float
    """Seen when it was loaded, without what it takes while it works."""
    served: bool = False
    """By an endpoint, so that nothing counts here."""
    batches: Batches[Case, Reading] | None = None
    peak_gib: float = 0.0
    users: int = 0

    @property
    def memory_gib(self) -> float:
        """What counts: the spec's figure, or what was seen if that is more."""
        if self.served:
            return 0.0
        return max(self.spec.memory_gib, self.held_gib + self.peak_gib)


class Host:
    """Keeps loaded backends within a memory budget. Every method may be called in any thread.

    Nothing here may be called on an event loop: loading and reading take their time. What does
    not fit a device is done in halves, and after idle models made room.

    Args:
        device: A torch device string, 'auto' for a GPU where there is one, or devices by tool
            (see `Placement`).
        memory_gib: Budget over the backends loaded on each device, each counted by its spec's
            `memory_gib`, or by what it was seen to hold and take if that is more. None: 16 GiB
            on a processor, and on a GPU what was free when it was first used.
        calibrated: Whether results are told as calibrations on the user's own cases say.
    """

    def __init__(
        self, device: str = "auto", memory_gib: float | None = None, calibrated: bool = True
    ) -> None:
        self._placement, self._calibrated = Placement.parse(device), calibrated
        self._memory_gib = memory_gib
        self._budgets: dict[str, float] = {}
        self._peaks = Peaks()
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._loading: dict[_Key, Future[None]] = {}
        self._reserved: dict[_Key, tuple[str, float]] = {}
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
        with self._held(spec, request.backend, request) as kept:
            if kept.batches is not None:
                reading = kept.batches.ask(Case(inputs, request, progress))
            else:
                with self._peak_of(kept):
                    reading = once_more(
                        lambda: kept.backend.read(inputs, request, progress),
                        lambda: self._make_room(kept.device),
                    )
        if not self._calibrated or not place_of(spec.name, kept.spec.name).is_file():
            return reading
        from specialists.recalibration.apply import calibrated

        return calibrated(spec, kept.spec, inputs, reading)

    @contextmanager
    def use(self, spec: SpecialistSpec, name: str = "auto") -> Iterator[Backend]:
        """Lend a backend, loading it if need be; it is not unloaded while it is lent.

        Raises:
            InvalidInput: If the specialist has no backend of that name.
            BackendUnavailable: If none can run here (the message says what would change that),
                or if it fails to load or to pass its canary.
            OutOfMemory: If the device is too small for it, also after idle models made room.
            TimedOut: If models in use hold the memory for too long.
        """
        with self._held(spec, name) as kept:
            yield kept.backend

    def choose(
        self, spec: SpecialistSpec, name: str = "auto", request: Request | None = None
    ) -> BackendSpec:
        """Pick the backend that would answer, without loading it. Raises as `use` does.

        What only scores until it is calibrated comes last while it is not: a smaller model with
        known errors says more than a larger one whose numbers mean nothing yet.
        """
        candidates = tuple(sorted(spec.backends, key=partial(_only_scores, spec.name)))
        if name != "auto":
            candidates = tuple(backend for backend in spec.backends if backend.name == name)
            if not candidates:
                known = ", ".join(backend.name for backend in spec.backends) or "none"
                raise InvalidInput(f"{spec.name} has no such backend. It has: {known}.")
        named = name != "auto"
        reasons = {b.name: self._why_not(spec.name, b, request, named=named) for b in candidates}
        for backend in candidates:
            if reasons[backend.name] is None:
                return backend
        raise BackendUnavailable(unavailable(spec, reasons))

    def loaded(self) -> dict[str, float]:
        """Say what is loaded, least recently used first, with the GiB that each counts for."""
        with self._changed:
            return {f"{tool}:{name}": kept.memory_gib for (tool, name), kept in self._kept.items()}

    def _why_not(
        self, tool: str, backend: BackendSpec, request: Request | None, *, named: bool
    ) -> str | None:
        reason = why_not(backend, tool, request, named=named)
        if reason is not None or is_served(backend):
            return reason
        budget = self._memory_gib
        if budget is None and backend.memory_gib > _SMALL_GIB:
            budget = self._budget(self._device_of(tool, backend))
        if budget is None or backend.memory_gib <= budget:
            return None
        told = f"{backend.memory_gib:g} GiB, and the budget is {budget:.3g} GiB"
        return f"needs {told} (WARDROUND_MEMORY_GIB)"

    def _device_of(self, tool: str, backend: BackendSpec) -> str:
        return self._placement.of(tool, backend.name) if "torch" in backend.requires else "cpu"

    def _budget(self, device: str) -> float:
        if device not in self._budgets:
            self._budgets[device] = budget_gib(device, self._memory_gib)
        return self._budgets[device]

    @contextmanager
    def _peak_of(self, kept: _Kept) -> Iterator[None]:
        """Count what a model takes while it works, if it is more than was seen."""

        def told(peak_gib: float) -> None:
            with self._changed:
                kept.peak_gib = max(kept.peak_gib, peak_gib)
                self._unload_idle(kept.device, 0.0)

        with self._peaks.measured(kept.device, told):
            yield

    def _make_room(self, device: str) -> None:
        """Unload everything that is idle on a device."""
        logger.warning("out of memory on %s", device)
        with self._changed:
            self._unload_idle(device, float("inf"))

    @contextmanager
    def _held(
        self, spec: SpecialistSpec, name: str, request: Request | None = None
    ) -> Iterator[_Kept]:
        chosen = self.choose(spec, name, request)
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
        device, served = self._device_of(key[0], chosen), is_served(chosen)
        self._reserve(key, device, self._wanted_gib(key, chosen, device))
        with told_as_unavailable(chosen):
            factory = imported(chosen, device)
            started, before = time.perf_counter(), resident_gib(device)
            make_room = partial(self._make_room, device)
            backend = once_more(partial(built, chosen, factory, device), make_room)
            took = resident_gib(device) - before
        # What was seen tells nothing where another model was loading at the same time.
        seen = took if len(self._loading) == 1 else 0.0
        kept = _Kept(chosen, backend, device, seen, served, users=1)
        kept.batches = self._batches(kept)
        with self._changed:
            self._reserved.pop(key)
            self._kept[key] = kept
            self._unload_idle(device, 0.0)
        seconds = time.perf_counter() - started
        logger.info("loaded %s:%s on %s in %.2f s, %.2f GiB seen", *key, device, seconds, took)
        return kept

    def _batches(self, kept: _Kept) -> Batches[Case, Reading] | None:
        many = getattr(kept.backend, "read_many", None)
        if many is None:
            return None

        fitting = Fitting(many, BATCH, lambda: self._make_room(kept.device))

        def read(cases: Sequence[Case]) -> Sequence[Reading]:
            with self._peak_of(kept):
                return fitting.run(cases)

        return Batches(read)

    def _reserve(self, key: _Key, device: str, wanted_gib: float) -> None:
        """Take room in the budget, unloading what is idle, and waiting for what is in use."""
        until = time.monotonic() + _PATIENCE_S
        with self._changed:
            while not self._unload_idle(device, wanted_gib):
                if not self._changed.wait(until - time.monotonic()):
                    raise TimedOut("Other models in use hold the memory that this one needs.")
            self._reserved[key] = device, wanted_gib

    def _unload_idle(self, device: str, wanted_gib: float) -> bool:
        """Make room, least recently used first; says whether there is enough."""
        budget = self._budget(device)
        idle = [key for key, kept in self._kept.items() if not kept.users and kept.device == device]
        while (self._used(device) + wanted_gib > budget) and idle:
            key = idle.pop(0)
            del self._kept[key]
            release()
            logger.info("unloaded %s:%s", *key)
        return self._used(device) + wanted_gib <= budget

    def _used(self, device: str) -> float:
        held: dict[object, float] = {}
        for key, one in self._kept.items():
            if one.device == device:
                whose = _weights_of(key, one.spec)
                held[whose] = max(held.get(whose, 0.0), one.memory_gib)
        reserved = sum(gib for where, gib in self._reserved.values() if where == device)
        return sum(held.values()) + reserved

    def _wanted_gib(self, key: _Key, chosen: BackendSpec, device: str) -> float:
        """What a backend adds: nothing where a server, or another backend, has its weights."""
        whose = _weights_of(key, chosen)
        there = (_weights_of(other, one.spec) == whose and one.device == device
                 for other, one in self._kept.items())  # fmt: skip
        return 0.0 if is_served(chosen) or any(there) else chosen.memory_gib


def _weights_of(key: _Key, backend: BackendSpec) -> object:
    """What tells weights in memory apart: the backend's own, or those of its hub model."""
    return backend.hub.id if backend.shares_weights and backend.hub is not None else key


def _only_scores(tool: str, backend: BackendSpec) -> bool:
    return backend.needs_calibration and not place_of(tool, backend.name).is_file()
