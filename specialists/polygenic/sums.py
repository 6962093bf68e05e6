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
    """The variants of one score that use rows of a batch. All arrays: shape (used,)."""

    variant: Integers
    """Index into the score."""
    row: Integers
    """Index into the batch."""
    effect_is_reference: NDArray[np.bool_]


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
        self._total = np.zeros((len(scores), samples))
        self._alleles = np.zeros((len(scores), samples), np.int64)
        self._variants = np.zeros((len(scores), samples), np.int64)
        self._counts = np.zeros((len(scores), 5), np.int64)

    def add(self, calls: Calls, chromosome: NDArray[np.uint8], used: Sequence[Used]) -> None:
        """Add a batch. The dosages are changed: missing ones are filled.

        Args:
            calls: As `scaled` leaves them; `dosage` of shape (rows, samples).
            chromosome: Shape (rows,).
            used: One entry a score.
        """
        copies = copies_of(chromosome)
        terms = [_Terms(score, own, copies) for score, own in zip(self._scores, used, strict=True)]
        filled = _Filled(calls, chromosome == _X, self._men)
        # Above one: worked out from the calls, before means stand in for missing ones.
        above = filled.above_one() if any(term.bend.any() for term in terms) else None
        dosage = filled.with_means()
        slopes = np.stack([term.slope for term in terms])
        self._total += slopes @ dosage
        self._total += np.array([[term.constant.sum()] for term in terms])
        if above is not None:
            self._total += np.stack([term.bend for term in terms]) @ above
        for number, term in enumerate(terms):
            self._count(number, term, filled, calls, chromosome)
            self._leave_out(number, term, calls.outside)

    def finish(self) -> list[Sums]:
        """The sums, one a score."""
        return [
            Sums(total, alleles, variants, *counts)
            for total, alleles, variants, counts in zip(
                self._total, self._alleles, self._variants, self._counts.tolist(), strict=True
            )
        ]

    def _count(
        self,
        number: int,
        term: _Terms,
        filled: _Filled,
        calls: Calls,
        chromosome: NDArray[np.uint8],
    ) -> None:
        missing = int(term.uses @ filled.missing_of_row)
        by_samples = int((term.uses * filled.enough) @ filled.missing_of_row)
        by_frequency = left_out = 0
        if missing > by_samples:
            by_frequency, left_out = self._by_frequency(number, term, filled)
        doubled = 0
        if calls.haploid.size:
            of_row = np.bincount(calls.haploid // filled.samples, minlength=len(chromosome))
            doubled = int((term.uses * (chromosome == _X)) @ of_row)
        self._alleles[number] += int(term.uses @ term.copies)
        self._variants[number] += int(term.uses.sum())
        self._counts[number] += (missing, by_samples, by_frequency, left_out, doubled)

    def _leave_out(self, number: int, term: _Terms, outside: Integers) -> None:
        """Take back what women were given on Y: their dosage stood at none."""
        samples = self._total.shape[1]
        rows, people = outside // samples, outside % samples
        np.subtract.at(self._total[number], people, term.constant[rows])
        np.subtract.at(self._alleles[number], people, (term.uses * term.copies)[rows])

    def _by_frequency(self, number: int, term: _Terms, filled: _Filled) -> tuple[int, int]:
        """Missing calls of rows with few others: each variant's expectation, or nothing."""
        rows, samples = filled.sparse
        known = counted = 0
        for row, constant, expected, copies in term.each_of(np.unique(rows)):
            these = samples[rows == row]
            none = np.isnan(expected)
            # Their dosage stood at none, so the constant is what they have added so far.
            self._total[number, these] += (0.0 if none else expected) - constant
            if none:
                self._alleles[number, these] -= copies
                self._variants[number, these] -= 1
                counted += len(these)
            else:
                known += len(these)
        return known, counted


class _Terms:
    """One score's terms over the rows of a batch; all arrays of shape (rows,) unless it is said."""

    def __init__(self, score: ScoringFile, used: Used, copies: Integers) -> None:
        none, one, two = score.weights[used.variant].T
        two = np.where(copies[used.row] == 1, 2 * one - none, two)
        bend = two - 2 * one + none
        swapped = used.effect_is_reference
        at_most = copies[used.row]
        # Of the reference: copies - d, and where it bends max(1 - d, 0) = 1 - d + max(d - 1, 0).
        constant = np.where(swapped, none + (one - none) * at_most + bend * (at_most == 2), none)
        slope = np.where(swapped, -(one - none) - bend * (at_most == 2), one - none)
        rows = len(copies)
        self._used, self._score = used, score
        self._single = constant
        self.copies = copies
        self.constant = np.bincount(used.row, constant, rows)
        self.slope = np.bincount(used.row, slope, rows)
        self.bend = np.bincount(used.row, np.where(at_most == 2, bend, 0), rows)
        self.uses = np.bincount(used.row, minlength=rows)

    def each_of(self, rows: Integers) -> list[tuple[int, float, float, int]]:
        """Row, constant, expectation by frequency (NaN without one) and copies, by variant."""
        at = np.flatnonzero(np.isin(self._used.row, rows))
        row = self._used.row[at]
        expected = _expected(self._score, self._used.variant[at], self.copies[row] == 1)
        facts = (row.tolist(), self._single[at].tolist(), expected.tolist())
        return list(zip(*facts, self.copies[row].tolist(), strict=True))


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
