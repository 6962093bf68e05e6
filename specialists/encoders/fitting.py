"""Trains a linear head: splits by group, a penalty chosen by cross-validation, figures held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from specialists.calibration import negative_log_likelihood, softmax
from specialists.encoders.heads import Head
from specialists.errors import InvalidInput
from specialists.measures import evaluate_predictions
from specialists.recalibration.apply import judged
from specialists.recalibration.fit import Case, fit_part, logits_of
from specialists.recalibration.record import Part
from specialists.training.split import split_groups

__all__ = ["PARTS", "Fitted", "fit_head"]

PARTS = {"train": 0.6, "calibration": 0.2, "test": 0.2}
FOLDS = 5
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Values of C, the inverse of the penalty, on standardised features."""
Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


class Fitted(NamedTuple):
    """A head, what its probabilities were calibrated to, and what was measured."""

    head: Head
    part: Part
    penalty: float
    sizes: dict[str, dict[str, Any]]
    """By part of the split: cases, groups, and cases by class."""
    metrics: dict[str, Any]
    """On the test part, each with a 95% interval."""


def fit_head(
    features: NDArray[Any],
    labels: Sequence[str],
    groups: Sequence[str],
    classes: Sequence[str],
    positive: Sequence[str],
    question: bool,
) -> Fitted:
    """Fit a head to features (n, width) and measure it on groups that it never saw.

    Args:
        features: Of all cases.
        labels: Length n, names of `classes`.
        groups: Length n: cases of one group are all in one part of the split.
        classes: Order of the classes.
        positive: Classes that answer the clinical question with yes.
        question: Whether the specialist tells that question as a finding of its own.

    Raises:
        InvalidInput: If there are too few cases, or a class is only in a part of the split.
    """
    truth = np.array([list(classes).index(label) for label in labels], np.intp)
    rows = np.asarray(features, np.float64)
    split = split_groups(groups, truth.tolist(), 0, PARTS)
    train, calibration, test = (split[name] for name in PARTS)
    if set(truth[train]) != set(truth) or not len(test):
        raise InvalidInput(
            "Too few cases to train on: every class needs groups of cases for training, "
            "calibration and test."
        )
    names = np.array(groups)
    penalty = _penalty(rows[train], truth[train], names[train].tolist(), len(classes))
    head = _fit(rows[train], truth[train], penalty, len(classes))
    shares = softmax(head.logits(rows))
    cases = [
        Case(dict(zip(classes, shares[i].tolist(), strict=True)), "score", labels[i], groups[i])
        for i in calibration
    ]
    part = fit_part(cases, classes, positive if question else ())
    sizes = {name: _size(own, truth, names, classes) for name, own in split.items()}
    return Fitted(
        head,
        part,
        penalty,
        sizes,
        _measured(part, shares[test], truth[test], names[test], positive),
    )


def _measured(
    part: Part, shares: Floats, truth: Labels, groups: NDArray[Any], positive: Sequence[str]
) -> dict[str, Any]:
    one = judged(part, shares)
    yes = [part.classes.index(name) for name in positive if name in part.classes]
    found = evaluate_predictions(
        one.probabilities, truth, one.members, yes, groups.tolist(), names=part.classes
    )
    return {"n": len(truth), "groups": len(set(groups.tolist())), **found}


def _size(
    own: Labels, truth: Labels, groups: NDArray[Any], classes: Sequence[str]
) -> dict[str, Any]:
    counts = np.bincount(truth[own], minlength=len(classes)).tolist()
    return {
        "n": len(own),
        "groups": len(set(groups[own].tolist())),
        "cases": dict(zip(classes, counts, strict=True)),
    }


def _penalty(rows: Floats, truth: Labels, groups: Sequence[str], classes: int) -> float:
    """The C with the least negative log-likelihood on groups left out of the fit."""
    shares = {str(number): 1 / FOLDS for number in range(FOLDS)}
    folds = [own for own in split_groups(groups, truth.tolist(), 1, shares).values() if len(own)]
    losses = []
    for penalty in PENALTIES:
        logits = np.zeros((len(rows), classes))
        for own in folds:
            others = np.setdiff1d(np.arange(len(rows)), own)
            logits[own] = _fit(rows[others], truth[others], penalty, classes).logits(rows[own])
        losses.append(negative_log_likelihood(logits_of(softmax(logits)), truth, 1.0))
    return PENALTIES[int(np.argmin(losses))]


def _fit(rows: Floats, truth: Labels, penalty: float, classes: int) -> Head:
    """Logistic regression; a class that is not among the cases gets the least score."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    weight, bias = np.zeros((classes, rows.shape[1])), np.full(classes, -30.0)
    known = np.unique(truth)
    if len(known) == 1:
        bias[known] = 0.0
        return Head(mean, scale, weight, bias)
    model = LogisticRegression(C=penalty, max_iter=2000)
    model.fit((rows - mean) / scale, truth)
    if len(known) == 2:
        half = model.coef_[0] / 2, model.intercept_[0] / 2
        weight[known], bias[known] = [-half[0], half[0]], [-half[1], half[1]]
    else:
        weight[known], bias[known] = model.coef_, model.intercept_
    return Head(mean, scale, weight, bias)
