"""The same score in a reference cohort and in a person, over the same variants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.polygenic.matching import Matching, match
from specialists.polygenic.panel import ReferenceScore
from specialists.polygenic.sums import effect_dosages
from specialists.readers.scoring_file import ScoringFile
from specialists.readers.transport import transported
from specialists.readers.variants import Genotypes

__all__ = ["Comparable", "comparable", "reference_score"]

Values = NDArray[np.float64]

_BLOCK = 1024


@transported
@dataclass(frozen=True, eq=False)
class Comparable:
    """Scores of people over the variants of a reference score. Arrays: shape (people,)."""

    totals: Values
    shared: Values
    """Share of the reference score's variance that comes from variants the person has."""
    filled: NDArray[np.int64]
    """Variants that the person lacks, for which the reference mean stands in."""


def reference_score(
    score: ScoringFile, genotypes: Genotypes, name: str, keep_ambiguous: bool
) -> ReferenceScore | None:
    """Score a reference cohort; None where no variant can be used, or none varies."""
    matching = match(score, genotypes, keep_ambiguous)
    totals = np.zeros(genotypes.samples)
    expected, variance = [np.zeros(0)], [np.zeros(0)]
    for added in _added(score, genotypes, matching):
        expected.append(np.nanmean(added, axis=1))
        variance.append(np.nanvar(added, axis=1))
        totals += np.where(np.isnan(added), expected[-1][:, None], added).sum(axis=0)
    if not np.concatenate(variance).any():
        return None
    return ReferenceScore(
        name=name,
        sha256=score.sha256,
        variants=score.variants,
        kept_ambiguous=keep_ambiguous,
        values=totals,
        used=matching.variant,
        expected=np.concatenate(expected),
        variance=np.concatenate(variance),
    )


def comparable(
    reference: ReferenceScore,
    score: ScoringFile,
    genotypes: Genotypes,
    absent_is_reference: bool = False,
) -> Comparable:
    """Score people over the variants that the reference cohort was scored with.

    Args:
        reference: The score in the reference cohort.
        score: The same scoring file.
        genotypes: Of the people.
        absent_is_reference: Variants without a row add what no effect allele adds.
    """
    matching = match(score, genotypes, reference.kept_ambiguous)
    people = genotypes.samples
    place = np.full(score.variants, -1, np.int64)
    place[reference.used] = np.arange(len(reference.used))
    totals = np.full(people, reference.expected.sum())
    variance = np.zeros(people)
    there = np.zeros(people, np.int64)
    for start, added in enumerate(_added(score, genotypes, matching)):
        at = place[matching.variant[start * _BLOCK : (start + 1) * _BLOCK]]
        known = ~np.isnan(added) & (at >= 0)[:, None]
        totals += np.where(known, added - reference.expected[at][:, None], 0).sum(axis=0)
        variance += reference.variance[at] @ known
        there += known.sum(axis=0)
    if absent_is_reference:
        variant = matching.absent[place[matching.absent] >= 0]
        at = place[variant]
        totals += (score.weights[variant, 0] - reference.expected[at]).sum()
        variance += reference.variance[at].sum()
        there += len(at)
    shared = variance / reference.variance.sum()
    return Comparable(totals, np.minimum(shared, 1.0), len(reference.used) - there)


def _added(score: ScoringFile, genotypes: Genotypes, matching: Matching) -> list[Values]:
    """What each matched variant adds in each person, block by block; NaN where not called."""
    blocks = []
    for start in range(0, len(matching.variant), _BLOCK):
        block = slice(start, start + _BLOCK)
        flipped = matching.effect_is_reference[block]
        dosage = effect_dosages(genotypes, matching.entry[block], flipped).astype(np.float64)
        none, one, two = score.weights[matching.variant[block]].T[:, :, None]
        above = one + (dosage - 1) * (two - one)
        blocks.append(np.where(dosage <= 1, none + dosage * (one - none), above))
    return blocks
