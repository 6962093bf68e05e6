"""Association studies of simulated people, and the scores that are made of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCORES", "standardised", "studies"]

Values = NDArray[np.float32]
Codes = NDArray[np.int8]

SCORES = ("ridge", "P below 0.021", "P below 0.001")
"""What each study gives."""
_THRESHOLDS = (5.33, 10.83)
"""Chi-square of one degree of freedom at these P."""
_CLUMP_R2 = 0.1


def standardised(block: Codes) -> Values:
    """A block with mean 0 and variance 1 in these people. Shape (people, variants)."""
    values = block.astype(np.float32)
    values -= values.mean(axis=0)
    return np.asarray(values / np.maximum(values.std(axis=0), 0.02), np.float32)


def studies(
    copies: Sequence[Codes],
    cases: NDArray[np.bool_],
    size: NDArray[np.int64],
    heritability: Values,
    rng: np.random.Generator,
) -> Values:
    """Study each disease, and make its scores.

    Args:
        copies: One array a block, of shape (people, variants): copies of the counted alleles.
        cases: Shape (people, diseases).
        size: Shape (diseases,): people of each study, drawn from all.
        heritability: Shape (diseases,), which sets the ridge penalty.
        rng: Draws who is in which study.

    Returns:
        Shape (blocks, variants, diseases * 3): weights of each disease's `SCORES`.
    """
    number, diseases = cases.shape
    phenotype = np.zeros((number, diseases), np.float32)
    for disease in range(diseases):
        taken = rng.permutation(number)[: size[disease]]
        values = cases[taken, disease].astype(np.float32)
        phenotype[taken, disease] = (values - values.mean()) / (values.std() * np.sqrt(len(taken)))
    total = len(copies) * copies[0].shape[1]
    penalty = total / (size * np.maximum(heritability / 2, 0.02))
    weights = []
    for block in copies:
        values = standardised(block)
        # Z statistics of the marginal effects: each study's rows are its own people.
        z = values.T @ phenotype
        linkage = values.T @ values / number
        spread = np.maximum(block.std(axis=0), 0.02)[:, None]
        scores = _three(z, linkage, size, penalty) / spread[:, :, None]
        weights.append(scores.reshape(len(z), -1))
    return np.array(weights, np.float32)


def _three(
    z: Values, linkage: Values, size: NDArray[np.int64], penalty: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Ridge weights, and those of clumping at two thresholds: (variants, diseases, 3)."""
    marginal = z / np.sqrt(size)
    roots, vectors = np.linalg.eigh(linkage.astype(np.float64))
    ridge = vectors @ ((vectors.T @ marginal) / (roots[:, None] + penalty))
    leads = _clumped(z, linkage)
    chosen = [np.where(leads & (z**2 > least), marginal, 0.0) for least in _THRESHOLDS]
    return np.stack([ridge, *chosen], axis=2)


def _clumped(z: Values, linkage: Values) -> NDArray[np.bool_]:
    """Variants that no stronger one of the block speaks for. Shape (variants, diseases)."""
    leads = np.zeros(z.shape, bool)
    close = linkage**2 > _CLUMP_R2
    for disease in range(z.shape[1]):
        left = np.ones(len(z), bool)
        for variant in np.argsort(-np.abs(z[:, disease])):
            if left[variant]:
                leads[variant, disease] = True
                left &= ~close[variant]
    return leads
