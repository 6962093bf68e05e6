"""One protocol, two homes: MedGemma behind an endpoint, or in this process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from specialists.base import Progress
from specialists.errors import BackendUnavailable, TimedOut
from specialists.hub import Endpoint

__all__ = ["Client", "Part", "Watch", "Written", "connect", "shares"]

Part = str | NDArray[np.uint8]
"""Of a message: text, or a picture of shape (rows, columns, 3), sRGB."""

_EVERY_S = 0.5
_loading = threading.Lock()
_loaded: WeakValueDictionary[tuple[Path, str], Client] = WeakValueDictionary()
"""Weights in memory, as long as any backend has them."""


class Watch:
    """Looks, while a model writes, whether anybody still waits, and for how long.

    Args:
        progress: Told now and then; it raises where the call was cancelled.
        share: What to say of how much is done.
        message: What to say of what is being done.
        patience_s: Longest wait.
    """

    def __init__(
        self, progress: Progress, share: float, message: str, patience_s: float = 300.0
    ) -> None:
        self._progress, self._share, self._message = progress, share, message
        self._until = time.monotonic() + patience_s
        self._next = 0.0
        self.look()

    def look(self) -> None:
        """Look.

        Raises:
            TimedOut: If the time is over.
        """
        now = time.monotonic()
        if now > self._until:
            raise TimedOut("MedGemma did not answer in time.")
        if now >= self._next:
            self._next = now + _EVERY_S
            self._progress(self._share, self._message)


@dataclass(frozen=True)
class Written:
    """What a model wrote."""

    text: str
    cut: bool = False
    """Whether it went on after the most tokens it was given."""


class Client(Protocol):
    """A model that takes one message of pictures and text. May be called in any thread."""

    served: str
    """'in process' or 'endpoint'."""

    def write(
        self, parts: Sequence[Part], most: int, watch: Watch, stop: Sequence[str] = ()
    ) -> Written:
        """Write an answer, greedily.

        Args:
            parts: The user's message, in order.
            most: Tokens.
            watch: Asked again and again.
            stop: Texts that end the answer where they come; they are not part of it.

        Raises:
            Unavailable: A class of it, if the model can't be had.
            LimitExceeded: If it takes too long, or more memory than there is.
        """

    def first(
        self, parts: Sequence[Part], watch: Watch, among: Sequence[str] = ()
    ) -> Mapping[str, float]:
        """Give log-probabilities of the answer's first token, by its text.

        Those of the likeliest tokens, and of the texts `among` which the model can say how
        probable they are; raises as `write` does.
        """


def connect(weights: Path | Endpoint | None, device: str) -> Client:
    """Give the client for where the weights are; of one folder, all backends have the same.

    Raises:
        BackendUnavailable: If they are nowhere, or can't be loaded.
    """
    if isinstance(weights, Endpoint):
        from specialists.medgemma.endpoint import EndpointClient

        return EndpointClient(weights)
    if weights is None:
        raise BackendUnavailable("MedGemma's weights are not here, and no endpoint serves it.")
    with _loading:
        known = _loaded.get((weights, device))
        if known is None:
            from specialists.medgemma.local import LocalClient

            known = _loaded[weights, device] = LocalClient(weights, device)
        return known


def shares(told: Mapping[str, float], options: Sequence[str]) -> tuple[list[float], float]:
    """Turn the first token's log-probabilities into shares of the options.

    Args:
        told: As `Client.first` gives it; ' A' and 'A' are the same option.
        options: Texts of one token each.

    Returns:
        Shares that sum to 1, and how probable it was that the answer begins with an option at
        all. Equal shares and 0 where no option was among what was told.
    """
    summed = dict.fromkeys(options, 0.0)
    for text, score in told.items():
        if text.strip() in summed:
            summed[text.strip()] += math.exp(score)
    mass = sum(summed.values())
    if mass <= 0:
        return [1 / len(options)] * len(options), 0.0
    return [summed[option] / mass for option in options], min(mass, 1.0)
