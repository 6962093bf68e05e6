"""Matched variants to sums.

Every term is written in the copies d of a row's alternate alleles, out of two (out of one on Y
and MT): a constant, a multiple of d, and for terms that are not additive a multiple of what d
is above one. Between whole dosages a term lies on a straight line. So the sums of many scores
over many samples are products of matrices, a few rows at a time.

A missing call gets the mean of what the variant adds in the file's other samples, where 50 or
more of them have a call; otherwise what the scoring file's effect allele frequency leads to
expect (Hardy-Weinberg); otherwise it adds nothing and is counted as left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.readers.calls import Calls, copies_of, scaled
from specialists.readers.genome import Alleles
from specialists.readers.scoring_file import ScoringFile
from specialists.readers.transport import transported
from specialists.readers.variants import Genotypes

__all__ = ["LEAST_FOR_IMPUTATION", "Adder", "Sums", "Used", "effect_dosages", "with_absent"]

LEAST_FOR_IMPUTATION = 50
_X, _MALE = 23, 1

Values = NDArray[np.float64]
Integers = NDArray[np.int64]


@transported
@dataclass(frozen=True, eq=False)
class Sums:
    """Scores by sample. Arrays: shape (samples,)."""

    total: Values
    """Sum of effect weight times dosage."""
    alleles: Integers
    """Alleles that went into the sum, called or imputed."""
    variants: Integers
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


@dataclass(frozen=True, eq=False)
class Used:
    """The variants of all scores that use rows of a batch. All arrays: shape (used,)."""

    score: Integers
    """Index of the score."""
    variant: Integers
    """Index into the score."""
    row: Integers
    """Index into the batch."""
    effect_is_reference: NDArray[np.bool_]

    def keep(self, which: NDArray[np.bool_] | slice) -> Used:
        """Some of them."""
        return Used(
            self.score[which], self.variant[which], self.row[which], self.effect_is_reference[which]
        )


class Adder:
    """Sums of several scores over the same samples, batch by batch."""

    def __init__(
        self,
        scores: Sequence[ScoringFile],
        samples: int,
        sexes: NDArray[np.uint8] | None = None,
    ) -> None:
        self._scores = scores
        self._men = None if sexes is None else sexes == _MALE
        self._first = np.cumsum([0, *(score.variants for score in scores)])
        weights = [score.weights for score in scores]
        self._weights = weights[0] if len(weights) == 1 else np.concatenate(weights)
        self._total = np.zeros((len(scores), samples))
        self._alleles = np.zeros((len(scores), samples), np.int64)
        self._variants = np.zeros((len(scores), samples), np.int64)
        self._counts = np.zeros((len(scores), 5), np.int64)

    def add(self, calls: Calls, chromosome: NDArray[np.uint8], used: Used) -> None:
        """Add a batch. The dosages are changed: missing ones are filled.

        Args:
            calls: As `scaled` leaves them; `dosage` of shape (rows, samples).
            chromosome: Shape (rows,).
            used: Who uses which row.
        """
        weights = self._weights[self._first[used.score] + used.variant]
        terms = _Terms(weights, used, copies_of(chromosome), len(self._scores))
        filled = _Filled(calls, chromosome == _X, self._men)
        # Above one: worked out from the calls, before means stand in for missing ones.
        above = None if terms.bend is None else filled.above_one()
        self._total += terms.slope @ filled.with_means()
        self._total += terms.constant.sum(axis=1, keepdims=True)
        if terms.bend is not None and above is not None:
            self._total += terms.bend @ above
        self._count(terms, filled, calls, chromosome == _X)
        self._leave_out(terms, calls.outside)

    def finish(self) -> list[Sums]:
        """The sums, one a score."""
        return [
            Sums(total, alleles, variants, *counts)
            for total, alleles, variants, counts in zip(
                self._total, self._alleles, self._variants, self._counts.tolist(), strict=True
            )
        ]

    def _count(self, terms: _Terms, filled: _Filled, calls: Calls, on_x: NDArray[np.bool_]) -> None:
        self._alleles += (terms.uses @ terms.copies)[:, None]
        self._variants += terms.uses.sum(axis=1, keepdims=True)
        if calls.missing.size:
            self._counts[:, 0] += terms.uses @ filled.missing_of_row
            self._counts[:, 1] += terms.uses @ (filled.missing_of_row * filled.enough)
            if not filled.enough.all():
                self._by_frequency(terms, filled)
        if calls.haploid.size:
            of_row = np.bincount(calls.haploid // filled.samples, minlength=len(on_x))
            self._counts[:, 4] += terms.uses @ (of_row * on_x)

    def _leave_out(self, terms: _Terms, outside: Integers) -> None:
        """Take back what women were given on Y: their dosage stood at none."""
        samples = self._total.shape[1]
        for row in np.unique(outside // max(samples, 1)).tolist():
            people = outside[outside // samples == row] % samples
            self._total[:, people] -= terms.constant[:, row, None]
            self._alleles[:, people] -= (terms.uses[:, row] * terms.copies[row])[:, None]

    def _by_frequency(self, terms: _Terms, filled: _Filled) -> None:
        """Missing calls of rows with few others: each variant's expectation, or nothing."""
        rows, samples = filled.sparse
        for at in np.flatnonzero(np.isin(terms.used.row, rows)).tolist():
            number, row = int(terms.used.score[at]), int(terms.used.row[at])
            these = samples[rows == row]
            copies = int(terms.copies[row])
            score, variant = self._scores[number], int(terms.used.variant[at])
            expected = _expected(score, np.array([variant]), np.array([copies == 1]))[0]
            none = bool(np.isnan(expected))
            # Their dosage stood at none, so the constant is what they have added so far.
            self._total[number, these] += (0.0 if none else expected) - terms.single[at]
            self._counts[number, 3 if none else 2] += len(these)
            if none:
                self._alleles[number, these] -= copies
                self._variants[number, these] -= 1


class _Terms:
    """Terms of all scores over the rows of a batch. Arrays: shape (scores, rows)."""

    def __init__(self, weights: Values, used: Used, copies: Integers, scores: int) -> None:
        none, one, two = weights.T
        at_most = copies[used.row]
        two = np.where(at_most == 1, 2 * one - none, two)
        step, bend = one - none, two - 2 * one + none
        swapped = used.effect_is_reference
        # Of the reference: copies - d, and where it bends max(1 - d, 0) = 1 - d + max(d - 1, 0).
        bends = bool(np.abs(bend).max(initial=0.0) > 0)
        turn = bend * (at_most == 2) if bends else 0.0
        self.used, self.copies = used, copies
        self.single = np.where(swapped, none + step * at_most + turn, none)
        """Constants, shape (used,)."""
        self._at, self._shape = used.score * len(copies) + used.row, (scores, len(copies))
        self.constant = self._spread(self.single)
        self.slope = self._spread(np.where(swapped, -step - turn, step))
        self.bend = self._spread(turn + np.zeros(len(bend))) if bends else None
        self.uses = self._spread(None).astype(np.int64)

    def _spread(self, values: Values | None) -> NDArray[Any]:
        """Values of those that use rows, shape (used,), summed by score and row."""
        size = self._shape[0] * self._shape[1]
        return np.bincount(self._at, values, size).reshape(self._shape)


class _Filled:
    """A batch's dosages, with means in place of missing calls where enough samples have one."""

    def __init__(
        self, calls: Calls, on_x: NDArray[np.bool_], men: NDArray[np.bool_] | None
    ) -> None:
        self._dosage = calls.dosage
        rows, self.samples = calls.dosage.shape
        self._calls, self._on_x, self._men = calls, np.flatnonzero(on_x), men
        self._missing = calls.missing
        self._row = calls.missing // max(self.samples, 1)
        self.missing_of_row = np.bincount(self._row, minlength=rows)
        outside = np.bincount(calls.outside // max(self.samples, 1), minlength=rows)
        self._called = self.samples - self.missing_of_row - outside
        self.enough = self._called >= LEAST_FOR_IMPUTATION
        self._fill = self.enough[self._row]

    @property
    def sparse(self) -> tuple[Integers, Integers]:
        """Rows and samples of missing calls that no mean stands in for."""
        left = self._missing[~self._fill]
        return left // self.samples, left % self.samples

    def with_means(self) -> Values:
        """Dosages, filled in place."""
        return self._with_means(self._dosage)

    def above_one(self) -> Values:
        """What dosages are above one, filled with the means of that."""
        return self._with_means(np.maximum(self._dosage - 1, 0))

    def _with_means(self, values: Values) -> Values:
        if self._fill.any():
            mean = values.sum(axis=1) / np.maximum(self._called, 1)
            self._weigh_men(values, mean)
            values.reshape(-1)[self._missing[self._fill]] = mean[self._row[self._fill]]
        return values

    def _weigh_men(self, values: Values, mean: Values) -> None:
        """On X, where a man's call is of one allele, it weighs half as much as a woman's."""
        for row in self._on_x.tolist():
            weight = np.ones(self.samples)
            weight[self._samples_of(self._calls.haploid, row)] = 0.5
            if self._men is not None:
                weight[self._men] = 0.5
            weight[self._samples_of(self._missing, row)] = 0
            mean[row] = weight @ values[row] / max(weight.sum(), 0.5)

    def _samples_of(self, flat: Integers, row: int) -> Integers:
        low, high = np.searchsorted(flat, [row * self.samples, (row + 1) * self.samples])
        return np.asarray(flat[low:high] - row * self.samples)


def with_absent(
    sums: Sums, score: ScoringFile, absent: Integers, carried: NDArray[np.bool_] | None = None
) -> Sums:
    """Count variants without a row as homozygous for the reference, in every sample.

    Args:
        sums: Of the variants that have a row.
        score: The score.
        absent: Its variants that count.
        carried: Shape (absent,): the effect allele is the reference; never, where None.
    """
    copies = copies_of(score.chromosome[absent])
    held = np.zeros_like(copies) if carried is None else np.where(carried, copies, 0)
    return replace(
        sums,
        total=sums.total + score.weights[absent, held].sum(),
        alleles=sums.alleles + int(copies.sum()),
        variants=sums.variants + len(absent),
    )


def effect_dosages(
    genotypes: Genotypes, entry: Integers, effect_is_reference: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Count effect alleles in genotypes that were read whole.

    Returns:
        Shape (entries, samples), 0 to 2 (0 to 1 on Y and MT); NaN where the call is missing.
    """
    sites = genotypes.sites(Alleles()).keep(entry)
    calls = scaled(genotypes.calls(entry), sites, None)
    most = copies_of(sites.chromosome)
    for number in np.flatnonzero(effect_is_reference):
        of_row = np.flatnonzero(genotypes.row == sites.row[number])
        own = scaled(genotypes.calls(of_row), genotypes.sites(Alleles()).keep(of_row), None)
        calls.dosage[number] = most[number] - own.dosage.sum(axis=0)
    calls.dosage.reshape(-1)[calls.missing] = np.nan
    return np.clip(calls.dosage, 0, most[:, None]).astype(np.float32)


def _expected(score: ScoringFile, variant: Integers, haploid: NDArray[np.bool_]) -> Values:
    """What each variant adds on average, by the scoring file's frequencies; NaN without one."""
    f = score.effect_frequency[variant]
    none, one, two = score.weights[variant].T
    diploid = (1 - f) ** 2 * none + 2 * f * (1 - f) * one + f**2 * two
    return np.asarray(np.where(haploid, (1 - f) * none + f * one, diploid), np.float64)
