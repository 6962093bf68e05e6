"""Calls of VCF and BCF rows to dosages, many rows at once.

A call of one or two alleles below ten is a key of one byte: the first allele in its low half,
the second in its high half; 14 stands for a missing allele and 15 for no second one. Everything
else (imputed dosages, ten alleles and more, three copies) makes the row an odd one, whose
dosages are worked out by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from specialists.errors import UnreadableFile
from specialists.readers.calls import Calls

__all__ = ["GenotypeField", "Odd", "Rows", "checked_dosages", "keys_of_alleles", "unpacked"]

GenotypeField = Literal["GT", "DS"]

Keys = NDArray[np.uint8]

MISSING, NONE = 14, 15
_MOST = 10


@dataclass(frozen=True, eq=False)
class Odd:
    """A row whose calls are no keys."""

    dosage: NDArray[np.float64]
    """Shape (alternates, samples); NaN where missing."""
    haploid: NDArray[np.bool_]
    """Shape (samples,)."""


class Rows(Protocol):
    """Calls of the rows of one block, in whatever form the file has them."""

    def keys(self, rows: Sequence[int]) -> tuple[Keys, Mapping[int, Odd]]:
        """Keys, shape (rows, samples), and by index into `rows` those that are odd."""


def unpacked(rows: Rows, row: Sequence[int], alternate: NDArray[np.int64]) -> Calls:
    """Copies of alternate alleles.

    Args:
        rows: Of a block.
        row: Which row each entry is of, ascending.
        alternate: Which alternate allele of its row, from 1; shape (entries,).
    """
    numbers, which = np.unique(np.asarray(row, np.int64), return_inverse=True)
    keys, odd = rows.keys(numbers.tolist())
    if len(numbers) < len(which):
        keys = keys[which]
    none = np.empty(0, np.int64)
    if not (keys & 0xEE).any() and (alternate == 1).all():
        # Alleles 0 and 1 alone, two in every call.
        dosage, missing, haploid = ((keys & 1) + (keys >> 4)).astype(np.float64), none, none
    else:
        missing, haploid = np.flatnonzero(_missing(keys)), np.flatnonzero(_haploid(keys))
        dosage = _copies(keys, alternate.astype(np.uint8)[:, None]).astype(np.float64)
        dosage.reshape(-1)[missing] = 0
    calls = Calls(dosage, missing, haploid)
    return _with_odd(calls, odd, which, alternate) if odd else calls


def keys_of_alleles(called: NDArray[np.int16]) -> Keys | None:
    """Keys of calls, shape (samples, alleles), -1 missing, -2 no allele; None if they are odd."""
    if called.shape[1] > 2 or called.max(initial=0) >= _MOST:
        return None
    low = called[:, 0]
    high = called[:, 1] if called.shape[1] == 2 else np.full(len(called), -2, np.int16)
    # -1 and -2, which are 15 and 14 in four bits, change places.
    low, high = (np.where(half < 0, -3 - half, half) & 15 for half in (low, high))
    return np.asarray(np.where(low == NONE, MISSING, low) | (high << 4), np.uint8)


def odd_calls(called: NDArray[np.int16], alternates: int) -> Odd:
    """Dosages of any calls, shape (samples, alleles); three copies and more count as missing."""
    copies = (called >= 0).sum(axis=1)
    bad = (called == -1).any(axis=1) | (copies == 0) | (copies > 2)
    dosage = np.stack([(called == n + 1).sum(axis=1) for n in range(max(alternates, 1))])
    return Odd(np.where(bad, np.nan, dosage), copies == 1)


def checked_dosages(imputed: NDArray[np.float64], alternates: int) -> NDArray[np.float64]:
    """Imputed dosages, shape (alternates, samples), if they can be such; NaN where missing."""
    if imputed.shape[0] != max(alternates, 1):
        raise UnreadableFile("A row's DS has not one number for each alternate allele.")
    if not (np.isnan(imputed) | ((imputed >= -0.01) & (imputed <= 2.01))).all():
        raise UnreadableFile("A dosage (DS) in the file is not between 0 and 2.")
    return np.clip(imputed, 0, 2)


def overlaid(imputed: NDArray[np.float64], under: Odd | None) -> Odd:
    """Imputed dosages over calls; where there was no call, of two copies."""
    if under is None:
        return Odd(imputed, np.zeros(imputed.shape[1], bool))
    return Odd(np.where(np.isnan(imputed), under.dosage, imputed), under.haploid)


def odd_of_keys(keys: Keys, alternates: int) -> Odd:
    """The same calls as dosages; shape of `keys`: (samples,)."""
    dosage = np.stack([_copies(keys, np.uint8(n + 1)) for n in range(max(alternates, 1))])
    return Odd(np.where(_missing(keys), np.nan, dosage), _haploid(keys))


def _with_odd(
    calls: Calls, odd: Mapping[int, Odd], which: NDArray[np.int64], alternate: NDArray[np.int64]
) -> Calls:
    samples = calls.dosage.shape[1]
    known = np.ones(len(which), bool)
    missing, haploid = [], []
    for entry in np.flatnonzero(np.isin(which, list(odd))).tolist():
        own = odd[int(which[entry])]
        values = own.dosage[min(int(alternate[entry]), len(own.dosage)) - 1]
        calls.dosage[entry] = np.nan_to_num(values)
        missing.append(entry * samples + np.flatnonzero(np.isnan(values)))
        haploid.append(entry * samples + np.flatnonzero(own.haploid & ~np.isnan(values)))
        known[entry] = False
    return Calls(
        calls.dosage,
        np.sort(np.concatenate([calls.missing[known[calls.missing // samples]], *missing])),
        np.sort(np.concatenate([calls.haploid[known[calls.haploid // samples]], *haploid])),
    )


def _copies(keys: Keys, alternate: NDArray[np.uint8] | np.uint8) -> Keys:
    """How many of a call's alleles are the alternate one; of a missing call, anything."""
    low: NDArray[np.bool_] = (keys & 15) == alternate
    high: NDArray[np.bool_] = (keys >> 4) == alternate
    copies: Keys = low.view(np.uint8) + high.view(np.uint8)
    return copies


def _missing(keys: Keys) -> NDArray[np.bool_]:
    high = keys >> 4
    return np.asarray(((keys & 15) >= _MOST) | ((high >= _MOST) & (high < NONE)))


def _haploid(keys: Keys) -> NDArray[np.bool_]:
    return np.asarray((keys >= NONE << 4) & ((keys & 15) < _MOST))
