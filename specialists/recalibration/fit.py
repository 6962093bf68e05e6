"""Fits temperature and conformal limits to labelled predictions, and measures them held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from specialists.calibration import conformal_rank, fit_temperature, prediction_sets, softmax
from specialists.errors import InvalidInput
from specialists.measures import Booleans, Floats, evaluate_predictions
from specialists.recalibration.record import Interval, Part, QuestionLimits, Stated
from specialists.training.split import split_groups

__all__ = ["COVERAGE", "Case", "fit_part", "logits_of"]

COVERAGE = 0.9
FOLDS = 5
LEAST_CASES, LEAST_GROUPS = 20, 10
FLOOR = 1e-6
"""Least probability: backends round theirs, and zero has no logarithm."""
FIGURES = (
    "accuracy", "balanced_accuracy", "auc", "auc_binary", "brier", "ece", "coverage", "set_size",
    "worst_class_coverage", "inconclusive",
)  # fmt: skip
OWN, RARE, NEVER = "the class", "the rare classes together", "never excluded"
Labels = NDArray[np.intp]


class Case(NamedTuple):
    """A labelled prediction."""

    scores: dict[str, float]
    """By class, as the backend gave them, summing to about 1."""
    stated: Stated
    label: str
    group: str


class _Fitted(NamedTuple):
    temperature: float
    limits: Floats
    told: list[str]
    question: tuple[float, float] | None


def logits_of(scores: Any) -> Floats:
    """Return logits (n, classes) of scores (n, classes) that sum to about 1."""
    return np.asarray(np.log(np.clip(np.asarray(scores, np.float64), FLOOR, None)))


def fit_part(cases: Sequence[Case], classes: Sequence[str], positive: Sequence[str]) -> Part:
    """Fit what the cases, of the same classes, allow.

    Args:
        cases: Predictions and what was true.
        classes: Order of the classes.
        positive: Those that answer the clinical question with yes; empty where there is none.

    Raises:
        InvalidInput: If there are too few cases or groups.
    """
    logits = logits_of([[case.scores[name] for name in classes] for case in cases])
    truth = np.array([list(classes).index(case.label) for case in cases], np.intp)
    groups = [case.group for case in cases]
    yes = [list(classes).index(name) for name in positive if name in classes]
    if len(cases) < LEAST_CASES or len(set(groups)) < LEAST_GROUPS:
        raise InvalidInput(
            f"Too few cases to calibrate on: {len(cases)} in {len(set(groups))} groups; at least "
            f"{LEAST_CASES} in {LEAST_GROUPS} are needed, and 9 of each class."
        )
    fitted = _fitted(logits, truth, groups, yes)
    return Part(
        classes=tuple(classes),
        stated=cases[0].stated,
        temperature=_short(fitted.temperature),
        limits=dict(zip(classes, map(_short, fitted.limits.tolist()), strict=True)),
        conditional_on=dict(zip(classes, fitted.told, strict=True)),
        question=_question(positive, classes, fitted),
        n=len(cases),
        groups=len(set(groups)),
        cases={name: int((truth == index).sum()) for index, name in enumerate(classes)},
        metrics=_held_out(logits, truth, groups, yes),
    )


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _question(
    positive: Sequence[str], classes: Sequence[str], fitted: _Fitted
) -> QuestionLimits | None:
    if fitted.question is None:
        return None
    own = tuple(name for name in positive if name in classes)
    no, yes = map(_short, fitted.question)
    return QuestionLimits(positive=own, no_from=no, yes_from=yes)


def _folds(groups: Sequence[str], truth: Labels) -> Labels:
    """The fold of each case; groups are not split, and classes spread evenly."""
    parts = {str(number): 1 / FOLDS for number in range(FOLDS)}
    fold = np.zeros(len(groups), np.intp)
    for name, members in split_groups(groups, truth.tolist(), 0, parts).items():
        fold[members] = int(name)
    return fold


def _fitted(logits: Floats, truth: Labels, groups: Sequence[str], yes: Sequence[int]) -> _Fitted:
    """Limits come from probabilities whose temperature was fitted without the case's fold."""
    rows, fold = np.zeros_like(logits), _folds(groups, truth)
    for number in np.unique(fold):
        own = fold == number
        others = ~own if (~own).any() else own
        rows[own] = softmax(logits[own], fit_temperature(logits[others], truth[others]))
    limits, told = _limits(rows, truth)
    question = None
    if yes and len(yes) < logits.shape[1]:
        two, answer = _halves(rows, yes), np.isin(truth, yes).astype(np.intp)
        (no, is_so), _ = _limits(two, answer)
        question = (float(no), float(is_so))
    return _Fitted(fit_temperature(logits, truth), limits, told, question)


def _halves(rows: Floats, yes: Sequence[int]) -> Floats:
    high = rows[:, list(yes)].sum(axis=1)
    return np.stack([1 - high, high], axis=1)


def _limits(rows: Floats, truth: Labels) -> tuple[Floats, list[str]]:
    """Class by class; classes with too few cases share one limit, or are never excluded."""
    limits, told = np.zeros(rows.shape[1]), [NEVER] * rows.shape[1]
    counts = np.bincount(truth, minlength=rows.shape[1])
    enough = np.array([conformal_rank(int(n), COVERAGE) <= n for n in counts])
    for index in np.flatnonzero(enough):
        limits[index], told[index] = _limit(rows[truth == index, index]), OWN
    rare = np.flatnonzero(~enough & (counts > 0))
    pooled = np.isin(truth, rare)
    if conformal_rank(int(pooled.sum()), COVERAGE) <= pooled.sum():
        limits[rare] = _limit(rows[pooled, truth[pooled]])
        for index in rare:
            told[index] = RARE
    return limits, told


def _limit(own: Floats) -> float:
    return float(np.sort(own)[::-1][conformal_rank(len(own), COVERAGE) - 1])


def _held_out(
    logits: Floats, truth: Labels, groups: Sequence[str], yes: Sequence[int]
) -> dict[str, Interval]:
    """Fit to all folds but one and judge that one, for each."""
    fold, names = _folds(groups, truth), np.array(groups)
    rows, sets = np.zeros_like(logits), np.zeros(logits.shape, np.bool_)
    for number in np.unique(fold):
        own, others = fold == number, fold != number
        fitted = _fitted(logits[others], truth[others], names[others].tolist(), yes)
        rows[own] = softmax(logits[own], fitted.temperature)
        sets[own] = _sets(rows[own], fitted.limits)
    measured = evaluate_predictions(rows, truth, sets, list(yes), groups)
    return {
        name: Interval(**{key: None if one is None else _short(one) for key, one in found.items()})
        for name, found in measured.items()
        if name in FIGURES
    }


def _sets(rows: Floats, limits: Floats) -> Booleans:
    return prediction_sets(rows, limits)
