"""From a network's logits to probabilities and prediction sets.

Everything here is NumPy, so that calibration needs no torch. A prediction set is
a row of booleans, one per class. Split-conformal thresholds are class-conditional (Mondrian):
each class is covered at the stated rate, not only the average over classes, which a common class
would satisfy alone.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from specialists.measures import Booleans, Floats


def softmax(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Turn logits into probabilities.

    Args:
        logits: Shape (..., classes).
        temperature: Above 0; above 1 softens.

    Returns:
        Same shape; the last axis sums to 1.

    Raises:
        ValueError: If `temperature` is not positive.
    """
    if not temperature > 0:
        raise ValueError("temperature must be positive")
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def negative_log_likelihood(logits: ArrayLike, labels: ArrayLike, temperature: float) -> float:
    """Return the mean of -log p(label); logits (n, classes), labels (n,)."""
    probabilities = softmax(logits, temperature)
    chosen = probabilities[np.arange(len(probabilities)), np.asarray(labels, dtype=np.intp)]
    return float(-np.log(np.clip(chosen, 1e-12, None)).mean())


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Find the temperature with the least negative log-likelihood.

    Args:
        logits: Shape (n, classes), of cases not used in training.
        labels: Shape (n,), class indices.

    Returns:
        Between 0.05 and 20.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    low, high = math.log(0.05), math.log(20.0)
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        losses = [negative_log_likelihood(logits, labels, math.exp(t)) for t in (left, right)]
        low, high = (low, right) if losses[0] <= losses[1] else (left, high)
    return math.exp((low + high) / 2)


def conformal_rank(n: int, coverage: float, confidence: float | None = None) -> int:
    """Choose which of `n` sorted scores becomes the threshold.

    Args:
        n: Number of calibration cases.
        coverage: Wanted share of true labels in their sets, 0 to 1.
        confidence: None for coverage on average over calibration samples; otherwise the
            probability with which this very calibration sample reaches `coverage`.

    Returns:
        1-based rank; n + 1 where there are too few cases to promise anything.

    Source: Vovk 2012, Conditional validity of inductive conformal predictors (both forms).
    """
    if confidence is None:
        return min(math.ceil((n + 1) * coverage - 1e-9), n + 1)
    cumulative = 0.0
    for below in range(n):
        choices = math.lgamma(n + 1) - math.lgamma(below + 1) - math.lgamma(n - below + 1)
        chance = below * math.log(coverage) + (n - below) * math.log1p(-coverage)
        cumulative += math.exp(choices + chance)
        if cumulative >= confidence:
            return below + 1
    return n + 1


def fit_thresholds(
    probabilities: ArrayLike,
    labels: ArrayLike,
    coverage: float = 0.9,
    confidence: float | None = None,
) -> Floats:
    """Fit class-conditional split-conformal thresholds.

    The score is 1 - p(true class). It is preferred to cumulative scores (APS, RAPS) because its
    sets are the smallest for a given coverage, and thresholds by class remove its one weakness,
    that hard classes pay for easy ones.

    Args:
        probabilities: Shape (n, classes), of cases not used in training.
        labels: Shape (n,), class indices.
        coverage: Wanted share, per class.
        confidence: See `conformal_rank`.

    Returns:
        Shape (classes,): a class is in the set where its probability is at least this. 0 where
        a class has too few cases, so that it is always in.
    """
    rows = np.asarray(probabilities, dtype=np.float64)
    truth = np.asarray(labels)
    thresholds = np.zeros(rows.shape[1])
    for index in range(rows.shape[1]):
        own = np.sort(rows[truth == index, index])[::-1]
        rank = conformal_rank(len(own), coverage, confidence)
        thresholds[index] = own[rank - 1] if rank <= len(own) else 0.0
    return thresholds


def prediction_sets(probabilities: ArrayLike, thresholds: ArrayLike) -> Booleans:
    """Return (n, classes) sets, each with at least its likeliest class.

    Adding that class can only raise the coverage. It leaves no set empty, and keeps a case
    ambiguous where the thresholds alone would name the less likely class.

    Args:
        probabilities: Shape (n, classes).
        thresholds: Shape (classes,), from `fit_thresholds`.
    """
    rows = np.asarray(probabilities, dtype=np.float64)
    sets = rows >= np.asarray(thresholds, dtype=np.float64) - 1e-9
    sets[np.arange(len(rows)), rows.argmax(axis=1)] = True
    return np.asarray(sets)


def population_sets(
    logits: ArrayLike, calibrations: Mapping[str, Mapping[str, Any]], population: str | None
) -> Booleans:
    """Return sets for a population, or the union over all where it is not known.

    Args:
        logits: Shape (n, classes).
        calibrations: By population, `temperature` and `thresholds`.
        population: A key of `calibrations`, or None.

    Raises:
        ValueError: If the population has no calibration.
    """
    if population is not None and population not in calibrations:
        raise ValueError(f"no calibration for population {population!r}")
    chosen = calibrations.values() if population is None else [calibrations[population]]
    each = [prediction_sets(softmax(logits, c["temperature"]), c["thresholds"]) for c in chosen]
    return np.asarray(np.any(np.stack(each), axis=0))
