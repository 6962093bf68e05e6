"""Matched variants to sums.

Dosage of the effect allele: copies of the alternate allele, or what is left of the called
alleles where the effect allele is the reference. A haploid call on chromosome X counts twice,
as PLINK 2 has it: one copy in a man stands for two in a woman. Haploid calls on Y and MT count
once.

A missing call gets the mean of what the variant adds in the file's other samples, where 50 or
more of them have a call; otherwise what the scoring file's effect allele frequency leads to
expect (Hardy-Weinberg); otherwise it adds nothing and is counted as left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from specialists.polygenic.matching import Matching
from specialists.readers.scoring_file import ADDITIVE, ScoringFile
from specialists.readers.variants import Genotypes

__all__ = ["LEAST_FOR_IMPUTATION", "Sums", "add_up", "effect_dosages", "with_absent"]

LEAST_FOR_IMPUTATION = 50
_X = 23
_HAPLOID = (24, 26)
_BLOCK = 256

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sums:
    """Scores by sample. Arrays: shape (samples,)."""

    total: Values
    """Sum of effect weight times dosage."""
    alleles: NDArray[np.int64]
    """Alleles that went into the sum, called or imputed."""
    variants: NDArray[np.int64]
    """Variants that went into the sum, called or imputed."""
    missing_calls: int
    imputed_from_samples: int
    imputed_from_frequency: int
    left_out: int
    haploid_x: int
    """Calls on chromosome X that were haploid and counted twice."""

    @property
    def average(self) -> Values:
        """Sum divided by the number of alleles; 0 where there are none."""
        return self.total / np.maximum(self.alleles, 1)


def add_up(score: ScoringFile, genotypes: Genotypes, matching: Matching) -> Sums:
    """Sum weights times dosages over the matched variants."""
    samples = genotypes.samples
    total = np.zeros(samples)
    alleles = np.zeros(samples, np.int64)
    variants = np.zeros(samples, np.int64)
    counts = np.zeros(5, np.int64)
    for start in range(0, len(matching.variant), _BLOCK):
        block = slice(start, start + _BLOCK)
        variant, entry = matching.variant[block], matching.entry[block]
        dosage = effect_dosages(genotypes, entry, matching.effect_is_reference[block])
        added = _added(score.weights[variant], score.kind[variant], dosage)
        haploid = np.isin(genotypes.chromosome[entry], _HAPLOID)
        by_samples, by_frequency = _impute(added, _expected(score, variant, haploid))
        known = ~np.isnan(added)
        total += np.nansum(added, axis=0)
        variants += known.sum(axis=0)
        alleles += np.where(haploid, 1, 2) @ known
        doubled = (genotypes.copies[entry[genotypes.chromosome[entry] == _X]] == 1).sum()
        missing = np.isnan(dosage).sum()
        counts += (missing, by_samples, by_frequency, (~known).sum(), doubled)
    return Sums(total, alleles, variants, *counts.tolist())


def with_absent(sums: Sums, score: ScoringFile, absent: NDArray[np.int64]) -> Sums:
    """Count variants without a row as carrying no effect allele, in every sample."""
    haploid = np.isin(score.chromosome[absent], _HAPLOID)
    return replace(
        sums,
        total=sums.total + score.weights[absent, 0].sum(),
        alleles=sums.alleles + int(np.where(haploid, 1, 2).sum()),
        variants=sums.variants + len(absent),
    )


def effect_dosages(
    genotypes: Genotypes, entry: NDArray[np.int64], effect_is_reference: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Count effect alleles.

    Returns:
        Shape (entries, samples), 0 to 2; NaN where the call is missing or has more than two
        alleles.
    """
    dosage = genotypes.dosage[entry]
    for number in np.flatnonzero(effect_is_reference):
        copies = genotypes.copies[entry[number]]
        dosage[number] = copies - _alternates(genotypes, int(entry[number]))
    for number in np.flatnonzero(genotypes.chromosome[entry] == _X):
        dosage[number, genotypes.copies[entry[number]] == 1] *= 2
    dosage[genotypes.copies[entry] > 2] = np.nan
    return np.clip(dosage, 0, 2, out=dosage)


def _alternates(genotypes: Genotypes, entry: int) -> NDArray[np.float32]:
    """Copies of all alternate alleles of the row that an entry is from."""
    row = genotypes.row[entry]
    first, last = np.searchsorted(genotypes.row, [row, row + 1])
    total: NDArray[np.float32] = genotypes.dosage[first:last].sum(axis=0)
    return total


def _added(weights: Values, kind: NDArray[np.uint8], dosage: NDArray[np.float32]) -> Values:
    """What each variant adds to each score; between whole dosages on a straight line."""
    none, one, two = weights.T[:, :, None]
    if (kind == ADDITIVE).all():
        return np.asarray(one * dosage, np.float64)
    below, above = none + dosage * (one - none), one + (dosage - 1) * (two - one)
    return np.asarray(np.where(dosage <= 1, below, above), np.float64)


def _expected(score: ScoringFile, variant: NDArray[np.int64], haploid: NDArray[np.bool_]) -> Values:
    """What each variant adds on average, by the scoring file's frequencies; NaN without one."""
    f = score.effect_frequency[variant]
    none, one, two = score.weights[variant].T
    diploid = (1 - f) ** 2 * none + 2 * f * (1 - f) * one + f**2 * two
    return np.asarray(np.where(haploid, (1 - f) * none + f * one, diploid), np.float64)


def _impute(added: Values, expected: Values) -> tuple[int, int]:
    """Fill missing contributions in place; returns how many by samples and by frequency."""
    missing = np.isnan(added)
    if not missing.any():
        return 0, 0
    called = (~missing).sum(axis=1)
    mean = np.where(missing, 0, added).sum(axis=1) / np.maximum(called, 1)
    enough = called >= LEAST_FOR_IMPUTATION
    stand_in = np.where(enough, mean, expected)
    rows, columns = np.nonzero(missing)
    added[rows, columns] = stand_in[rows]
    by_samples = int(missing[enough].sum())
    by_frequency = int(missing[~enough & ~np.isnan(expected)].sum())
    return by_samples, by_frequency
