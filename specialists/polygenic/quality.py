"""Is a sample's genotyping sound, and is it whose it is thought to be?

Four hints from the genotypes that a score was computed from. None of them is a diagnosis: they
say where a result should not be relied on before the laboratory has looked again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.readers.transport import transported
from specialists.readers.variants import Genotypes

__all__ = [
    "LEAST_CALLED",
    "MOST_INBREEDING",
    "Quality",
    "Related",
    "X",
    "call_rate",
    "inbreeding",
    "outside_shared_parts",
    "related_to",
    "sex_of",
]

Values = NDArray[np.float64]

X = 23
LEAST_CALLED = 0.95
MOST_INBREEDING = 0.15
"""Either way; a child of first cousins has 0.06."""
_LEAST_SITES = 100
_LEAST_X = 25
_COMMON = 0.05
_MALE, _FEMALE = 0.8, 0.2
_LEAST_HETEROZYGOUS = 200
_CLOSE_SITES = 5_000
_SAME, _FIRST, _SECOND = 0.354, 0.177, 0.0884
"""Least kinship of the same person, first and second degree (Manichaikul et al. 2010)."""

# First and last base of the parts that X shares with Y (Genome Reference Consortium).
_SHARED = {
    "GRCh38": ((10_001, 2_781_479), (155_701_383, 156_030_895)),
    "GRCh37": ((60_001, 2_699_520), (154_931_044, 155_260_560)),
}


@transported
@dataclass(frozen=True)
class Related:
    """Another sample of the file that is close to the one that was asked for."""

    sample: int
    """Its position in the file, from 1."""
    kinship: float
    degree: str
    """'the same person or an identical twin', 'first degree' or 'second degree'."""


@transported
@dataclass(frozen=True, eq=False)
class Quality:
    """Hints on one sample."""

    variants: int
    """Rows that were looked at."""
    called: float
    """Share of them with a call."""
    inbreeding: float | None
    """What is missing of the heterozygous calls that frequencies lead to expect, as a share;
    None where nothing says what to expect."""
    inbreeding_error: float
    """Its standard error."""
    expected_from: str
    """Whose frequencies: 'the reference population EUR', 'the file's other samples'."""
    sex: str | None
    """'male' or 'female' by chromosome X; None where that cannot be told."""
    sex_variants: int
    compared: int
    """Other samples that it was compared with."""
    related: tuple[Related, ...] = ()


def outside_shared_parts(build: str | None, position: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which positions of X lie outside the parts that it shares with Y; both builds' if unknown."""
    known = [_SHARED[build]] if build in _SHARED else list(_SHARED.values())
    inside = np.zeros(len(position), bool)
    for first, last in (part for parts in known for part in parts):
        inside |= (position >= first) & (position <= last)
    return ~inside


def call_rate(genotypes: Genotypes, person: int) -> float:
    """Share of rows in which a person has a call; 0 without rows."""
    called = genotypes.copies[:, person] > 0
    return float(called.mean()) if len(called) else 0.0


def inbreeding(dosage: Values, frequency: Values) -> tuple[float, float] | None:
    """Excess of homozygous calls over what frequencies lead to expect.

    Args:
        dosage: Shape (sites,), of one person: copies of the alternate allele, NaN if missing.
        frequency: Shape (sites,), of that allele.

    Returns:
        1 - observed / expected heterozygous calls, and its standard error; None for too few
        sites.
    """
    common = ~np.isnan(dosage) & (np.minimum(frequency, 1 - frequency) >= _COMMON)
    if common.sum() < _LEAST_SITES:
        return None
    expected = 2 * frequency[common] * (1 - frequency[common])
    observed = int((np.round(dosage[common]) == 1).sum())
    error = np.sqrt((expected * (1 - expected)).sum()) / expected.sum()
    return 1 - observed / float(expected.sum()), float(error)


def sex_of(copies: NDArray[np.uint8], dosage: Values, frequency: Values) -> tuple[str | None, int]:
    """Sex by the calls on chromosome X, outside the parts that it shares with Y.

    Haploid calls say male; else men are those who lack heterozygous calls (limits as PLINK's).

    Args:
        copies: Shape (sites,), alleles called in one person: 1, 2, or 0 where missing.
        dosage: Shape (sites,), copies of the alternate allele on two chromosomes.
        frequency: Shape (sites,), of that allele; NaN where it is not known.

    Returns:
        The sex or None, and the number of sites that speak.
    """
    called = copies > 0
    if called.sum() >= _LEAST_X and (copies[called] == 1).mean() > 0.9:
        return "male", int(called.sum())
    speaks = called & ~np.isnan(frequency)
    common = np.minimum(frequency[speaks], 1 - frequency[speaks]) >= _COMMON
    used = np.flatnonzero(speaks)[common]
    if len(used) < _LEAST_X:
        return None, len(used)
    expected = (2 * frequency[used] * (1 - frequency[used])).sum()
    lacking = 1 - float((np.round(dosage[used]) == 1).sum() / expected)
    if lacking > _MALE:
        return "male", len(used)
    # A woman's expectation is 0; with few sites it scatters, and 0.8 is beyond that.
    return ("female" if lacking < max(_FEMALE, 2 / np.sqrt(expected)) else None), len(used)


def related_to(dosage: Values, person: int, positions: NDArray[np.int64]) -> tuple[Related, ...]:
    """Samples of the file that are close relatives, by KING's robust kinship.

    Second degree is told apart from chance by thousands of sites only; with fewer, nothing is
    said of it.

    Args:
        dosage: Shape (sites, samples), NaN where missing.
        person: Index of the one who is compared with the others.
        positions: Shape (samples,): their positions in the file, from 1.

    Source: Manichaikul et al., Bioinformatics 2010, equation 11.
    """
    calls = np.where(np.isnan(dosage), -1, np.round(dosage)).astype(np.int8)
    own = calls[:, [person]]
    both = (own >= 0) & (calls >= 0)
    hetero_own = ((own == 1) & both).sum(axis=0)
    hetero = ((calls == 1) & both).sum(axis=0)
    shared = ((own == 1) & (calls == 1)).sum(axis=0)
    opposite = (both & (np.abs(own - calls) == 2)).sum(axis=0)
    fewer = np.maximum(np.minimum(hetero_own, hetero), 1)
    kinship = (shared - 2 * opposite) / (2 * fewer) + 0.5 - (hetero_own + hetero) / (4 * fewer)
    least = _SECOND if len(calls) >= _CLOSE_SITES else _FIRST
    close = np.flatnonzero((kinship > least) & (fewer >= _LEAST_HETEROZYGOUS))
    others = close[close != person]
    order = others[np.argsort(-kinship[others], kind="stable")]
    return tuple(
        Related(int(positions[one]), round(float(kinship[one]), 3), _degree(float(kinship[one])))
        for one in order
    )


def _degree(kinship: float) -> str:
    if kinship > _SAME:
        return "the same person or an identical twin"
    return "first degree" if kinship > _FIRST else "second degree"
