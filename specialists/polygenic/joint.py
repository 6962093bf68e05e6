"""Disease risk from many scores of one person together, with age and sex.

A score from a small study is mostly noise. What other scores of the same person say about it is
less so, where diseases share causes. The joint model reads a disease's own scores together with
what all the other scores lead one to expect of them, and learns from many diseases how much
weight each deserves, given the size of the study behind the score. Since it learns about scores
and not about one disease, it serves diseases that it was never trained on: such a disease needs
a score, and its incidence by age and sex, as registries publish it.

The idea that one person's many scores together say more than one is of Med-Gemini-Polygenic
(Yang et al., arXiv 2405.03162); the model here is a logistic regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["AGES", "Incidence", "JointModel", "Person", "ScoreNorms", "fit_joint", "logistic"]

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

AGES = (0, 20, 30, 40, 50, 60, 70, 80, 90, 120)
"""Years at which incidence is told."""
_PEER_PENALTY = 0.02
"""Of the ridge regression of a score on the others, as a share of the people."""
_ROUNDS = 50


@dataclass(frozen=True, eq=False)
class Person:
    """People as the model sees them."""

    scores: Values
    """Shape (people, diseases, kinds)."""
    components: Values
    """Shape (people, components): scores are adjusted for them."""
    age_years: Values
    female: Flags


@dataclass(frozen=True, eq=False)
class ScoreNorms:
    """What scores look like in a reference cohort; made without any disease label.

    D diseases, K kinds of scores of each, C components.
    """

    regression: Values
    """Shape (1 + C, D * K): of each score on the components, intercept first."""
    spread: Values
    """Shape (D * K,): standard deviation of what is left."""
    peers: Values
    """Shape (D * K, D): weights that tell a disease's first score from those of the others."""
    explained: Values
    """Shape (D,): share of that score's variance that they tell."""
    study_size: Values
    """Shape (D,): people behind each disease's scores."""
    distance: float
    """Mean distance of the reference people from the people of the studies, to scale by."""
    home: Values
    """Shape (C,): mean components of the people of the studies."""

    @classmethod
    def of(cls, people: Person, study_size: Sequence[int], like_studies: Flags) -> ScoreNorms:
        """Describe a reference cohort.

        Args:
            people: The cohort.
            study_size: People behind each disease's scores.
            like_studies: Shape (people,): those of the studies' own ancestry.
        """
        flat = people.scores.reshape(len(people.scores), -1).astype(np.float64)
        design = _with_ones(people.components)
        regression = np.asarray(np.linalg.lstsq(design, flat, rcond=None)[0], np.float64)
        left = flat - design @ regression
        spread = left.std(axis=0)
        peers, explained = _peers(left / spread, people.scores.shape[2])
        home = people.components[like_studies].mean(axis=0)
        distance = float(np.linalg.norm(people.components - home, axis=1).mean())
        size = np.asarray(study_size, np.float64)
        return cls(regression, spread, peers, explained, size, distance, home)

    def adjusted(self, people: Person) -> Values:
        """Scores in standard deviations, adjusted for ancestry: (people, D * K)."""
        flat = people.scores.reshape(len(people.scores), -1)
        design = _with_ones(people.components)
        return np.asarray((flat - design @ self.regression) / self.spread, np.float64)

    def abroad(self, people: Person) -> Values:
        """How far people are from those of the studies: (people,), 1 on average."""
        away = np.linalg.norm(people.components - self.home, axis=1)
        return np.asarray(away / max(self.distance, 1e-9), np.float64)

    def described(self) -> Values:
        """What is known of each disease's score: (D, 5), the first a 1."""
        size = np.log(self.study_size / 10_000)
        kinds = len(self.spread) // len(size)
        strength = self.spread[::kinds] / self.spread[::kinds].mean() - 1
        ones = np.ones(len(size))
        return np.column_stack([ones, size, self.explained, size * self.explained, strength])


@dataclass(frozen=True, eq=False)
class Incidence:
    """How common a disease is by age and sex."""

    log_odds: Values
    """Shape (2, ages): men, women, at `AGES`."""

    @classmethod
    def counted(cls, age_years: Values, female: Flags, diseased: Flags) -> Incidence:
        """Count it in a population, and smooth it: log odds linear in age, for each sex.

        Args:
            age_years: Shape (people,).
            female: Shape (people,).
            diseased: Shape (people,).
        """
        decades = (age_years - 60) / 10
        design = np.column_stack([np.ones(len(decades)), decades, female, decades * female])
        weights = logistic(design, diseased.astype(np.float64), penalty=1.0)
        at = (np.array(AGES) - 60) / 10
        men, women = weights[0] + weights[1] * at, weights[2] + weights[3] * at
        return cls(np.array([men, men + women]))

    def of(self, age_years: Values, female: Flags) -> Values:
        """Log odds of people, on straight lines between the ages: (people,)."""
        men, women = (np.interp(age_years, AGES, one) for one in self.log_odds)
        return np.asarray(np.where(female, women, men), np.float64)


@dataclass(frozen=True, eq=False)
class JointModel:
    """Weights of the features, the same for every disease."""

    norms: ScoreNorms
    weights: Values
    """Shape (features,)."""

    def log_odds(self, people: Person, disease: int, incidence: Incidence) -> Values:
        """Log odds of a disease: (people,).

        Args:
            people: Whose scores were adjusted by nothing but the norms.
            disease: Index into the norms' diseases; it need not have been trained on.
            incidence: Of that disease.
        """
        base = incidence.of(people.age_years, people.female)
        return base + _features(self.norms, people, disease) @ self.weights


def fit_joint(
    norms: ScoreNorms,
    people: Person,
    diseased: Flags,
    trained: Sequence[int],
    incidence: Sequence[Incidence],
    penalty: float = 100.0,
) -> JointModel:
    """Learn from several diseases how scores tell of risk.

    Args:
        norms: Of a reference cohort.
        people: Training people.
        diseased: Shape (people, diseases); only columns of `trained` are looked at.
        trained: The diseases to learn from.
        incidence: One a disease of `trained`.
        penalty: Of the squared weights, in people.
    """
    rows = [_features(norms, people, disease) for disease in trained]
    base = [one.of(people.age_years, people.female) for one in incidence]
    features, offset = np.concatenate(rows), np.concatenate(base)
    outcome = np.concatenate([diseased[:, disease] for disease in trained]).astype(np.float64)
    return JointModel(norms, logistic(features, outcome, offset, penalty))


def logistic(
    features: Values, outcome: Values, offset: Values | None = None, penalty: float = 0.0
) -> Values:
    """Weights of a logistic regression, by Newton's method. Shape (features,)."""
    weights = np.zeros(features.shape[1])
    base = np.zeros(len(outcome)) if offset is None else offset
    ridge = penalty * np.eye(len(weights))
    for _ in range(_ROUNDS):
        probability = 1 / (1 + np.exp(-(base + features @ weights)))
        slope = features.T @ (outcome - probability) - penalty * weights
        curve = (features * (probability * (1 - probability))[:, None]).T @ features
        step = np.linalg.solve(curve + ridge + 1e-9 * np.eye(len(weights)), slope)
        weights = weights + step
        if float(np.abs(step).max()) < 1e-8:
            break
    return weights


def _peers(adjusted: Values, kinds: int) -> tuple[Values, Values]:
    """Ridge regressions of each disease's first score on the scores of all the others."""
    people, columns = adjusted.shape
    gram = adjusted.T @ adjusted / people
    peers = np.zeros((columns, columns // kinds))
    explained = np.zeros(columns // kinds)
    for disease in range(columns // kinds):
        first = disease * kinds
        others = np.delete(np.arange(columns), slice(first, first + kinds))
        matrix = gram[np.ix_(others, others)] + _PEER_PENALTY * np.eye(len(others))
        weights = np.linalg.solve(matrix, gram[others, first])
        explained[disease] = float(weights @ gram[np.ix_(others, others)] @ weights)
        peers[others, disease] = weights
    return peers, explained


def _features(norms: ScoreNorms, people: Person, disease: int) -> Values:
    """Shape (people, features): own scores and what the peers tell, weighed by what is known."""
    kinds = people.scores.shape[2]
    adjusted = norms.adjusted(people)
    own = adjusted[:, disease * kinds : (disease + 1) * kinds]
    told = adjusted @ norms.peers[:, disease]
    told = told / max(np.sqrt(norms.explained[disease]), 0.05)
    heard = np.column_stack([own, told])
    known = norms.described()[disease]
    weighed = (heard[:, :, None] * known).reshape(len(heard), -1)
    first = heard[:, [0, kinds]]
    abroad = norms.abroad(people)[:, None] - 1
    age = (people.age_years[:, None] - 60) / 10
    # Where scores tell more, the same incidence is made of risks that differ more; their mean on
    # the scale of log odds is then lower.
    level = np.broadcast_to(known, (len(heard), len(known)))
    parts = [weighed, first * abroad, first * age, level]
    return np.asarray(np.concatenate(parts, axis=1), np.float64)


def _with_ones(columns: Values) -> Values:
    return np.column_stack([np.ones(len(columns)), columns])
