"""Which Gemma for which memory."""

from __future__ import annotations

import pytest

from agent.gemma.choice import CHOICES, choose


@pytest.mark.parametrize(
    ("memory_gib", "model"),
    [
        (None, ""),
        (6, ""),
        (7.6, "google/gemma-4-E4B-it-qat-mobile-ct"),
        (23.5, "google/gemma-4-12B-it-qat-w4a16-ct"),
        (47.9, "google/gemma-4-26B-A4B-it"),
        (79.2, "google/gemma-4-31B-it"),
    ],
)
def test_choice_fits_the_memory(memory_gib: float | None, model: str) -> None:
    assert choose(memory_gib).model == model


def test_choices_stand_from_most_to_least_memory() -> None:
    sizes = [one.memory_gib for one in CHOICES]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0


def test_serve_line_strips_the_reasoning_and_bounds_the_context() -> None:
    assert choose(24).serve == (
        "vllm serve google/gemma-4-12B-it-qat-w4a16-ct --max-model-len 32768 "
        "--reasoning-parser gemma4 --gpu-memory-utilization 0.65"
    )
