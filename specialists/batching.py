"""What several threads ask of a model at the same time goes into one run of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["BATCH", "Batches"]

BATCH = 16
"""Items of one batch."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(eq=False)
class _Ticket(Generic[Item, Result]):
    """One question that waits for its answer."""

    item: Item
    result: Result | None = None
    error: BaseException | None = None
    done: bool = False
    taken: bool = False
    """Whether some thread runs it now, or has."""
    settled: threading.Event = field(default_factory=threading.Event)
    """Set where it is done, and where whoever ran it gave up and it waits again."""

    def settle(self, *, done: bool) -> None:
        self.done, self.taken = done, done
        self.settled.set()


class Batches(Generic[Item, Result]):
    """Collects what waits while batches run, and runs it as the next one.

    Nobody waits for a batch to fill: a lone question runs at once, alone. A thread whose turn it
    is runs what waits for all who wait.

    Args:
        function: From items to as many results, in their order.
        most: Items of one batch.
        runs: Batches at the same time.
    """

    def __init__(
        self,
        function: Callable[[Sequence[Item]], Sequence[Result]],
        most: int = BATCH,
        runs: int = 1,
    ) -> None:
        self._function, self._most = function, most
        self._waiting: deque[_Ticket[Item, Result]] = deque()
        self._turns, self._lock = threading.Semaphore(runs), threading.Lock()

    def ask(self, item: Item) -> Result:
        """Give the result for one item; called from any number of threads.

        Raises:
            Exception: What the function raises for this item. It costs no other item its result.
        """
        ticket: _Ticket[Item, Result] = _Ticket(item)
        with self._lock:
            self._waiting.append(ticket)
        while not ticket.done:
            with self._turns:
                if not ticket.taken:
                    self._run(self._take())
            ticket.settled.wait()
        if ticket.error is not None:
            raise ticket.error
        return ticket.result  # type: ignore[return-value]

    def _take(self) -> list[_Ticket[Item, Result]]:
        with self._lock:
            count = min(len(self._waiting), self._most)
            taken = [self._waiting.popleft() for _ in range(count)]
            for ticket in taken:
                ticket.taken = True
                ticket.settled.clear()
        return taken

    def _run(self, tickets: Sequence[_Ticket[Item, Result]]) -> None:
        try:
            self._settle(tickets)
        except BaseException:  # this thread was cancelled: the others' items stay asked for
            self._put_back([ticket for ticket in tickets if not ticket.done])
            raise

    def _settle(self, tickets: Sequence[_Ticket[Item, Result]]) -> None:
        try:
            results = self._function([ticket.item for ticket in tickets])
            for ticket, result in zip(tickets, results, strict=True):
                ticket.result = result
                ticket.settle(done=True)
        except Exception as error:  # noqa: BLE001 - raised again by the thread that asked
            self._settle_failed([ticket for ticket in tickets if not ticket.done], error)

    def _settle_failed(self, tickets: Sequence[_Ticket[Item, Result]], error: Exception) -> None:
        """Ask again one by one, so that only the item at fault fails."""
        if len(tickets) == 1:
            tickets[0].error = error
            tickets[0].settle(done=True)
            return
        for ticket in tickets:
            self._settle([ticket])

    def _put_back(self, tickets: Sequence[_Ticket[Item, Result]]) -> None:
        with self._lock:
            self._waiting.extendleft(reversed(tickets))
            for ticket in tickets:
                ticket.settle(done=False)
