"""From a network's logits to probabilities, prediction sets and measured figures.

Everything here is NumPy, so that calibration and evaluation need no torch. A prediction set is
a row of booleans, one per class. Split-conformal thresholds are class-conditional (Mondrian):
each class is covered at the stated rate, not only the average over classes, which a common class
would satisfy alone.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Interval = dict[str, float | None]
Statistic = Callable[[Floats], Floats]

RESAMPLES = 1000
BINS = 15


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


def _share(weights: Floats, hits: ArrayLike, chosen: Booleans | None = None) -> Floats:
    """Return the weighted mean of `hits` per row of weights (resamples, n); NaN where empty."""
    mask = np.ones(weights.shape[1]) if chosen is None else chosen.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(weights @ (mask * np.asarray(hits, dtype=np.float64)) / (weights @ mask))


def _by_score(weights: Floats, scores: Floats, positive: Booleans) -> tuple[Floats, Floats]:
    """Return the weights of positive and of negative cases at each score, rising."""
    _, tie = np.unique(scores, return_inverse=True)
    order = np.argsort(tie, kind="stable")
    starts = np.flatnonzero(np.diff(tie[order], prepend=-1))
    ordered = weights[:, order]
    ups = np.add.reduceat(ordered * positive[order], starts, axis=1)
    downs = np.add.reduceat(ordered * ~positive[order], starts, axis=1)
    return np.asarray(ups), np.asarray(downs)


def _ranked_auc(weights: Floats, scores: Floats, positive: Booleans) -> Floats:
    """Return the weighted area under the ROC curve per row of weights; ties count a half."""
    ups, downs = _by_score(weights, scores, positive)
    below = np.cumsum(downs, axis=1) - downs / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            (ups * below).sum(axis=1) / (ups.sum(axis=1) * downs.sum(axis=1)), dtype=np.float64
        )


def _roc(weights: Floats, scores: Floats, positive: Booleans) -> tuple[Floats, Floats]:
    """Return false and true positive rates (resamples, limits) as the limit falls."""
    ups, downs = _by_score(weights, scores, positive)
    with np.errstate(invalid="ignore", divide="ignore"):
        false, true = (
            np.cumsum(side[:, ::-1], axis=1) / side.sum(axis=1, keepdims=True)
            for side in (downs, ups)
        )
    return np.asarray(false), np.asarray(true)


def _sensitivity_at(
    specificity: float, weights: Floats, scores: Floats, positive: Booleans
) -> Floats:
    """Return the highest sensitivity that a limit gives with at least this specificity."""
    false, true = _roc(weights, scores, positive)
    reached = np.where(false <= 1 - specificity + 1e-9, true, 0.0).max(axis=1)
    return np.asarray(np.where(np.isnan(false[:, -1]), np.nan, reached))


def _classwise(weights: Floats, hits: ArrayLike, labels: NDArray[np.intp]) -> Floats:
    """Return (resamples, classes present) weighted means of `hits`."""
    return np.stack([_share(weights, hits, labels == c) for c in np.unique(labels)], axis=1)


def _macro_auc(weights: Floats, probabilities: Floats, labels: NDArray[np.intp]) -> Floats:
    """Return the mean one-vs-rest area over the classes present, per row of weights."""
    present = np.unique(labels)
    areas = [_ranked_auc(weights, probabilities[:, c], labels == c) for c in present]
    return np.asarray(_nan(np.nanmean, np.stack(areas, axis=1), axis=1))


def _ece(weights: Floats, confidence: Floats, correct: Floats) -> Floats:
    """Return the expected calibration error of the top class, in equal-width bins."""
    bins = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    gaps = np.eye(BINS)[bins] * (confidence - correct)[:, None]
    return np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1))


def _nan(reduce: Callable[..., Any], values: Floats, **options: Any) -> Any:
    """Apply a nan-aware reduction, letting all-NaN input give NaN without a warning."""
    if np.isnan(values).all():
        return reduce(np.zeros_like(values), **options) * np.nan
    blank: Booleans = np.asarray(np.isnan(values).all(axis=-1, keepdims=True))
    result = reduce(np.where(blank, 0.0, values), **options)
    return np.where(blank[:, 0], np.nan, result) if options.get("axis") == 1 else result


def bootstrap_weights(
    n: int, groups: Sequence[Hashable] | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> Floats:
    """Draw bootstrap counts, of whole groups (patients) where they are given.

    Args:
        n: Number of cases.
        groups: Length n; cases of one group are drawn together.
        seed: Of the generator.
        resamples: Number of rows.

    Returns:
        Shape (resamples, n), counts.
    """
    names = range(n) if groups is None else groups
    numbers: dict[Hashable, int] = {}
    member = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)
    size = len(numbers)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, size, (resamples, size)) + size * np.arange(resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * size).reshape(resamples, size)
    return np.asarray(counts[:, member], dtype=np.float64)


def interval(statistic: Statistic, weights: Floats) -> Interval:
    """Return value and bootstrap 95% interval of a weighted statistic.

    Args:
        statistic: From weights (resamples, n) to values (resamples,).
        weights: From `bootstrap_weights`.

    Returns:
        `value`, `low`, `high`; None where the statistic is undefined, such as an area under
        the ROC curve with one class.
    """
    value = float(statistic(np.ones((1, weights.shape[1])))[0])
    if math.isnan(value):
        return {"value": None, "low": None, "high": None}
    low, high = _nan(np.nanpercentile, statistic(weights), q=[2.5, 97.5])
    return {"value": value, "low": float(low), "high": float(high)}


def evaluate_predictions(
    probabilities: ArrayLike,
    labels: ArrayLike,
    sets: ArrayLike,
    positive: Sequence[int],
    groups: Sequence[Hashable] | None = None,
    seed: int = 0,
    names: Sequence[str] = (),
) -> dict[str, Interval]:
    """Measure predictions, each figure with a bootstrap 95% interval.

    Args:
        probabilities: Shape (n, classes), rows summing to 1.
        labels: Shape (n,), class indices.
        sets: Shape (n, classes), booleans.
        positive: Classes that answer the clinical question with yes; their summed probability
            is what the figures of the yes-or-no question are made from.
        groups: Length n, such as patients: the bootstrap draws whole groups.
        seed: Of the bootstrap.
        names: Of the classes, for figures by class.

    Returns:
        By name: `accuracy`, `balanced_accuracy`, `auc` (macro one-vs-rest over the classes
        present), `auc_binary`, `sensitivity_at_90_specificity`, `sensitivity` and `specificity`
        (yes from a probability of 0.5 on), `brier` (summed over the classes: 0 to 2), `ece`,
        `coverage`, `set_size`, `worst_class_coverage`, `inconclusive` and `empty` (shares of
        sets with several classes, and with none); with `names`, `auc: NAME` for each class that
        is present.

    Raises:
        ValueError: If shapes disagree or there are no cases.
    """
    rows, members = np.asarray(probabilities, dtype=np.float64), np.asarray(sets, dtype=np.bool_)
    truth = np.asarray(labels, dtype=np.intp)
    if rows.ndim != 2 or not len(rows) or rows.shape != members.shape or len(truth) != len(rows):
        raise ValueError("probabilities and sets must be (n, classes), labels (n,), n above 0")
    statistics = (
        _of_classes(rows, truth)
        | _of_question(rows[:, list(positive)].sum(axis=1), np.isin(truth, list(positive)))
        | _of_sets(members, truth)
        | _of_names(rows, truth, names)
    )
    weights = bootstrap_weights(len(rows), groups, seed)
    return {name: interval(statistic, weights) for name, statistic in statistics.items()}


def _of_classes(rows: Floats, truth: NDArray[np.intp]) -> dict[str, Statistic]:
    correct = (rows.argmax(axis=1) == truth).astype(np.float64)
    errors = ((rows - np.eye(rows.shape[1])[truth]) ** 2).sum(axis=1)
    return {
        "accuracy": lambda w: _share(w, correct),
        "balanced_accuracy": lambda w: np.asarray(
            _nan(np.nanmean, _classwise(w, correct, truth), axis=1)
        ),
        "auc": lambda w: _macro_auc(w, rows, truth),
        "brier": lambda w: _share(w, errors),
        "ece": lambda w: _ece(w, rows.max(axis=1), correct),
    }


def _of_question(wanted: Floats, positive: Booleans) -> dict[str, Statistic]:
    yes = wanted >= 0.5
    return {
        "auc_binary": lambda w: _ranked_auc(w, wanted, positive),
        "sensitivity_at_90_specificity": lambda w: _sensitivity_at(0.9, w, wanted, positive),
        "sensitivity": lambda w: _share(w, yes, positive),
        "specificity": lambda w: _share(w, ~yes, ~positive),
    }


def _of_sets(members: Booleans, truth: NDArray[np.intp]) -> dict[str, Statistic]:
    covered, sizes = members[np.arange(len(truth)), truth], members.sum(axis=1)
    return {
        "coverage": lambda w: _share(w, covered),
        "set_size": lambda w: _share(w, sizes),
        "worst_class_coverage": lambda w: np.asarray(
            _nan(np.nanmin, _classwise(w, covered, truth), axis=1)
        ),
        "inconclusive": lambda w: _share(w, sizes > 1),
        "empty": lambda w: _share(w, sizes == 0),
    }


def _of_names(rows: Floats, truth: NDArray[np.intp], names: Sequence[str]) -> dict[str, Statistic]:
    def area(index: int) -> Statistic:
        return lambda w: _ranked_auc(w, rows[:, index], truth == index)

    return {f"auc: {name}": area(i) for i, name in enumerate(names) if (truth == i).any()}


def roc_curve(scores: ArrayLike, positive: ArrayLike) -> tuple[Floats, Floats]:
    """Return false and true positive rates as the limit falls; scores and truth of shape (n,)."""
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=np.bool_)
    false, true = _roc(np.ones((1, len(values))), values, truth)
    return np.append(0.0, false[0]), np.append(0.0, true[0])


def reliability(confidence: ArrayLike, correct: ArrayLike, bins: int = 10) -> Floats:
    """Return (filled bins, 3): mean confidence, share correct, and cases of equal-width bins."""
    values, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    place = np.minimum((values * bins).astype(np.intp), bins - 1)
    rows = [(values[place == b].mean(), right[place == b].mean(), (place == b).sum())
            for b in np.unique(place)]  # fmt: skip
    return np.asarray(rows, np.float64)


def roc_auc(scores: ArrayLike, positive: ArrayLike) -> float:
    """Return the area under the ROC curve of scores (n,), truth (n,); NaN with one class."""
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=np.bool_)
    return float(_ranked_auc(np.ones((1, len(values))), values, truth)[0])
