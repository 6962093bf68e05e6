"""Measured figures of predictions, each with a bootstrap 95% interval.

Everything here is NumPy. A statistic is a function of weights (resamples, n), so that all
resamples are measured in one pass.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Interval = dict[str, float | None]
Statistic = Callable[[Floats], Floats]

RESAMPLES = 1000
BINS = 15


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
