"""Which row of the genotypes is which variant of a score?

By position and alleles. Of several possible matches the first of this order counts:

    0  effect allele is the reference, other allele the alternate      (refalt)
    1  effect allele is the alternate, other allele the reference      (altref)
    2  as 0, 3 as 1, with both alleles read from the other strand
    4  score names no other allele: effect allele is the reference
    5  score names no other allele: effect allele is the alternate
    6  as 4, 7 as 5, from the other strand
    8  the row has no alternate allele (all samples homozygous for the reference), and the
       reference is the effect allele; 9 the other allele; 10 as 8, 11 as 9 from the other strand

The order of 0 to 7 is that of the PGS Catalog Calculator (Lambert et al., Nature Genetics 2024).

A variant whose alleles are each other's complement (A/T, C/G) reads the same from both strands.
It is left out, unless the score's frequency of the effect allele and that of the samples are
both far from one half: then they decide between the strands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from specialists.polygenic.allele_fit import NO_FIT, AllelesOfPairs, Flags, Integers
from specialists.polygenic.spec import MatchCounts
from specialists.readers.calls import Sites
from specialists.readers.genome import Alleles, reverse_complement
from specialists.readers.scoring_file import ScoringFile
from specialists.readers.variants import Genotypes
from specialists.readers.wanted import place

__all__ = [
    "HOW",
    "IN_BLOCK",
    "Ambiguous",
    "Matcher",
    "Matching",
    "Pairs",
    "Status",
    "match",
    "reverse_complement",
]

Ambiguous = Literal["drop", "keep", "frequency"]

_EFFECT_IS_REFERENCE = (0, 2, 4, 6, 8, 10)
_FLIPPED = (2, 3, 6, 7, 10, 11)
_WITHOUT_OTHER = (4, 5, 6, 7)
_ROW_WITHOUT_ALTERNATE = 8
IN_BLOCK = -2
"""Reference of a site inside a gVCF's stretch, which does not name it."""
# Frequencies nearer to one half than this say nothing of the strand.
_FAR = 0.1

HOW = (
    "refalt", "altref", "refalt, flipped", "altref, flipped",
    "no other allele, reference", "no other allele, alternate",
    "no other allele, reference, flipped", "no other allele, alternate, flipped",
    "no alternate, reference", "no alternate, other",
    "no alternate, reference, flipped", "no alternate, other, flipped",
)  # fmt: skip
"""The order above in words."""

Frequencies = Callable[[Integers], NDArray[np.float64]]


class Status:
    """What became of a variant."""

    NO_POSITION, ABSENT, MISMATCHED, AMBIGUOUS, DUPLICATE, UNCALLED, USED = range(7)
    WORDS = (
        "no position", "not in the genotypes", "other alleles", "ambiguous, left out",
        "same row as another variant, left out", "no call, left out", "used",
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every variant with every entry at its position, or some. All arrays: shape (pairs,)."""

    variant: Integers
    """Index into the score."""
    entry: Integers
    """Index into the sites."""
    category: Integers
    ambiguous: Flags

    def keep(self, which: Integers | Flags) -> Pairs:
        """Some of the pairs."""
        return Pairs(
            self.variant[which], self.entry[which], self.category[which], self.ambiguous[which]
        )

    @property
    def effect_is_reference(self) -> Flags:
        """The effect allele is the row's reference allele."""
        return np.isin(self.category, _EFFECT_IS_REFERENCE)


class Matcher:
    """Matches one score to genotypes, block by block, and remembers what became of its variants.

    Args:
        score: On the same genome build as the genotypes.
        alleles: Numbers of alleles that the score and all blocks share.
        ambiguous: Leave ambiguous variants out ("drop"), use them as if score and genotypes were
            on the same strand ("keep"), or let frequencies decide where they can ("frequency").
    """

    def __init__(
        self, score: ScoringFile, alleles: Alleles, ambiguous: Ambiguous = "frequency"
    ) -> None:
        self._score, self._alleles, self._how = score, alleles, ambiguous
        ours = np.array([*alleles.codes(score.alleles), -1], np.int32)
        self.effect, self.other = ours[score.effect_allele], ours[score.other_allele]
        places = place(score.chromosome, score.position)
        self._order = np.argsort(places, kind="stable")
        self._places = places[self._order]
        placed = score.position > 0
        self.status = np.where(placed, Status.ABSENT, Status.NO_POSITION).astype(np.uint8)
        self.category = np.full(score.variants, -1, np.int8)
        self.ambiguous = np.zeros(score.variants, bool)
        self.in_block = np.zeros(score.variants, bool)
        """In a stretch that a gVCF says to be as the reference, whose alleles it does not name."""
        self.alleles_of_row = np.full((score.variants, 2), -1, np.int32)
        """Reference and alternate of the row matched; shape (variants, 2)."""
        self.decided = 0
        """Ambiguous variants that frequencies decided."""

    @property
    def absent(self) -> Integers:
        """Variants that have a position, but no row there."""
        return np.flatnonzero(self.status == Status.ABSENT)

    def match(self, sites: Sites, frequencies: Frequencies | None = None) -> Pairs:
        """Match a block of sites that holds all rows at its places.

        Args:
            sites: Any rows; those at other positions are passed over.
            frequencies: Gives the frequencies of alternate alleles, NaN where too few samples
                tell; asked for ambiguous variants only.

        Returns:
            The pairs to be used, by variant.
        """
        candidates = self._candidates(sites)
        within = candidates.keep(sites.reference[candidates.entry] == IN_BLOCK)
        self.in_block[within.variant] = True
        candidates = candidates.keep(sites.reference[candidates.entry] != IN_BLOCK)
        self._raise_status(candidates.variant, Status.MISMATCHED)
        fitting = candidates.keep(candidates.category < NO_FIT)
        fresh = fitting.keep(self.status[fitting.variant] <= Status.MISMATCHED)
        matched = _first(fresh, by=fresh.variant, then=(fresh.category, fresh.entry))
        matched = self._by_frequency(matched, sites, frequencies)
        self._remember(matched, sites)
        self._raise_status(matched.variant, Status.AMBIGUOUS)
        decided = matched if self._how == "keep" else matched.keep(~matched.ambiguous)
        self._raise_status(decided.variant, Status.DUPLICATE)
        single = _first(decided, by=_target(decided), then=(decided.category, decided.variant))
        self._raise_status(single.variant, Status.USED)
        return single.keep(np.argsort(single.variant, kind="stable"))

    def without_calls(self, variants: Integers) -> None:
        """Note that no sample has a call of these variants after all."""
        self.status[variants] = Status.UNCALLED

    def counts(self) -> dict[str, int]:
        """Fields of `MatchCounts`."""
        reached = np.bincount(self.status, minlength=Status.USED + 1)
        matched = self.status >= Status.AMBIGUOUS
        category = self.category[matched]
        found = int(reached[Status.MISMATCHED :].sum())
        return {
            "variants": self._score.variants,
            "without_position": int(reached[Status.NO_POSITION]),
            "positions_found": found,
            "alleles_matched": int(matched.sum()),
            "alleles_mismatched": int(reached[Status.MISMATCHED]),
            "strand_flipped": int(np.isin(category, _FLIPPED).sum()),
            "effect_is_reference": int(np.isin(category, _EFFECT_IS_REFERENCE).sum()),
            "without_other_allele": int(np.isin(category, _WITHOUT_OTHER).sum()),
            "ambiguous": int(self.ambiguous[matched].sum()),
            "ambiguous_dropped": int(reached[Status.AMBIGUOUS]),
            "ambiguous_by_frequency": self.decided,
            "duplicates_dropped": int(reached[Status.DUPLICATE]),
            "uncalled": int(reached[Status.UNCALLED]),
            "used": int(reached[Status.USED]),
            "absent": int(reached[Status.ABSENT]),
            "absent_as_reference": 0,
        }

    def _raise_status(self, variants: Integers, to: int) -> None:
        self.status[variants] = np.maximum(self.status[variants], to)

    def _remember(self, matched: Pairs, sites: Sites) -> None:
        self.category[matched.variant] = matched.category
        self.ambiguous[matched.variant] = matched.ambiguous | self.ambiguous[matched.variant]
        rows = np.stack([sites.reference[matched.entry], sites.alternate[matched.entry]], axis=1)
        self.alleles_of_row[matched.variant] = rows

    def _by_frequency(self, matched: Pairs, sites: Sites, frequencies: Frequencies | None) -> Pairs:
        """Settle ambiguous pairs whose frequencies tell the strand: they are so no longer."""
        told = self._score.effect_frequency[matched.variant]
        at = np.flatnonzero(matched.ambiguous & (np.abs(told - 0.5) >= _FAR))
        if self._how != "frequency" or frequencies is None or not at.size:
            return matched
        own = frequencies(matched.entry[at])
        own = np.where(matched.effect_is_reference[at], 1 - own, own)
        clear = np.abs(own - 0.5) >= _FAR
        other_strand = clear & ((own > 0.5) != (told[at] > 0.5))
        self.ambiguous[matched.variant[at]] = True
        self.decided += int(clear.sum())
        category, ambiguous = matched.category.copy(), matched.ambiguous.copy()
        # On the other strand the effect allele is the row's other allele: 0 and 3, 1 and 2, …
        category[at[other_strand]] ^= 3
        ambiguous[at[clear]] = False
        return replace(matched, category=category, ambiguous=ambiguous)

    def _candidates(self, sites: Sites) -> Pairs:
        places = place(sites.chromosome, sites.position)
        left = np.searchsorted(self._places, places, "left")
        number = np.searchsorted(self._places, places, "right") - left
        entry = np.repeat(np.arange(len(places)), number)
        steps = np.arange(len(entry)) - np.repeat(np.cumsum(number) - number, number)
        variant = self._order[np.repeat(left, number) + steps]
        pairs = AllelesOfPairs(
            self._alleles,
            self.effect[variant],
            self.other[variant],
            sites.reference[entry],
            sites.alternate[entry],
        )
        return Pairs(variant, entry, pairs.category(), pairs.ambiguous())


@dataclass(frozen=True, eq=False)
class Matching:
    """Pairs of a score's variant and an entry of genotypes. All arrays: shape (used,)."""

    variant: Integers
    """Index into the score."""
    entry: Integers
    """Index into the genotypes' entries."""
    effect_is_reference: Flags
    """The effect allele is the row's reference allele."""
    absent: Integers
    """Shape (absent,): variants that have a position, but no row there."""
    counts: MatchCounts


def match(score: ScoringFile, genotypes: Genotypes, keep_ambiguous: bool = False) -> Matching:
    """Match a score's variants to genotypes that were read whole.

    Args:
        score: On the same genome build as the genotypes.
        genotypes: Any rows; those at other positions are passed over.
        keep_ambiguous: Keep variants whose alleles are each other's complement, as if score and
            genotypes were on the same strand.
    """
    alleles = Alleles()
    matcher = Matcher(score, alleles, "keep" if keep_ambiguous else "drop")
    pairs = matcher.match(genotypes.sites(alleles))
    called = np.any(genotypes.copies[pairs.entry] > 0, axis=1)
    matcher.without_calls(pairs.variant[~called])
    used = pairs.keep(np.asarray(called, bool))
    counts = MatchCounts(**matcher.counts())
    return Matching(used.variant, used.entry, used.effect_is_reference, matcher.absent, counts)


def _target(pairs: Pairs) -> Integers:
    """What may be matched once only: an alternate allele of a row.

    A row without one says of every possible alternate that nobody carries it, so there each
    variant of the score has its own.
    """
    return np.where(pairs.category >= _ROW_WITHOUT_ALTERNATE, -1 - pairs.variant, pairs.entry)


def _first(pairs: Pairs, by: Integers, then: tuple[Integers, Integers]) -> Pairs:
    """Of the pairs that share `by`, keep the one that is first by `then`."""
    order = np.lexsort((then[1], then[0], by))
    is_first = np.ones(len(order), bool)
    is_first[1:] = by[order][1:] != by[order][:-1]
    return pairs.keep(order[is_first])
