"""The joint model against each disease's own scores, on the simulated cohort."""

from __future__ import annotations

import time

import pytest

from specialists.polygenic.simulation import Design
from specialists.training.joint import lines, run

pytestmark = pytest.mark.bench

LEAST = 9
"""Of ten held-out diseases."""


def test_joint_model_is_above_the_linear_baseline_on_held_out_diseases() -> None:
    started = time.perf_counter()
    report = run(Design())
    print()
    print(*lines(report), sep="\n")
    print(f"Simulated, trained and measured in {time.perf_counter() - started:.0f} s")
    assert len(report["held"]["rows"]) == 10
    assert report["held"]["above"] >= LEAST
    assert report["held"]["mean_low"] > 0
