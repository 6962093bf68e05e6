"""Measures the skin reference on lesions that were not trained or calibrated on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.calibration import prediction_sets
from specialists.measures import Booleans, Floats, bootstrap_weights, evaluate_predictions, interval
from specialists.skin.predict import combine, halves

Labels = NDArray[np.intp]


def sensitivity_at(
    weights: Floats, scores: Floats, positive: Booleans, specificity: float
) -> Floats:
    """Return by resample the share of positives above the negatives' quantile."""
    values = []
    for row in weights:
        negatives = np.repeat(scores[~positive], row[~positive].astype(int))
        hits = row[positive] @ (scores[positive] > np.quantile(negatives, specificity))
        values.append(hits / row[positive].sum())
    return np.array(values)


def binary(scores: Floats, positive: Booleans, groups: Sequence[str]) -> dict[str, Any]:
    """Measure one class against the rest: AUC, sensitivity at 90% specificity, Brier score."""
    rows = np.stack([1 - scores, scores], axis=1)
    sets = np.ones(rows.shape, bool)
    measured = evaluate_predictions(rows, positive.astype(np.intp), sets, [1], groups)
    weights, error = bootstrap_weights(len(rows), groups), (scores - positive) ** 2
    return {
        "n_positive": int(positive.sum()),
        "auc": measured["auc_binary"],
        "sensitivity_at_90_specificity": interval(
            lambda w: sensitivity_at(w, scores, positive, 0.9), weights
        ),
        "brier": interval(lambda w: w @ error / w.sum(axis=1), weights),
        "ece": measured["ece"],
    }


def by_class(sets: Booleans, labels: Labels, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return coverage and mean size of the sets of each true class."""
    covered = sets[np.arange(len(labels)), labels]
    return {
        name: {
            "n": int((labels == index).sum()),
            "coverage": float(covered[labels == index].mean()),
            "set_size": float(sets[labels == index].sum(axis=1).mean()),
        }
        for index, name in enumerate(classes)
        if (labels == index).any()
    }


def figures(
    evidence: Floats,
    items: Floats,
    labels: Labels,
    groups: Sequence[str],
    calibration: Mapping[str, Any],
    names: tuple[Sequence[str], Sequence[int], int],
) -> dict[str, Any]:
    """Measure some cases, bootstrapping whole lesions.

    Args:
        evidence: Shape (n, classes).
        items: Shape (n, items, classes).
        labels: Shape (n,).
        groups: Length n, the lesions.
        calibration: Of the image type and of what is known of the person.
        names: All classes, the indices of the malignant ones, and that of melanoma.
    """
    classes, malignant, melanoma = names
    rows = combine(evidence, items, calibration)
    sets, two = prediction_sets(rows, calibration["thresholds"]), halves(rows, malignant)
    truth = np.isin(labels, malignant)
    asked = prediction_sets(two, calibration["malignancy_thresholds"])
    error = ((rows - np.eye(len(classes))[labels]) ** 2).sum(axis=1)
    weights = bootstrap_weights(len(rows), groups)
    told = evaluate_predictions(two, truth.astype(np.intp), asked, [1], groups)
    return {
        "n": len(labels),
        "lesions": len(set(groups)),
        **evaluate_predictions(rows, labels, sets, malignant, groups),
        "brier": interval(lambda w: w @ error / w.sum(axis=1), weights),
        "melanoma": binary(rows[:, melanoma], labels == melanoma, groups),
        "malignant": binary(two[:, 1], truth, groups)
        | {
            "coverage": told["coverage"],
            "set_size": told["set_size"],
            "worst_class_coverage": told["worst_class_coverage"],
        },
        "coverage_by_class": by_class(sets, labels, classes),
    }
