"""Which rows of a genotype file are wanted, by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.readers.genome import chromosome_code

__all__ = ["Wanted", "place"]

_JOINED_BASES = 1_000
_SHIFT = 40

Integers = NDArray[np.int64]


def place(chromosome: NDArray[Any], position: NDArray[Any]) -> Integers:
    """One number for a chromosome's code and a position: in the order of both."""
    joined: Integers = (chromosome.astype(np.int64) << _SHIFT) | position.astype(np.int64)
    return joined


@dataclass(frozen=True, eq=False)
class Wanted:
    """Places whose rows are read."""

    spans: tuple[Integers, Integers] | None
    """First and last places of spans that do not overlap, ascending; None for every row."""

    @classmethod
    def everything(cls) -> Wanted:
        """The whole file."""
        return cls(None)

    @classmethod
    def at(cls, places: Integers) -> Wanted:
        """Single places, as `place` numbers them; those without a chromosome are left out."""
        single = np.unique(places[places >= 1 << _SHIFT])
        return cls((single, single))

    @classmethod
    def of(
        cls,
        positions: Mapping[str, Integers] | None,
        regions: Sequence[Sequence[Any]] | None,
    ) -> Wanted:
        """Join positions and regions; both None is everything."""
        if positions is None and regions is None:
            return cls(None)
        firsts: list[Integers] = []
        lasts: list[Integers] = []
        for name, values in (positions or {}).items():
            single = place(np.array(chromosome_code(name)), np.asarray(values, np.int64))
            firsts.append(single)
            lasts.append(single)
        for name, first, last in regions or ():
            code = np.array([chromosome_code(str(name))])
            firsts.append(place(code, np.array([int(first)])))
            lasts.append(place(code, np.array([int(last)])))
        none = np.empty(0, np.int64)
        return cls(_apart(np.concatenate([none, *firsts]), np.concatenate([none, *lasts]), 0))

    def has(self, places: Integers) -> NDArray[np.bool_]:
        """Which places are wanted; shape as `places`."""
        return self.within(places, places)

    def within(self, firsts: Integers, lasts: Integers) -> NDArray[np.bool_]:
        """Which ranges of places hold a wanted one."""
        on_chromosome = firsts >= 1 << _SHIFT
        if self.spans is None:
            return on_chromosome
        ours, ends = self.spans
        before = np.searchsorted(ours, lasts, "right")
        passed = np.searchsorted(ends, firsts, "left")
        return on_chromosome & (before > passed)

    def between(self, first: int, last: int) -> Integers:
        """The single places from `first` to `last`."""
        if self.spans is None:
            return np.empty(0, np.int64)
        low, high = np.searchsorted(self.spans[0], [first, last + 1], "left")
        return self.spans[0][low:high]

    def jumps(self, chromosome: int) -> list[tuple[int, int]]:
        """What to ask an index for: wanted positions of a chromosome, near ones together."""
        if self.spans is None or chromosome == 0:
            return []
        low, high = np.searchsorted(
            self.spans[0], [chromosome << _SHIFT, (chromosome + 1) << _SHIFT]
        )
        firsts, lasts = _apart(self.spans[0][low:high], self.spans[1][low:high], _JOINED_BASES)
        mask = (1 << _SHIFT) - 1
        return list(zip((firsts & mask).tolist(), (lasts & mask).tolist(), strict=True))


def _apart(firsts: Integers, lasts: Integers, near: int) -> tuple[Integers, Integers]:
    """Sort spans and join those that overlap or are `near` each other."""
    order = np.argsort(firsts, kind="stable")
    firsts, lasts = firsts[order], np.maximum.accumulate(lasts[order])
    if not len(firsts):
        return firsts, lasts
    new = np.ones(len(firsts), bool)
    new[1:] = firsts[1:] > lasts[:-1] + near
    ends = np.append(np.flatnonzero(new)[1:] - 1, len(firsts) - 1)
    return firsts[new], lasts[ends]
