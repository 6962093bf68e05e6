from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from specialists.batching import Batches


class Doubling:
    """Doubles numbers, and holds the first run until it is let go."""

    def __init__(self) -> None:
        self.runs: list[list[int]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.runs.append([*items])
        self.begun.set()
        assert self.go.wait(10)
        if 13 in items:
            raise ValueError("13")
        return [2 * item for item in items]


def asked(doubling: Doubling, items: Sequence[int], most: int = 16) -> list[int | str]:
    batches, told = Batches(doubling, most), []
    with ThreadPoolExecutor(len(items)) as pool:
        work = [pool.submit(batches.ask, items[0])]
        assert doubling.begun.wait(10)
        work += [pool.submit(batches.ask, item) for item in items[1:]]
        while len(batches._waiting) < len(items) - 1:
            threading.Event().wait(0.005)
        doubling.go.set()
        for one in work:
            try:
                told.append(one.result(10))
            except ValueError as error:
                told.append(str(error))
    return told


def test_lone_item_runs_at_once() -> None:
    doubling = Doubling()
    doubling.go.set()
    assert Batches(doubling).ask(4) == 8
    assert doubling.runs == [[4]]


def test_items_that_wait_run_together_and_each_gets_its_own() -> None:
    doubling = Doubling()
    assert asked(doubling, [1, 2, 3, 4]) == [2, 4, 6, 8]
    assert [len(run) for run in doubling.runs] == [1, 3]


def test_batch_holds_no_more_than_it_may() -> None:
    doubling = Doubling()
    assert asked(doubling, [1, 2, 3, 4, 5, 6], most=2) == [2, 4, 6, 8, 10, 12]
    assert max(len(run) for run in doubling.runs) == 2


def test_failing_item_fails_alone() -> None:
    assert asked(Doubling(), [1, 13, 3]) == [2, "13", 6]


def test_cancelled_run_leaves_the_others_asked_for() -> None:
    class Cancelled(BaseException):
        pass

    left = [Cancelled(), None]

    def work(items: Sequence[int]) -> Sequence[int]:
        error = left.pop(0)
        if error is not None:
            raise error
        return items

    batches = Batches(work)
    with ThreadPoolExecutor(2) as pool:
        with batches._turns:
            futures = [pool.submit(batches.ask, item) for item in (1, 2)]
            while len(batches._waiting) < 2:
                threading.Event().wait(0.005)
        errors = [one.exception(10) for one in futures]
    assert sorted(type(error).__name__ for error in errors) == ["Cancelled", "NoneType"]


def test_two_batches_run_at_once_where_they_may() -> None:
    both = threading.Barrier(2)

    def work(items: Sequence[int]) -> Sequence[int]:
        both.wait(10)
        return items

    batches = Batches(work, most=1, runs=2)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(batches.ask, range(4))) == [0, 1, 2, 3]


def test_many_threads_get_each_their_own() -> None:
    batches = Batches(lambda items: [-item for item in items], most=5, runs=3)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(batches.ask, range(2000))) == [-item for item in range(2000)]


def test_wrong_number_of_results_is_an_error_for_all() -> None:
    with pytest.raises(ValueError, match="zip"):
        Batches(lambda items: []).ask(1)
