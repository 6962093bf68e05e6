"""What several threads ask of a model at the same time goes into one run of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Batches"]

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class _Ticket(Generic[Item, Result]):
    """One question that waits for its answer."""

    item: Item
    result: Result | None = None
    error: Exception | None = None
    done: bool = False


class Batches(Generic[Item, Result]):
    """Collects what waits while a batch runs, and runs it as the next one.

    Nobody waits for a batch to fill: a lone question runs at once, alone. The thread whose turn
    it is runs the batch for all that wait.

    Args:
        function: From items to as many results, in their order.
        most: Items of one batch.
    """

    def __init__(
        self, function: Callable[[Sequence[Item]], Sequence[Result]], most: int = 16
    ) -> None:
        self._function, self._most = function, most
        self._waiting: deque[_Ticket[Item, Result]] = deque()
        self._turn = threading.Lock()

    def ask(self, item: Item) -> Result:
        """Give the result for one item; called from any number of threads.

        Raises:
            Exception: What the function raises for this item. It costs no other item its result.
        """
        ticket: _Ticket[Item, Result] = _Ticket(item)
        self._waiting.append(ticket)
        with self._turn:
            while not ticket.done:
                count = min(len(self._waiting), self._most)
                self._run([self._waiting.popleft() for _ in range(count)])
        if ticket.error is not None:
            raise ticket.error
        return ticket.result  # type: ignore[return-value]

    def _run(self, tickets: Sequence[_Ticket[Item, Result]]) -> None:
        try:
            results = self._function([ticket.item for ticket in tickets])
            for ticket, result in zip(tickets, results, strict=True):
                ticket.result, ticket.done = result, True
        except Exception as error:  # noqa: BLE001 - raised again by the thread that asked
            self._failed([ticket for ticket in tickets if not ticket.done], error)
        except BaseException:  # this thread was cancelled: the others' items stay asked for
            self._waiting.extendleft(ticket for ticket in tickets if not ticket.done)
            raise

    def _failed(self, tickets: Sequence[_Ticket[Item, Result]], error: Exception) -> None:
        """Ask again one by one, so that only the item at fault fails."""
        if len(tickets) == 1:
            tickets[0].error, tickets[0].done = error, True
            return
        for ticket in tickets:
            self._run([ticket])
