"""When a stated number follows from a known one: units, rounding, bounds."""

from __future__ import annotations

from dataclasses import replace

from agent.grounding.numbers import Number
from agent.grounding.units import NONE

__all__ = ["agrees"]


def agrees(said: Number, known: Number) -> bool:
    """Tell whether a stated number follows from a known one.

    Args:
        said: From the statement.
        known: From evidence.
    """
    readings = [said, *([replace(said, value=said.other, half_step=0.0005)] if said.other else [])]
    return any(_agrees(each, known) for each in readings)


def _agrees(said: Number, known: Number) -> bool:
    pair = _comparable(said, known)
    if pair is None:
        return False
    value, half_step, truth = pair
    if known.comparator not in {"=", "~"}:
        return _same_bound(said, known, value, truth)
    if said.comparator in {">", "<", ">=", "<="}:
        holds = {">": truth > value, "<": truth < value, ">=": truth >= value,
                 "<=": truth <= value}[said.comparator]  # fmt: skip
        return holds and _near(value, truth)
    if said.comparator == "~":
        half_step = max(half_step, _loose(said) * said.unit.factor)
    if said.role == "fraction":
        half_step = 0.025
    return _rounds_to(value, half_step, truth, said)


def _near(value: float, truth: float) -> bool:
    """'More than 2' may be said of 2.5 and of 4, and hardly of 4000."""
    return abs(truth - value) <= max(abs(truth), abs(value))


def _comparable(said: Number, known: Number) -> tuple[float, float, float] | None:
    """Bring two numbers to one scale: stated value, its half step, known value."""
    labels = {said.label, known.label}
    if len(labels - {None}) > 1 and labels != {"grade", "stage"}:
        return None
    if said.label and not known.label:
        return None
    if said.value == 0 and said.unit is NONE and known.value == 0:
        return 0.0, said.half_step, 0.0
    if known.label and not said.label and not said.spoken and said.unit is not NONE:
        return None
    if (
        said.role in {"part", "whole"}
        and known.role in {"part", "whole"}
        and said.role != known.role
    ):
        return None
    if said.unit.kind == known.unit.kind:
        factor = said.unit.factor
        return said.value * factor, said.half_step * factor, known.base
    kinds = {said.unit.kind, known.unit.kind}
    fraction = said if said.unit.kind == "none" else known
    if kinds == {"proportion", "none"} and 0 <= fraction.value <= 1:
        return said.base, said.half_step * said.unit.factor, known.base
    if kinds == {"percentile", "none"} and known.unit.kind == "percentile":
        return said.value, said.half_step, known.value
    return None


def _same_bound(said: Number, known: Number, value: float, truth: float) -> bool:
    """A bound supports itself alone: it may be the threshold that something was measured by."""
    same = abs(value - truth) <= 1e-9 * max(1.0, abs(truth))
    if said.comparator in {"=", "~"}:
        return same
    return same and said.comparator[0] == known.comparator[0]


def _loose(said: Number) -> float:
    """Half of the last place that isn't a zero, keeping two digits: 'about 2,500'."""
    whole = f"{abs(said.value):.0f}"
    zeros = len(whole) - len(whole.rstrip("0"))
    if said.half_step < 0.5:
        return said.half_step
    if len(whole) < 3:
        return 1.0 if len(whole) == 2 else said.half_step
    return float(0.5 * 10 ** min(max(zeros, 1), len(whole) - 2))


def _rounds_to(value: float, half_step: float, truth: float, said: Number) -> bool:
    error = abs(value - truth)
    if error > half_step * (1 + 1e-9) + 1e-12:
        return False
    if said.unit.kind == "proportion" or (said.unit is NONE and 0 <= truth <= 1):
        if value in {0.0, 1.0}:
            return error <= 0.005
        if half_step <= 0.005 + 1e-12:
            return True
    return error <= 0.1 * abs(truth) + 1e-12
