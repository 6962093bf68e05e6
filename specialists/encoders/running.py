"""Runs an encoder over many pictures: while one batch is computed, the next is prepared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.memory import Fitting
from specialists.placement import dtype_of

__all__ = ["BATCH", "half_of", "run_batches"]

BATCH = 16


def half_of(device: str) -> Any:
    """The precision to compute in: half on a GPU, single on a processor."""
    import torch

    return getattr(torch, dtype_of(device))


def run_batches(
    prepare: Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]],
    forward: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    pictures: Sequence[NDArray[np.uint8]],
    batch: int = BATCH,
) -> NDArray[np.float32]:
    """Prepare and run pictures, batch after batch; what the memory is too small for, in halves.

    Args:
        prepare: From pictures to (n, 3, size, size); runs in a thread beside the model.
        forward: From those to (n, width).
        pictures: At least one.
        batch: Pictures of one run.

    Raises:
        OutOfMemory: If the device has too little memory for a single picture.
    """
    parts = [pictures[first : first + batch] for first in range(0, len(pictures), batch)]
    model: Any = forward  # an array is as good as a sequence
    fitting: Fitting[Any, Any] = Fitting(model, batch)
    rows: list[NDArray[np.float32]] = []
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(prepare, parts[0])
        for number in range(len(parts)):
            ready = waiting.result()
            if number + 1 < len(parts):
                waiting = beside.submit(prepare, parts[number + 1])
            rows += fitting.run(ready)  # type: ignore[arg-type]
    return np.stack(rows)
