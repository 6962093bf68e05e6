"""Measures the retina reference on cases that were not trained or calibrated on."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.calibration import prediction_sets
from specialists.measures import evaluate_predictions, roc_auc
from specialists.retina.predict import REFERABLE_FROM, TASKS, classes_of, halves

POSITIVE = {"grade": [2, 3, 4], "referable": [1], "edema": [2]}
"""Referable retinopathy, by grades and as such; high risk of macular edema."""

Floats = NDArray[np.float64]
Labels = Mapping[str, NDArray[np.intp]]
Calibrate = Callable[[dict[str, Floats], dict[str, NDArray[np.intp]]], tuple[Any, Any]]


def figures(
    scores: Mapping[str, Floats], labels: Labels, fold: NDArray[np.intp], calibrate: Calibrate
) -> dict[str, Any]:
    """Measure out-of-fold scores, each fold calibrated on all the others.

    Args:
        scores: By task, (n, questions): each case scored by a model that saw none of its fold.
        labels: By task, (n,).
        fold: Shape (n,), the fold of each case.
        calibrate: From scores and labels to calibrations and thresholds, by task.

    Returns:
        By task the metrics of `evaluate_predictions`, with coverage by class.
    """
    truth = {**labels, "referable": (labels["grade"] >= REFERABLE_FROM).astype(np.intp)}
    rows, sets = _held_out(scores, labels, fold, calibrate)
    return {
        task: {
            "n": len(fold),
            **evaluate_predictions(rows[task], truth[task], sets[task], positive),
            "coverage_by_class": _by_class(sets[task], truth[task]),
        }
        for task, positive in POSITIVE.items()
    }


def _held_out(
    scores: Mapping[str, Floats], labels: Labels, fold: NDArray[np.intp], calibrate: Calibrate
) -> tuple[dict[str, Floats], dict[str, NDArray[np.bool_]]]:
    """Return probabilities and sets, by task, of every case."""
    widths = {**{task: len(levels) + 1 for task, levels in TASKS.items()}, "referable": 2}
    probabilities = {task: np.zeros((len(fold), width)) for task, width in widths.items()}
    sets = {task: np.zeros((len(fold), width), bool) for task, width in widths.items()}
    for number in np.unique(fold):
        seen, held = fold != number, fold == number
        calibration, thresholds = calibrate(
            {task: rows[seen] for task, rows in scores.items()},
            {task: values[seen] for task, values in labels.items()},
        )
        own = {task: classes_of(scores[task][held], calibration[task]) for task in TASKS}
        own["referable"] = halves(own["grade"])
        for task, rows in own.items():
            probabilities[task][held] = rows
            sets[task][held] = prediction_sets(rows, thresholds[task])
    return probabilities, sets


def _by_class(sets: NDArray[np.bool_], labels: NDArray[np.intp]) -> list[float]:
    covered = sets[np.arange(len(labels)), labels]
    return [float(covered[labels == c].mean()) for c in range(sets.shape[1])]


def baseline(names: list[str], features: Floats, labels: Labels) -> dict[str, Any]:
    """Return what one number gives: the area of exudate-like and of red spots."""
    truth = np.isin(labels["grade"], POSITIVE["grade"])
    told = ("exudate 0.12 area", "red 0.09 area")
    return {
        "what": "AUC of referable retinopathy from one number, the area of candidates",
        **{name: roc_auc(features[:, names.index(name)], truth) for name in told},
    }
