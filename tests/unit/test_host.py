from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import anyio.to_thread
import pytest

from specialists.base import BackendSpec, Case, Progress, Reading, Request, Source, SpecialistSpec
from specialists.errors import (
    BackendUnavailable,
    InvalidInput,
    TimedOut,
    UnusableGeometry,
    WardroundError,
)
from specialists.host import Host
from tests.toys import Toy, ToyRequest, result_of, toy_spec

HERE = "tests.unit.test_host"


class Counted(Toy):
    """Takes a moment to load, and counts how often it did."""

    built = 0

    def __init__(self, device: str) -> None:
        time.sleep(0.05)
        type(self).built += 1


class Broken(Toy):
    """Fails to load, naming a place."""

    tried = 0

    def __init__(self, device: str) -> None:
        time.sleep(0.05)
        type(self).tried += 1
        raise OSError("/home/doe/weights is gone")


class Wrong(Toy):
    """Loads, and then fails its canary."""

    def canary(self) -> None:
        raise BackendUnavailable("The model's output does not depend on the picture.")


class Large(Toy):
    """Takes far more memory than its spec says."""

    def __init__(self, device: str) -> None:
        self.held = bytearray(b"x") * (300 * 2**20)


class Held(Toy):
    """Reads until it is let go."""

    begun, go = threading.Event(), threading.Event()

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        self.begun.set()
        assert self.go.wait(10)
        return super().read(inputs, request, progress)


class Many(Toy):
    """Reads several cases in one run; a case of detail 3 can't be read."""

    runs: list[int] = []

    def read_many(self, cases: Sequence[Case]) -> list[Reading]:
        self.runs.append(len(cases))
        time.sleep(0.05)
        if any(case.request.model_dump()["detail"] == 3 for case in cases):
            raise UnusableGeometry("The slices do not form a volume.")
        return [Reading(result_of(str(case.request.model_dump()["detail"]))) for case in cases]


def spec_with(backend: type[Toy], name: str = "toy", memory_gib: float = 0.5) -> SpecialistSpec:
    target = f"{HERE}:{backend.__name__}"
    return replace(toy_spec(name), backends=(BackendSpec("toy", target, memory_gib=memory_gib),))


def sized(*names: str) -> list[SpecialistSpec]:
    backend = BackendSpec("toy", "tests.toys:Toy", memory_gib=1.0)
    return [replace(toy_spec(name), backends=(backend,)) for name in names]


def read(host: Host, spec: SpecialistSpec, detail: int = 1) -> Reading:
    return host.read(spec, {}, ToyRequest(detail=detail), lambda share, text: None)


def outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except WardroundError as error:
        return error


def test_backend_is_loaded_once_by_many_threads() -> None:
    host, spec, Counted.built = Host(), spec_with(Counted), 0
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: read(host, spec).result.summary, range(8)))
    assert len(results) == 8
    assert Counted.built == 1


def test_backend_that_fails_to_load_fails_once_for_all_who_wait() -> None:
    host, spec, Broken.tried = Host(), spec_with(Broken), 0
    with ThreadPoolExecutor(8) as pool:
        errors = list(pool.map(lambda _: outcome(lambda: read(host, spec)), range(8)))
    assert {type(error) for error in errors} == {BackendUnavailable}
    assert "doe" not in str(errors[0])
    assert Broken.tried < 8
    assert host.loaded() == {}


def test_backend_that_failed_to_load_may_be_asked_again() -> None:
    host, spec, Broken.tried = Host(), spec_with(Broken), 0
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match="OSError"):
            read(host, spec)
    assert Broken.tried == 2


def test_backend_that_fails_its_canary_is_refused() -> None:
    host = Host()
    with pytest.raises(BackendUnavailable, match="does not depend"):
        read(host, spec_with(Wrong))
    assert host.loaded() == {}


def test_backend_least_recently_used_is_unloaded() -> None:
    host = Host(memory_gib=2.0)
    one, two, three = sized("one", "two", "three")
    for spec in (one, two, one, three):
        read(host, spec)
    assert list(host.loaded()) == ["one:toy", "three:toy"]


def test_backend_in_use_is_not_unloaded() -> None:
    host = Host(memory_gib=1.0)
    one, two = sized("one", "two")
    with ThreadPoolExecutor(1) as pool, host.use(one):
        waiting = pool.submit(read, host, two)
        time.sleep(0.1)
        assert list(host.loaded()) == ["one:toy"]
        assert not waiting.done()
        with host.use(one):
            pass
        freed = list(host.loaded())
    assert freed == ["one:toy"]
    assert waiting.result().result.summary
    assert list(host.loaded()) == ["two:toy"]


def test_backend_without_room_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("specialists.host._PATIENCE_S", 0.1)
    host = Host(memory_gib=1.0)
    one, two = sized("one", "two")
    with host.use(one), pytest.raises(TimedOut, match="in use"):
        read(host, two)
    assert read(host, two).result.summary


def test_backend_above_the_budget_is_refused_or_passed_over() -> None:
    small = BackendSpec("small", "tests.toys:Toy", memory_gib=0.5)
    large = BackendSpec("large", "tests.toys:Toy", memory_gib=40.0)
    spec = replace(toy_spec(), backends=(large, small))
    assert Host().choose(spec).name == "small"
    with pytest.raises(BackendUnavailable, match=r"large needs 40 GiB.*16 GiB"):
        Host().choose(spec, "large")


def test_memory_that_was_seen_counts_where_it_is_more() -> None:
    host = Host(memory_gib=1.0)
    (small,) = sized("small")
    read(host, replace(small, backends=(replace(small.backends[0], memory_gib=0.8),)))
    read(host, spec_with(Large, "large", memory_gib=0.1))
    assert list(host.loaded()) == ["large:toy"]
    assert host.loaded()["large:toy"] == pytest.approx(300 / 1024, abs=0.1)


def test_calls_that_wait_are_read_together() -> None:
    host, spec = Host(), spec_with(Many)
    Many.runs = []
    with ThreadPoolExecutor(8) as pool:
        readings = list(pool.map(lambda d: read(host, spec, d), [1, 2] * 4))
    assert [r.result.provenance.specialist for r in readings] == ["1", "2"] * 4
    assert sum(Many.runs) == 8
    assert len(Many.runs) < 8


def test_failing_case_costs_the_others_of_its_batch_nothing() -> None:
    host, spec = Host(), spec_with(Many)
    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(outcome, lambda d=d: read(host, spec, d)) for d in (1, 1, 3, 2, 1, 2)]
    told = [one.result() for one in work]
    assert [isinstance(one, Reading) for one in told] == [True, True, False, True, True, True]
    assert isinstance(told[2], UnusableGeometry)


async def _ticks_while(work: asyncio.Future[Any]) -> int:
    ticks = 0
    while not work.done():
        await asyncio.sleep(0.01)
        ticks += 1
    return ticks


def test_event_loop_runs_on_while_backends_load_and_read() -> None:
    async def both() -> int:
        host, spec = Host(), spec_with(Held)
        Held.begun.clear(), Held.go.clear()
        work = asyncio.ensure_future(anyio.to_thread.run_sync(read, host, spec))
        await anyio.to_thread.run_sync(Held.begun.wait, 10)
        asyncio.get_running_loop().call_later(0.2, Held.go.set)
        return await _ticks_while(work)

    assert asyncio.run(both()) >= 5


def test_backend_of_unknown_name_is_refused_with_the_names() -> None:
    with pytest.raises(InvalidInput, match="It has: toy"), Host().use(toy_spec(), "other"):
        pass


def test_backend_none_registered_says_what_would_help() -> None:
    with pytest.raises(BackendUnavailable, match=r"wardround\.backends"):
        Host().choose(toy_spec(backend=None))


def test_backend_missing_module_says_how_to_install() -> None:
    needy = BackendSpec("big", "x:Y", requires=("no_such_module",), install="pip install big")
    spec = replace(toy_spec(), backends=(needy,))
    with pytest.raises(BackendUnavailable, match="pip install big"):
        Host().choose(spec)


def test_choose_auto_takes_the_first_that_can_run() -> None:
    needy = BackendSpec("big", "x:Y", requires=("no_such_module",))
    spec = toy_spec()
    assert Host().choose(replace(spec, backends=(needy, *spec.backends))).name == "toy"
