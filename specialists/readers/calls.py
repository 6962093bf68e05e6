"""Sites and calls: what every genotype format is turned into, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from specialists.readers.genome import Alleles
from specialists.readers.wanted import Wanted

__all__ = ["Block", "Calls", "GenotypeFile", "Sites", "copies_of", "scaled"]

_Y, _MT, _MALE, _FEMALE = 24, 26, 1, 2


@dataclass(frozen=True, eq=False)
class Sites:
    """Alternate alleles: one entry each, all arrays of shape (entries,).

    A row of the file with two alternate alleles makes two entries with the same `row`; a row
    with none (every sample is homozygous for the reference) makes one, with `alternate` -1.
    """

    row: NDArray[np.int64]
    """Which row of the file, in the order of reading, 0-based."""
    chromosome: NDArray[np.uint8]
    """PLINK codes (X 23, Y 24, MT 26)."""
    position: NDArray[np.int64]
    """1-based."""
    reference: NDArray[np.int32]
    """Number of the allele; -2 inside a block of a gVCF, which does not name it."""
    alternate: NDArray[np.int32]
    """Number of the allele; -1 where the row has none."""

    @classmethod
    def of(cls, facts: Sequence[tuple[int, int, int, int, int]]) -> Sites:
        """From tuples in the order of the fields."""
        table = np.array(facts, np.int64).reshape(-1, 5)
        return cls(
            table[:, 0],
            table[:, 1].astype(np.uint8),
            table[:, 2],
            table[:, 3].astype(np.int32),
            table[:, 4].astype(np.int32),
        )

    def keep(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Sites:
        """Some of the entries."""
        return Sites(
            self.row[which],
            self.chromosome[which],
            self.position[which],
            self.reference[which],
            self.alternate[which],
        )


@dataclass(frozen=True, eq=False)
class Calls:
    """Copies of the alternate alleles of some entries."""

    dosage: NDArray[np.float64]
    """Shape (entries, samples): copies that were called or imputed; 0 where missing."""
    missing: NDArray[np.int64]
    """Flat indices into `dosage`: no call, or one that is missing in part."""
    haploid: NDArray[np.int64]
    """Flat indices into `dosage`: calls of one allele."""
    outside: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Flat indices into `dosage`: of women, on Y. They add nothing, and are not missing."""


@dataclass(frozen=True, eq=False)
class Block:
    """Entries of a file whose calls are unpacked when asked."""

    sites: Sites
    read: Callable[[NDArray[np.int64]], Calls]
    """From indices of entries, ascending, to their calls."""


class GenotypeFile(Protocol):
    """An open file of genotypes of any format. A context manager."""

    @property
    def format(self) -> str:
        """VCF, BCF, BGEN, PLINK 1 or PLINK 2."""

    @property
    def labels(self) -> Sequence[str]:
        """The file's names of all its samples."""

    @property
    def sexes(self) -> NDArray[np.uint8] | None:
        """Shape (samples,): 1 male, 2 female, 0 not known; None where the format has none."""

    @property
    def genome_build(self) -> str | None:
        """GRCh37 or GRCh38, where the file says so."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result must know of the rows that were read."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def count(self) -> int | None:
        """How many variants the file has; None where only reading it all would tell."""

    def keep_samples(self, positions: Sequence[int]) -> None:
        """Read these samples only: 1-based positions, ascending."""

    def blocks(self, wanted: Wanted, alleles: Alleles) -> Iterator[Block]:
        """The wanted rows on chromosomes; all rows at a place are in one block.

        The calls of a block must be read before the next block is asked for.
        """


def copies_of(chromosome: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many copies dosages are out of: 1 on Y and MT, 2 elsewhere, X in men included."""
    return np.where((chromosome == _Y) | (chromosome == _MT), 1, 2)


def scaled(calls: Calls, sites: Sites, sexes: NDArray[np.uint8] | None) -> Calls:
    """Bring calls, in place, to copies out of two, and out of one on Y and MT.

    A haploid call counts twice except on Y and MT, as PLINK 2 has it: one copy of X in a man
    stands for two in a woman. A diploid call on Y or MT counts half. Women have no Y.

    Args:
        calls: Of the entries of `sites`.
        sites: Shape (entries,).
        sexes: Of the samples, where known.
    """
    single = copies_of(sites.chromosome) == 1
    flat = calls.dosage.reshape(-1)
    if calls.haploid.size:
        flat[calls.haploid] *= 2
    if single.any():
        calls.dosage[single] *= 0.5
    on_y = np.flatnonzero(sites.chromosome == _Y)
    return _without_women(calls, on_y, sexes) if on_y.size else calls


def _without_women(calls: Calls, on_y: NDArray[np.int64], sexes: NDArray[np.uint8] | None) -> Calls:
    """On Y women stand outside, and who has no call there and is not known to be a man."""
    samples = calls.dosage.shape[1]
    known = np.zeros(samples, np.uint8) if sexes is None else sexes
    uncalled = calls.missing[np.isin(calls.missing // samples, on_y)]
    women = (on_y[:, None] * samples + np.flatnonzero(known == _FEMALE)).reshape(-1)
    outside = np.union1d(women, uncalled[known[uncalled % samples] != _MALE])
    calls.dosage.reshape(-1)[outside] = 0
    missing = np.setdiff1d(calls.missing, outside, assume_unique=True)
    haploid = np.setdiff1d(calls.haploid, outside, assume_unique=True)
    return Calls(calls.dosage, missing, haploid, outside)
