"""Calls of many rows to dosages, block by block: one row at a time numpy would be slow."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from specialists.errors import UnreadableFile
from specialists.readers.variant_file import Record

__all__ = ["Calls", "GenotypeField"]

GenotypeField = Literal["GT", "DS"]

_BLOCK_CELLS = 1 << 20
_BLOCK_ROWS = 1 << 14
# As cyvcf2 gives calls: -1 is missing, -2 that a sample has fewer alleles (haploid).
_MISSING, _NO_ALLELE = -1, -2

Row = tuple[NDArray[np.int16] | None, NDArray[np.float32] | None, int]


class Calls:
    """Gathers dosages: one entry for each alternate allele of each row, or one for none.

    Args:
        samples: How many samples a row has.
        field: "DS" takes dosages where a row has them, "GT" the calls; each falls back on the
            other where a row has only that.
    """

    def __init__(self, samples: int, field: GenotypeField) -> None:
        self.samples = samples
        self.field = field
        self.other_field = 0
        """Rows whose other field was used."""
        self._rows: list[Row] = []
        self._dosages: list[NDArray[np.float32]] = []
        self._copies: list[NDArray[np.uint8]] = []

    def add(self, record: Record) -> None:
        """Take one row."""
        fields = record.fields
        entries = max(len(record.alternates), 1)
        called = record.calls(self.samples) if "GT" in fields else None
        use_dosage = "DS" in fields and (self.field == "DS" or called is None)
        imputed = _checked(record.imputed(self.samples), entries) if use_dosage else None
        used = "GT" if imputed is None else "DS"
        self.other_field += used != self.field and bool(fields & {"GT", "DS"})
        self._rows.append((called, imputed, entries))
        if len(self._rows) >= min(_BLOCK_ROWS, _BLOCK_CELLS // max(self.samples, 1) + 1):
            self._finish_block()

    def finish(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Give what was gathered, once.

        Returns:
            Dosages, NaN where a call is missing in whole or in part; and alleles called, 0
            where missing. Both of shape (entries, samples).
        """
        self._finish_block()
        dosage = _joined(self._dosages, self.samples, np.float32)
        return dosage, _joined(self._copies, self.samples, np.uint8)

    def _finish_block(self) -> None:
        if not self._rows:
            return
        calls = self._stacked()
        entries = np.array([row[2] for row in self._rows])
        row_of = np.repeat(np.arange(len(entries)), entries)
        alternate = np.arange(len(row_of)) - np.repeat(np.cumsum(entries) - entries, entries) + 1
        dosage = np.zeros((len(row_of), self.samples), np.float32)
        copies = np.zeros((len(entries), self.samples), np.uint8)
        missing = np.zeros(copies.shape, bool)
        for column in calls:
            missing |= column == _MISSING
            copies += column >= 0
            dosage += column[row_of] == alternate[:, None]
        copies[missing] = 0
        copies = copies[row_of]
        dosage[copies == 0] = np.nan
        self._overlay(dosage, copies, np.cumsum(entries) - entries)
        self._dosages.append(dosage)
        self._copies.append(copies)
        self._rows.clear()

    def _stacked(self) -> NDArray[np.int16]:
        """Calls of the block, shape (alleles of a call, rows, samples)."""
        ploidy = max((row[0].shape[1] for row in self._rows if row[0] is not None), default=1)
        stacked = np.full((ploidy, len(self._rows), self.samples), _NO_ALLELE, np.int16)
        for number, (called, _, _) in enumerate(self._rows):
            if called is None:
                stacked[0, number] = _MISSING
            else:
                stacked[: called.shape[1], number] = called.T
        return stacked

    def _overlay(
        self, dosage: NDArray[np.float32], copies: NDArray[np.uint8], first: NDArray[Any]
    ) -> None:
        """Put imputed dosages over calls, in place; where there was no call, of two copies."""
        for number, (_, imputed, entries) in enumerate(self._rows):
            if imputed is None:
                continue
            span = slice(first[number], first[number] + entries)
            known = ~np.isnan(imputed)
            dosage[span][known] = imputed[known]
            copies[span][:, known.all(axis=0) & (copies[span.start] == 0)] = 2


def _checked(imputed: NDArray[np.float32], entries: int) -> NDArray[np.float32]:
    if imputed.shape[0] != entries:
        raise UnreadableFile("A row's DS has not one number for each alternate allele.")
    if not (np.isnan(imputed) | ((imputed >= -0.01) & (imputed <= 2.01))).all():
        raise UnreadableFile("A dosage (DS) in the file is not between 0 and 2.")
    return imputed


def _joined(blocks: list[NDArray[Any]], width: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Put blocks into one array, letting go of each: the peak is one copy, not two."""
    last = sum(len(block) for block in blocks)
    joined = np.empty((last, width), dtype)
    while blocks:
        block = blocks.pop()
        joined[last - len(block) : last] = block
        last -= len(block)
    return joined
