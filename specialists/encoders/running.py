"""Runs an encoder over many pictures: while one batch is computed, the next is prepared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BATCH", "half_of", "run_batches"]

BATCH = 16


def half_of(device: str) -> Any:
    """The precision to compute in: half on a GPU, single on a processor."""
    import torch

    if not device.startswith("cuda"):
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def run_batches(
    prepare: Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]],
    forward: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    pictures: Sequence[NDArray[np.uint8]],
    batch: int = BATCH,
) -> NDArray[np.float32]:
    """Prepare and run pictures, batch after batch.

    Args:
        prepare: From pictures to (n, 3, size, size); runs in a thread beside the model.
        forward: From those to (n, width).
        pictures: At least one.
        batch: Pictures of one run.
    """
    parts = [pictures[first : first + batch] for first in range(0, len(pictures), batch)]
    found = []
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(prepare, parts[0])
        for number in range(len(parts)):
            ready = waiting.result()
            if number + 1 < len(parts):
                waiting = beside.submit(prepare, parts[number + 1])
            found.append(forward(ready))
    return np.concatenate(found)
