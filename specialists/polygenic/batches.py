"""The calls of a block that matched pairs need, some rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from specialists.polygenic.matching import Pairs
from specialists.polygenic.sums import Used
from specialists.readers.calls import Block, Calls, Sites, scaled

__all__ = ["Rows"]


class Rows:
    """The calls that a block's pairs need: an entry's, or all alternates of a row together."""

    def __init__(self, sites: Sites, pairs: Sequence[Pairs]) -> None:
        self._sites = sites
        several = np.zeros(len(sites.row), bool)
        same = sites.row[1:] == sites.row[:-1]
        several[1:] |= same
        several[:-1] |= same
        # A reference allele is what all alternates of its row leave.
        keys = [2 * p.entry + (p.effect_is_reference & several[p.entry]) for p in pairs]
        none = np.empty(0, np.int64)
        self._keys = np.unique(np.concatenate([none, *keys]))
        self.count = len(self._keys)
        row = np.searchsorted(self._keys, np.concatenate([none, *keys]))
        score = np.repeat(np.arange(len(pairs)), [len(key) for key in keys])
        variant = np.concatenate([none, *(own.variant for own in pairs)])
        swapped = np.concatenate([none.astype(bool), *(p.effect_is_reference for p in pairs)])
        order = np.argsort(row, kind="stable")
        self._used = Used(score[order], variant[order], row[order], swapped[order])

    def read(
        self, block: Block, start: int, stop: int, sexes: NDArray[np.uint8] | None
    ) -> tuple[Calls, Sites]:
        """Calls of some rows, scaled; and what they are of."""
        entry, whole = self._keys[start:stop] >> 1, (self._keys[start:stop] & 1).astype(bool)
        sites = self._sites.keep(entry)
        if not whole.any():
            single = entry if (entry[1:] > entry[:-1]).all() else np.unique(entry)
            calls = block.read(single)
            if len(single) < len(entry):
                calls = _spread(calls, np.searchsorted(single, entry))
            return scaled(calls, sites, sexes), sites
        wanted = np.isin(self._sites.row, self._sites.row[entry[whole]])
        wanted[entry] = True
        single = np.flatnonzero(wanted)
        calls = _spread(block.read(single), np.searchsorted(single, entry))
        own = _spread(block.read(single), np.arange(len(single)))
        rows = self._sites.row[single]
        for n in np.flatnonzero(whole).tolist():
            these = rows == self._sites.row[entry[n]]
            calls.dosage[n] = np.minimum(own.dosage[these].sum(axis=0), 2)
        return scaled(calls, sites, sexes), sites

    def users(self, start: int, stop: int) -> Used:
        """Which variants use rows `start` to `stop`."""
        low, high = np.searchsorted(self._used.row, [start, stop])
        own = self._used.keep(slice(int(low), int(high)))
        return replace(own, row=own.row - start)


def _spread(calls: Calls, which: NDArray[np.int64]) -> Calls:
    """Rows of calls, some of them twice."""

    def moved(flat: NDArray[np.int64]) -> NDArray[np.int64]:
        marks = np.zeros(calls.dosage.shape, bool)
        marks.reshape(-1)[flat] = True
        return np.flatnonzero(marks[which])

    return Calls(calls.dosage[which], moved(calls.missing), moved(calls.haploid))
