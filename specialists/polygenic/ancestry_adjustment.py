"""A score read against a reference cohort: percentile, and Z adjusted for ancestry.

Three ways, as the PGS Catalog Calculator has them (Lambert et al., Nature Genetics 2024):

- empirical: percentile and Z among the people of one population;
- `z_norm1`: what the score is above its regression on principal components, over the spread of
  these residuals in the whole cohort (Khera et al., Circulation 2019);
- `z_norm2`: the same with the spread depending on the components too; mean and variance are
  fitted together by maximum likelihood (Khan et al., Nature Medicine 2022).

None of them repairs effects that were estimated in another population.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.errors import InvalidInput

__all__ = ["ADJUSTED", "Norms", "empirical", "fit_norms"]

Values = NDArray[np.float64]

ADJUSTED = 4
"""Components that are adjusted for."""
_ROUNDS = 500
_CLOSE = 1e-12


@dataclass(frozen=True, eq=False)
class Norms:
    """How a score depends on the components in a reference cohort."""

    centre: Values
    """Shape (components,): the cohort's mean of each component."""
    scale: Values
    """Shape (components,): its standard deviation."""
    mean: Values
    """Shape (1 + components,): of the regression of the score, intercept first."""
    spread: float
    """Standard deviation of that regression's residuals."""
    likely_mean: Values
    """As `mean`, fitted together with `log_variance`."""
    log_variance: Values
    """Shape (1 + components,): logarithm of the variance of what is left."""

    def z(self, scores: Values, components: Values) -> tuple[Values, Values]:
        """Adjust scores.

        Args:
            scores: Shape (people,).
            components: Shape (people, at least as many as were adjusted for).

        Returns:
            `z_norm1` and `z_norm2`, each of shape (people,).
        """
        design = self._design(components)
        first = (scores - design @ self.mean) / self.spread
        second = (scores - design @ self.likely_mean) / np.exp(design @ self.log_variance / 2)
        return first, second

    def _design(self, components: Values) -> Values:
        return _with_ones((components[:, : len(self.centre)] - self.centre) / self.scale)


def fit_norms(scores: Values, components: Values, adjusted: int = ADJUSTED) -> Norms:
    """Fit how scores depend on components.

    Args:
        scores: Shape (people,), of the reference cohort.
        components: Shape (people, components), of the same people.
        adjusted: How many of the first components count.

    Raises:
        InvalidInput: If the scores are all the same.
    """
    used = components[:, :adjusted]
    centre, scale = used.mean(axis=0), used.std(axis=0)
    design = _with_ones((used - centre) / scale)
    mean = np.asarray(np.linalg.lstsq(design, scores, rcond=None)[0], np.float64)
    spread = float((scores - design @ mean).std())
    if not spread > 1e-12 * max(float(np.abs(scores).max()), 1e-300):
        raise InvalidInput("The score does not vary in the reference cohort.")
    likely_mean, log_variance = _likeliest(design, scores, mean, spread)
    return Norms(centre, scale, mean, spread, likely_mean, log_variance)


def empirical(scores: Values, among: Values) -> tuple[Values, Values]:
    """Place scores among those of a population.

    Args:
        scores: Shape (people,).
        among: Shape (members,), the population's scores.

    Returns:
        Percentiles (those equal count half) and Z, each of shape (people,).
    """
    ordered = np.sort(among)
    below = np.searchsorted(ordered, scores, "left")
    up_to = np.searchsorted(ordered, scores, "right")
    # As scipy's percentileofscore, kind "rank": a score that is there counts itself once more.
    rank = below + up_to + (up_to > below)
    return 50.0 * rank / len(among), (scores - among.mean()) / among.std()


def _with_ones(columns: Values) -> Values:
    return np.column_stack([np.ones(len(columns)), columns])


def _likeliest(
    design: Values, scores: Values, mean: Values, spread: float
) -> tuple[Values, Values]:
    """Maximise the normal likelihood over mean and log variance by Fisher scoring.

    The two blocks of the information matrix are orthogonal, so that each round is a weighted
    regression of the score and one of the relative squared residuals.
    """
    log_variance = np.zeros(design.shape[1])
    log_variance[0] = 2 * np.log(spread)
    gram = np.linalg.inv(design.T @ design)
    for _ in range(_ROUNDS):
        precision = np.exp(-design @ log_variance)
        weighted = design * precision[:, None]
        mean = np.asarray(np.linalg.solve(weighted.T @ design, weighted.T @ scores), np.float64)
        step = gram @ (design.T @ ((scores - design @ mean) ** 2 * precision - 1))
        log_variance = log_variance + step / max(1.0, float(np.abs(step).max()))
        if float(np.abs(step).max()) < _CLOSE:
            break
    return mean, log_variance
