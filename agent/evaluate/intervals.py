"""Shares and quantiles with the bootstrap interval over cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from specialists.measures import Interval, bootstrap_weights, interval

__all__ = ["quantile", "ratio"]


def ratio(pairs: Sequence[tuple[float, float]]) -> Interval:
    """Sum of firsts over sum of seconds; each pair is a case. None where there is none."""
    if not pairs:
        return {"value": None, "low": None, "high": None}
    over, under = np.asarray(pairs, dtype=np.float64).T

    def share(weights: np.ndarray) -> np.ndarray:
        below = weights @ under
        safe = np.where(below > 0, below, np.nan)
        return np.asarray((weights @ over) / safe)

    return interval(share, bootstrap_weights(len(pairs)))


def quantile(values: Sequence[float], share: float) -> Interval:
    """The value below which this share of the cases lies."""
    if not values:
        return {"value": None, "low": None, "high": None}
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    order = np.argsort(np.asarray(values, dtype=np.float64), kind="stable")

    def lying(weights: np.ndarray) -> np.ndarray:
        reached = np.cumsum(weights[:, order], axis=1) >= share * weights.sum(axis=1)[:, None]
        return np.asarray(ordered[reached.argmax(axis=1)])

    return interval(lying, bootstrap_weights(len(values)))
