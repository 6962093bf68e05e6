"""Which reference population a person resembles, from principal components.

Every function takes components of a reference cohort with population labels and those of other
people in the same space. A population here is a label of the reference cohort: a statement about
genetic likeness to those people, not about who somebody is.

Nearness is measured as the PGS Catalog Calculator does it (Lambert et al., Nature Genetics
2024): by the votes of a random forest, or by the Mahalanobis distance to each population. For
people of mixed ancestry one label is wrong however it is chosen; `mixture` gives weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from specialists.errors import BackendUnavailable
from specialists.readers.transport import transported

__all__ = [
    "LEAST_PROBABILITY",
    "Cohort",
    "Likeness",
    "Method",
    "candidates",
    "forest",
    "mahalanobis",
    "mixture",
    "resemblance",
]

Method = Literal["mahalanobis", "random_forest"]
Values = NDArray[np.float64]

COMPARED = 5
"""Components that are compared."""
LEAST_PROBABILITY = {"mahalanobis": 1e-10, "random_forest": 0.5}
"""Below this the nearest population is far all the same: low confidence."""
_FOREST_SEED = 32


@transported
@dataclass(frozen=True, eq=False)
class Cohort:
    """A reference cohort's place in the space of components."""

    components: Values
    """Shape (people, components)."""
    population: NDArray[np.int64]
    """Shape (people,), index into `names`."""
    names: tuple[str, ...]

    def members(self, population: int) -> Values:
        """Components of one population's people."""
        members: Values = self.components[self.population == population]
        return members


@dataclass(frozen=True, eq=False)
class Likeness:
    """How people resemble each population of a cohort."""

    probability: Values
    """Shape (people, populations): chi-square tail probabilities, or a forest's votes."""
    nearest: NDArray[np.int64]
    """Shape (people,), index into the cohort's names."""
    low_confidence: NDArray[np.bool_]
    """Shape (people,): even the nearest is below `LEAST_PROBABILITY`."""


def resemblance(
    cohort: Cohort, components: Values, method: Method = "mahalanobis", compared: int = COMPARED
) -> Likeness:
    """Find the population that each person is nearest to.

    Args:
        cohort: The reference.
        components: Shape (people, components), of the people who are placed.
        method: How nearness is measured; "random_forest" needs scikit-learn.
        compared: How many of the first components count.

    Raises:
        BackendUnavailable: If scikit-learn is needed and not installed.
    """
    if method == "random_forest":
        probability = forest(cohort, components, compared)
        # Of equal votes the first in the alphabet counts.
        order = np.argsort(np.array(cohort.names))
        nearest = order[probability[:, order].argmax(axis=1)]
    else:
        distance, probability = mahalanobis(cohort, components, compared)
        # Tails underflow to 0 for everything that is far; there the distance decides.
        nearest = np.lexsort((distance.T, -probability.T), axis=0)[0]
    best = probability[np.arange(len(nearest)), nearest]
    return Likeness(probability, nearest, best < LEAST_PROBABILITY[method])


def mahalanobis(
    cohort: Cohort, components: Values, compared: int = COMPARED
) -> tuple[Values, Values]:
    """Squared Mahalanobis distances, and their tail probabilities.

    Returns:
        Distances and probabilities, each of shape (people, populations). The probabilities are
        of a chi-square distribution with one degree of freedom less than there are components,
        as the PGS Catalog Calculator has it.
    """
    from scipy.special import chdtrc

    compared = min(compared, cohort.components.shape[1])
    placed = components[:, :compared]
    squared = np.empty((len(placed), len(cohort.names)))
    for population in range(len(cohort.names)):
        members = cohort.members(population)[:, :compared]
        away = placed - members.mean(axis=0)
        inverse = np.linalg.pinv(np.cov(members, rowvar=False, ddof=0), hermitian=True)
        squared[:, population] = np.einsum("ij,jk,ik->i", away, inverse, away)
    return squared, np.asarray(chdtrc(compared - 1, squared), np.float64)


def forest(cohort: Cohort, components: Values, compared: int = COMPARED) -> Values:
    """Votes of a random forest of 100 trees, seeded. Shape (people, populations).

    Raises:
        BackendUnavailable: If scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import RandomForestClassifier
    except ImportError as error:
        raise BackendUnavailable(
            "The random forest needs scikit-learn: pip install scikit-learn. The method"
            " mahalanobis needs nothing more."
        ) from error
    trees = RandomForestClassifier(random_state=_FOREST_SEED, n_jobs=1)
    # Classes in alphabetical order, so that the seeded trees do not depend on the labels' order.
    order = np.argsort(np.array(cohort.names))
    rank = np.argsort(order)
    trees.fit(cohort.components[:, :compared], rank[cohort.population])
    votes = np.zeros((len(components), len(cohort.names)))
    votes[:, order[trees.classes_]] = trees.predict_proba(components[:, :compared])
    return votes


def mixture(cohort: Cohort, components: Values, compared: int = COMPARED) -> Values:
    """Weights of populations whose mean components add up to a person's.

    Components are linear in genotypes, so those of a person with ancestors in several
    populations lie between those populations' means. Distances count in units of the spread
    within populations. The weights are estimates from a few components, not measured shares
    of a genome.

    Returns:
        Shape (people, populations), at least 0, each row adding up to 1.
    """
    from scipy.optimize import nnls

    numbers = range(len(cohort.names))
    centres = np.array([cohort.members(n)[:, :compared].mean(axis=0) for n in numbers])
    within = cohort.components[:, :compared] - centres[cohort.population]
    scale = np.maximum(within.std(axis=0), 1e-12)
    # A heavy last row holds the sum of weights to 1.
    heavy = 1e3 * np.abs(centres / scale).max()
    matrix = np.vstack([(centres / scale).T, np.full(len(cohort.names), heavy)])
    rows = [
        nnls(matrix, np.append(person / scale, heavy))[0] for person in components[:, :compared]
    ]
    weights = np.array(rows).reshape(len(components), len(cohort.names))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def candidates(weights: Sequence[float], least: float = 0.05) -> list[int]:
    """Populations with at least this weight, heaviest first."""
    order = np.argsort(-np.asarray(weights), kind="stable")
    return [int(number) for number in order if weights[number] >= least]
