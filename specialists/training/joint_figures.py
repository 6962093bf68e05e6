"""How the joint model does against each disease's own scores with age and sex.

On people who were not trained on (five folds, each tested by models of the other four): for
diseases that were trained on, and for those held out, of which the joint model saw no case. The
linear baseline of a disease is fitted to that disease's own cases, held out or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.polygenic.joint import (
    Incidence,
    JointModel,
    Person,
    ScoreNorms,
    fit_joint,
    logistic,
)
from specialists.polygenic.simulation import POPULATIONS, Cohort

__all__ = ["FOLDS", "Split", "auc_difference", "choose_penalty", "figures"]

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

_TRAINED = 0.75
"""Share of diseases that are trained on: 30 of 40."""
FOLDS = 5
"""Parts of the people; each is tested once."""
_EVERY = 3
_PENALTIES = (10.0, 100.0, 1000.0)


@dataclass(frozen=True, eq=False)
class Split:
    """A cohort, with some diseases and one part of the people set apart."""

    train: Person
    test: Person
    diseased_train: Flags
    diseased_test: Flags
    population_test: NDArray[np.int64]
    norms: ScoreNorms
    trained: list[int]
    held: list[int]
    incidence: list[Incidence]
    """Of every disease, as a registry would count it among the training people."""

    @classmethod
    def of(cls, cohort: Cohort, seed: int = 0, fold: int = 0) -> Split:
        """Set people and diseases apart at random: the same diseases for every fold."""
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(cohort.population)) % FOLDS != fold
        diseases = rng.permutation(cohort.diseased.shape[1])
        train, test = _people(cohort, chosen), _people(cohort, ~chosen)
        diseased = cohort.diseased[chosen]
        number = round(_TRAINED * len(diseases))
        return cls(
            train=train,
            test=test,
            diseased_train=diseased,
            diseased_test=cohort.diseased[~chosen],
            population_test=cohort.population[~chosen],
            norms=ScoreNorms.of(train, cohort.study_size.tolist(), cohort.population[chosen] == 0),
            trained=sorted(diseases[:number].tolist()),
            held=sorted(diseases[number:].tolist()),
            incidence=[
                Incidence.counted(train.age_years, train.female, diseased[:, disease])
                for disease in range(len(diseases))
            ],
        )

    def thinned(self, every: int) -> Split:
        """The same with some of the training people only."""
        people = self.train
        part = Person(
            people.scores[::every],
            people.components[::every],
            people.age_years[::every],
            people.female[::every],
        )
        return replace(self, train=part, diseased_train=self.diseased_train[::every])

    def fit(self, diseases: Sequence[int], penalty: float) -> JointModel:
        """Train on some diseases."""
        incidence = [self.incidence[disease] for disease in diseases]
        return fit_joint(self.norms, self.train, self.diseased_train, diseases, incidence, penalty)


def _people(cohort: Cohort, chosen: Flags) -> Person:
    return Person(
        scores=cohort.scores[chosen].astype(np.float64),
        components=cohort.components[chosen].astype(np.float64),
        age_years=cohort.age_years[chosen].astype(np.float64),
        female=cohort.female[chosen],
    )


def choose_penalty(split: Split) -> float:
    """The penalty with the best mean log likelihood on diseases left out of the training ones.

    Every third person tells; the penalties are then a third.
    """
    split = split.thinned(_EVERY)
    folds = [split.trained[start::FOLDS] for start in range(FOLDS)]
    loss = {}
    for penalty in _PENALTIES:
        losses = []
        for fold in folds:
            model = split.fit([one for one in split.trained if one not in fold], penalty / _EVERY)
            losses += [_loss(split, model, disease) for disease in fold]
        loss[penalty] = float(np.mean(losses))
    return min(loss, key=lambda penalty: loss[penalty])


def _loss(split: Split, model: JointModel, disease: int) -> float:
    odds = model.log_odds(split.train, disease, split.incidence[disease])
    signed = np.where(split.diseased_train[:, disease], -odds, odds)
    return float(np.logaddexp(0, signed).mean())


def figures(
    splits: Sequence[Split], models: Sequence[JointModel], study_size: Sequence[int]
) -> dict[str, Any]:
    """Measure on the test people of every fold.

    Args:
        splits: One a fold.
        models: Trained on each.
        study_size: Of each disease.

    Returns:
        For `held` and `trained`: `rows` (one a disease: AUC of both, difference with its 95%
        interval), `above`, `clearly_above` (interval above 0), `mean` with the 95% interval over
        diseases; of the held diseases also calibration and the mean difference by population.
    """
    first, folds = splits[0], list(zip(splits, models, strict=True))
    told = {
        disease: [_told(split, model, disease) for split, model in folds]
        for disease in (*first.held, *first.trained)
    }
    held = {disease: told[disease] for disease in first.held}
    populations = [split.population_test for split in splits]
    return {
        "people": sum(len(split.test.scores) for split in splits),
        "held": _compared(held, study_size)
        | _calibration(held)
        | {"by_population": _by_population(held, populations)},
        "trained": _compared({one: told[one] for one in first.trained}, study_size),
    }


@dataclass(frozen=True, eq=False)
class _Told:
    """What is predicted of one disease in one fold's test people. Arrays: shape (people,)."""

    joint: Values
    baseline: Values
    seen: Flags

    def difference(self, among: Flags | None = None) -> dict[str, float]:
        there = np.ones(len(self.seen), bool) if among is None else among
        return auc_difference(self.seen[there], self.joint[there], self.baseline[there])


def _told(split: Split, model: JointModel, disease: int) -> _Told:
    return _Told(
        joint=model.log_odds(split.test, disease, split.incidence[disease]),
        baseline=_baseline(split, disease),
        seen=split.diseased_test[:, disease],
    )


def _compared(told: Mapping[int, Sequence[_Told]], study_size: Sequence[int]) -> dict[str, Any]:
    rows = [
        {
            "disease": disease,
            "study_size": int(study_size[disease]),
            **_over_folds([one.difference() for one in folds]),
        }
        for disease, folds in told.items()
    ]
    differences = np.array([row["difference"] for row in rows])
    error = 1.96 * differences.std(ddof=1) / np.sqrt(len(differences))
    return {
        "rows": rows,
        "above": int((differences > 0).sum()),
        "clearly_above": sum(row["low"] > 0 for row in rows),
        "mean": float(differences.mean()),
        "mean_low": float(differences.mean() - error),
        "mean_high": float(differences.mean() + error),
    }


def _over_folds(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means over folds; the folds' people are apart, so that their errors are independent."""
    mean = {
        name: float(np.mean([one[name] for one in found]))
        for name in ("joint", "baseline", "difference")
    }
    errors = [(one["high"] - one["low"]) / 2 for one in found]
    half = float(np.sqrt(np.sum(np.square(errors)))) / len(found)
    return mean | {"low": mean["difference"] - half, "high": mean["difference"] + half}


def _baseline(split: Split, disease: int) -> Values:
    """Log odds by the disease's own scores, age and sex, fitted to its own cases."""
    outcome = split.diseased_train[:, disease].astype(np.float64)
    weights = logistic(_linear(split, split.train, disease), outcome)
    return np.asarray(_linear(split, split.test, disease) @ weights, np.float64)


def _linear(split: Split, people: Person, disease: int) -> Values:
    kinds = people.scores.shape[2]
    own = split.norms.adjusted(people)[:, disease * kinds : (disease + 1) * kinds]
    age = (people.age_years - 60) / 10
    return np.column_stack([np.ones(len(age)), own, age, people.female])


def auc_difference(diseased: Flags, one: Values, two: Values) -> dict[str, float]:
    """AUC of two predictions of the same people, and their difference with a 95% interval.

    Source: DeLong et al., Biometrics 1988.
    """
    first, second = _placements(diseased, one), _placements(diseased, two)
    variance = sum(
        np.var(of_one - of_two, ddof=1) / len(of_one)
        for of_one, of_two in zip(first, second, strict=True)
    )
    auc = [float(side[0].mean()) for side in (first, second)]
    half = 1.96 * float(np.sqrt(variance))
    difference = auc[0] - auc[1]
    return {
        "joint": auc[0],
        "baseline": auc[1],
        "difference": difference,
        "low": difference - half,
        "high": difference + half,
    }


def _placements(diseased: Flags, values: Values) -> tuple[Values, Values]:
    """Share of controls below each case, and of cases above each control."""
    from scipy.stats import rankdata

    cases, controls = values[diseased], values[~diseased]
    ranks = rankdata(np.concatenate([cases, controls]))
    above = (ranks[: len(cases)] - rankdata(cases)) / len(controls)
    below = 1 - (ranks[len(cases) :] - rankdata(controls)) / len(cases)
    return above, below


def _calibration(told: Mapping[int, Sequence[_Told]]) -> dict[str, float]:
    """Of the held diseases together: cases expected for one seen, and the slope."""
    every = [one for folds in told.values() for one in folds]
    values = np.concatenate([one.joint for one in every])
    seen = np.concatenate([one.seen for one in every]).astype(np.float64)
    slope = logistic(np.column_stack([np.ones(len(values)), values]), seen)[1]
    return {
        "expected_over_observed": float((1 / (1 + np.exp(-values))).sum() / seen.sum()),
        "calibration_slope": float(slope),
    }


def _by_population(
    told: Mapping[int, Sequence[_Told]], populations: Sequence[NDArray[np.int64]]
) -> dict[str, float]:
    """Mean difference in AUC over the held diseases, within each population."""
    found = {}
    for code, name in enumerate(POPULATIONS):
        differences = [
            one.difference(population == code)["difference"]
            for folds in told.values()
            for one, population in zip(folds, populations, strict=True)
        ]
        found[name] = float(np.mean(differences))
    return found
