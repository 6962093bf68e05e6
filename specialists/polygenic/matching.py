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
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.polygenic.spec import MatchCounts
from specialists.readers.scoring_file import ScoringFile
from specialists.readers.variants import Genotypes

__all__ = ["Matching", "match", "reverse_complement"]

_COMPLEMENT = str.maketrans("ACGT", "TGCA")
_NONE = 99
_EFFECT_IS_REFERENCE = (0, 2, 4, 6, 8, 10)
_FLIPPED = (2, 3, 6, 7, 10, 11)
_WITHOUT_OTHER = (4, 5, 6, 7)
_ROW_WITHOUT_ALTERNATE = 8

Integers = NDArray[np.int64]
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Matching:
    """Pairs of a score's variant and an entry of the genotypes. All arrays: shape (used,)."""

    variant: Integers
    """Index into the score."""
    entry: Integers
    """Index into the genotypes' entries."""
    effect_is_reference: Flags
    """The effect allele is the row's reference allele."""
    absent: Integers
    """Shape (absent,): variants that have a position, but no row there."""
    counts: MatchCounts


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Candidates: every variant with every entry at its position. All arrays: shape (pairs,)."""

    variant: Integers
    entry: Integers
    category: Integers
    ambiguous: Flags

    def keep(self, which: Integers | Flags) -> _Pairs:
        return _Pairs(
            self.variant[which], self.entry[which], self.category[which], self.ambiguous[which]
        )

    def are(self, categories: Sequence[int]) -> Flags:
        return np.isin(self.category, categories)


def match(score: ScoringFile, genotypes: Genotypes, keep_ambiguous: bool = False) -> Matching:
    """Match a score's variants to genotypes.

    Args:
        score: On the same genome build as the genotypes.
        genotypes: Any rows; those at other positions are passed over.
        keep_ambiguous: Keep variants whose alleles are each other's complement, as if score and
            genotypes were on the same strand.
    """
    candidates = _candidates(score, genotypes)
    fitting = candidates.keep(candidates.category < _NONE)
    matched = _first(fitting, by=fitting.variant, then=(fitting.category, fitting.entry))
    decided = matched if keep_ambiguous else matched.keep(~matched.ambiguous)
    single = _first(decided, by=_target(decided), then=(decided.category, decided.variant))
    called = np.any(genotypes.copies[single.entry] > 0, axis=1)
    used = single.keep(np.asarray(called, bool))
    used = used.keep(np.argsort(used.variant, kind="stable"))
    return Matching(
        variant=used.variant,
        entry=used.entry,
        effect_is_reference=used.are(_EFFECT_IS_REFERENCE),
        absent=np.setdiff1d(np.flatnonzero(score.position), candidates.variant),
        counts=_counts(score, candidates, matched, decided, single, used),
    )


def reverse_complement(allele: str) -> str | None:
    """Read an allele from the other strand; None where it is not made of A, C, G and T."""
    if allele.strip("ACGT"):
        return None
    return allele.translate(_COMPLEMENT)[::-1]


def _target(pairs: _Pairs) -> Integers:
    """What may be matched once only: an alternate allele of a row.

    A row without one says of every possible alternate that nobody carries it, so there each
    variant of the score has its own.
    """
    return np.where(pairs.category >= _ROW_WITHOUT_ALTERNATE, -1 - pairs.variant, pairs.entry)


def _first(pairs: _Pairs, by: Integers, then: tuple[Integers, Integers]) -> _Pairs:
    """Of the pairs that share `by`, keep the one that is first by `then`."""
    order = np.lexsort((then[1], then[0], by))
    is_first = np.ones(len(order), bool)
    is_first[1:] = by[order][1:] != by[order][:-1]
    return pairs.keep(order[is_first])


def _place(chromosome: NDArray[np.uint8], position: Integers) -> Integers:
    return (chromosome.astype(np.int64) << 40) | position


def _candidates(score: ScoringFile, genotypes: Genotypes) -> _Pairs:
    entry_places = _place(genotypes.chromosome, genotypes.position)
    order = np.argsort(entry_places, kind="stable")
    places = _place(score.chromosome, score.position)
    left = np.searchsorted(entry_places[order], places, "left")
    right = np.searchsorted(entry_places[order], places, "right")
    number = np.where(places > 0, right - left, 0)
    variant = np.repeat(np.arange(score.variants), number)
    within = np.arange(len(variant)) - np.repeat(np.cumsum(number) - number, number)
    entry = order[left[variant] + within]
    alleles = _Alleles(score, genotypes, variant, entry)
    return _Pairs(variant, entry, alleles.category(), alleles.ambiguous())


class _Alleles:
    """Allele codes of candidate pairs, from one list of alleles. -1: none. -2: no complement."""

    def __init__(
        self, score: ScoringFile, genotypes: Genotypes, variant: Integers, entry: Integers
    ) -> None:
        texts = list(dict.fromkeys(score.alleles + genotypes.alleles))
        code = {text: number for number, text in enumerate(texts)}
        ours = np.array([*(code[text] for text in score.alleles), -1], np.int32)
        theirs = np.array([*(code[text] for text in genotypes.alleles), -1], np.int32)
        flips = [code.get(reverse_complement(text) or "", -2) for text in texts]
        complement = np.array([*flips, -2], np.int32)
        bases = np.array([*(len(text) for text in texts), 0])
        self.effect = ours[score.effect_allele[variant]]
        self.other = ours[score.other_allele[variant]]
        self.reference = theirs[genotypes.reference[entry]]
        self.alternate = theirs[genotypes.alternate[entry]]
        self.flipped_effect = complement[self.effect]
        self.flipped_other = complement[self.other]
        self.flipped_reference = complement[self.reference]
        self.single_base = (bases[self.effect] == 1) & (bases[self.other] == 1)

    def category(self) -> Integers:
        """The place in the module's order; 99 where the alleles do not fit."""
        strands = (
            (0, self.effect, self.other),
            (2, self.flipped_effect, self.flipped_other),
        )
        result = np.full(len(self.effect), _NONE, np.int64)
        for base, effect, other in strands:
            for category, fits in self._fits(base, effect, other).items():
                result[fits & (category < result)] = category
        return result

    def _fits(self, base: int, effect: Codes, other: Codes) -> dict[int, Flags]:
        named = (self.effect >= 0) & (self.other >= 0)
        alone = (self.effect >= 0) & (self.other == -1)
        has_alternate = self.alternate >= 0
        # A row without alternate alleles can't be told from the row of a deletion or insertion.
        plain = named & ~has_alternate & self.single_base
        effect_first, effect_second = effect == self.reference, effect == self.alternate
        return {
            base: named & has_alternate & effect_first & (other == self.alternate),
            base + 1: named & has_alternate & effect_second & (other == self.reference),
            base + 4: alone & has_alternate & effect_first,
            base + 5: alone & has_alternate & effect_second,
            base + 8: plain & effect_first,
            base + 9: plain & (other == self.reference),
        }

    def ambiguous(self) -> Flags:
        """Are the two alleles each other's complement, so that the strand cannot be told?"""
        row = self.flipped_reference == self.alternate
        scored = self.flipped_effect == self.other
        return np.asarray(np.where(self.alternate >= 0, row, scored), bool)


def _counts(
    score: ScoringFile,
    candidates: _Pairs,
    matched: _Pairs,
    decided: _Pairs,
    single: _Pairs,
    used: _Pairs,
) -> MatchCounts:
    found = len(np.unique(candidates.variant))
    without_position = int((score.position == 0).sum())
    return MatchCounts(
        variants=score.variants,
        without_position=without_position,
        positions_found=found,
        alleles_matched=len(matched.variant),
        alleles_mismatched=found - len(matched.variant),
        strand_flipped=int(matched.are(_FLIPPED).sum()),
        effect_is_reference=int(matched.are(_EFFECT_IS_REFERENCE).sum()),
        without_other_allele=int(matched.are(_WITHOUT_OTHER).sum()),
        ambiguous=int(matched.ambiguous.sum()),
        ambiguous_dropped=len(matched.variant) - len(decided.variant),
        duplicates_dropped=len(decided.variant) - len(single.variant),
        uncalled=len(single.variant) - len(used.variant),
        used=len(used.variant),
        absent=score.variants - without_position - found,
        absent_as_reference=0,
    )
