"""How the alleles of a score's variant and of a row of genotypes fit together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from specialists.readers.genome import Alleles

__all__ = ["NO_FIT", "AllelesOfPairs", "Codes", "Flags", "Integers"]

Integers = NDArray[np.int64]
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]

NO_FIT = 99
"""Category of alleles that do not fit."""


class AllelesOfPairs:
    """Alleles of every pair, as numbers."""

    def __init__(
        self, alleles: Alleles, effect: Codes, other: Codes, reference: Codes, alternate: Codes
    ) -> None:
        complement, bases = alleles.flipped(), alleles.bases()
        self.effect, self.other = effect, other
        self.reference, self.alternate = reference, alternate
        self.flipped_effect, self.flipped_other = complement[effect], complement[other]
        self.flipped_reference = complement[reference]
        self.single_base = (bases[effect] == 1) & (bases[other] == 1)

    def category(self) -> Integers:
        """The place in the order of `matching`; 99 where the alleles do not fit."""
        strands = (
            (0, self.effect, self.other),
            (2, self.flipped_effect, self.flipped_other),
        )
        result = np.full(len(self.effect), NO_FIT, np.int64)
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
