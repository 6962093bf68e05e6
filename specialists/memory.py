"""What a model takes while it works, and what is done where it is too much."""

from __future__ import annotations

import gc
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Generic, TypeVar

from specialists.errors import OutOfMemory
from specialists.machine import release

__all__ = ["Fitting", "Peaks", "is_out_of_memory", "once_more"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or the machine, has no memory left."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    # What torch says on a processor.
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)


class Fitting(Generic[Item, Result]):
    """Runs a model over items; where a batch is too large for the memory, over halves of it.

    What was too large once is not tried again.

    Args:
        function: From a batch to as many results.
        most: Items of the first batch.
        make_room: Frees more than what torch itself keeps, such as idle models.
    """

    def __init__(
        self,
        function: Callable[[Sequence[Item]], Sequence[Result]],
        most: int,
        make_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._function, self._make_room = function, make_room
        self.most = max(1, most)

    def run(self, items: Sequence[Item]) -> list[Result]:
        """Give the results of all items.

        Raises:
            OutOfMemory: If a single item is too large, also after room was made.
        """
        results: list[Result] = []
        while len(results) < len(items):
            batch = items[len(results) : len(results) + self.most]
            done = _tried(self._function, batch)
            if done is not None:
                results.extend(done)
                continue
            self.most = (len(batch) + 1) // 2
            _free(self._make_room)
            if len(batch) == 1:
                results.extend(_last(partial(self._function, batch)))
        return results


def once_more(function: Callable[[], Result], make_room: Callable[[], None]) -> Result:
    """Do something again, where the memory was too small for it and room could be made.

    Raises:
        OutOfMemory: If it is too small again.
    """
    done = _tried(lambda _: [function()], ())
    if done is not None:
        return done[0]
    _free(make_room)
    return _last(function)


def _tried(
    function: Callable[[Sequence[Item]], Sequence[Result]], batch: Sequence[Item]
) -> Sequence[Result] | None:
    """The results, or None where the memory was too small; the error's frames are let go."""
    try:
        return function(batch)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    return None


def _last(function: Callable[[], Result]) -> Result:
    try:
        return function()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    _free(lambda: None)
    raise OutOfMemory(
        "The device has too little memory for this, also after other models made room. A smaller "
        "file, a larger GPU, or fewer programs on this one would help."
    )


def _free(make_room: Callable[[], None]) -> None:
    make_room()
    gc.collect()
    release()


class Peaks:
    """Measures what a model takes on a GPU over what it holds, while it alone works there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working: Counter[str] = Counter()
        self._disturbed: set[str] = set()

    @contextmanager
    def measured(self, device: str, told: Callable[[float], None]) -> Iterator[None]:
        """Tell the GiB of the peak after the work; nothing where others worked meanwhile."""
        if not device.startswith("cuda"):
            yield
            return
        import torch

        with self._lock:
            self._working[device] += 1
            alone = self._working[device] == 1
            (self._disturbed.discard if alone else self._disturbed.add)(device)
            if alone:
                torch.cuda.reset_peak_memory_stats(device)
            before = torch.cuda.memory_allocated(device)
        try:
            yield
        finally:
            with self._lock:
                self._working[device] -= 1
                alone = device not in self._disturbed
                peak = torch.cuda.max_memory_allocated(device) - before
        if alone:
            told(peak / 2**30)
