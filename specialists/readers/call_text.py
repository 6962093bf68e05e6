"""Calls of a VCF row, from its text to keys and dosages; rows of one width many at a time.

Source: VCF 4.3, https://samtools.github.io/hts-specs/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from specialists.errors import TruncatedFile, UnreadableFile
from specialists.readers.unpacking import CUT
from specialists.readers.variant_calls import (
    GenotypeField,
    Keys,
    Odd,
    checked_dosages,
    keys_of_alleles,
    odd_calls,
    odd_of_keys,
    overlaid,
)

__all__ = ["TextRow", "TextRows"]

_WORDS = 1 << 15
_TAB, _COLON, _SLASH, _BAR = b"\t:/|"


class TextRow(NamedTuple):
    """One wanted line."""

    chromosome: int
    position: int
    end: int
    """Last position of a block of a gVCF; `position` for every other row."""
    reference: str
    alternates: tuple[str, ...]
    fields: bytes
    calls: bytes


@dataclass
class TextRows:
    """Calls of the rows of one block."""

    samples: int
    """In the file."""
    chosen: NDArray[np.int64] | None
    """0-based indices of the samples that are wanted; None for all."""
    prefers: GenotypeField
    rows: list[TextRow] = field(default_factory=list)

    def keys(self, rows: Sequence[int]) -> tuple[Keys, Mapping[int, Odd]]:
        """See `variant_calls.Rows`."""
        wanted = [self.rows[number] for number in rows]
        keys = np.full((len(wanted), self.samples), 0xEE, np.uint8)
        width = 4 * self.samples - 1
        plain = [
            n for n, row in enumerate(wanted) if row.fields == b"GT" and len(row.calls) == width
        ]
        done = _tight_keys([wanted[n].calls for n in plain], self.samples, keys, plain)
        odd: dict[int, Odd] = {}
        for number in sorted(set(range(len(wanted))) - set(done)):
            found = self._loose(wanted[number])
            if isinstance(found, Odd):
                odd[number] = found
            else:
                keys[number] = found
        return self._of_chosen(keys, odd)

    def _of_chosen(self, keys: Keys, odd: dict[int, Odd]) -> tuple[Keys, Mapping[int, Odd]]:
        if self.chosen is None:
            return keys, odd
        some = self.chosen
        chosen = {n: Odd(one.dosage[:, some], one.haploid[some]) for n, one in odd.items()}
        return np.ascontiguousarray(keys[:, some]), chosen

    def _loose(self, row: TextRow) -> Keys | Odd:
        names = row.fields.split(b":")
        has_calls, has_dosages = names[0] == b"GT", b"DS" in names
        use_dosages = has_dosages and (self.prefers == "DS" or not has_calls)
        keys = _first_fields(row.calls, self.samples) if has_calls else None
        if has_calls and keys is None:
            called = _any_calls(row.calls, self.samples)
            keys = keys_of_alleles(called)
        alternates = len(row.alternates)
        if not use_dosages:
            if keys is not None:
                return keys
            if has_calls:
                return odd_calls(called, alternates)
            return np.full(self.samples, 0xEE, np.uint8)
        under = None
        if has_calls:
            under = odd_calls(called, alternates) if keys is None else odd_of_keys(keys, alternates)
        imputed = _dosages(row.calls, names.index(b"DS"), self.samples)
        return overlaid(checked_dosages(imputed, alternates), under)


def _tight_keys(
    calls: Sequence[bytes], samples: int, keys: Keys, at: Sequence[int]
) -> Sequence[int]:
    """Write keys of rows whose calls are all three characters wide.

    Args:
        calls: The rows, each `4 * samples - 1` bytes.
        samples: How many calls a row has.
        keys: Where they go, shape (all rows, samples).
        at: Which of its rows they are.

    Returns:
        Those of `at` that turned out to be such rows.
    """
    # So many rows at once that their words stay in the processor's cache.
    step = max(1, _WORDS // max(samples, 1))
    done: list[int] = []
    for start in range(0, len(calls), step):
        rows = list(at[start : start + step])
        words = np.frombuffer(b"\t".join([*calls[start : start + step], b""]), "<u4")
        if _are_tight(words):
            found = words & 0x000F000F
            found |= found >> 12
            keys[rows] = found.astype(np.uint8).reshape(-1, samples)
            done += rows
    return done


def _are_tight(words: NDArray[np.uint32]) -> bool:
    """Is every word an allele, a separator, an allele and a tab?"""
    some, every = int(np.bitwise_or.reduce(words)), int(np.bitwise_and.reduce(words))
    # Bytes of one value each: what any has is what every one has.
    if some >> 24 != _TAB or every >> 24 != _TAB:
        return False
    marks = (some >> 8) & 255, (every >> 8) & 255
    if marks not in ((_SLASH, _SLASH), (_BAR, _BAR)):
        between = words & 0xFF00
        if not ((between == _SLASH << 8) | (between == _BAR << 8)).all():
            return False
    # Digits and the full stop are the characters from 32 to 63 that calls are made of.
    return some & 0x00C000C0 == 0 and every & 0x00200020 == 0x00200020


def _first_fields(calls: bytes, samples: int) -> Keys | None:
    """Keys of calls that stand first in each sample's cell; None if they are not all keys."""
    whole = np.frombuffer(calls + b"\t\t\t\t", np.uint8)
    tabs = np.flatnonzero(whole[:-3] == _TAB)
    if len(tabs) != samples:
        raise TruncatedFile(CUT)
    starts = np.append(0, tabs[:-1] + 1)
    allele, mark, other, after = (whole[starts + step] for step in range(4))
    digits = (allele >= 46) & (allele < 58) & (allele != _SLASH)
    ended = (mark == _TAB) | (mark == _COLON)
    paired = (mark == _SLASH) | (mark == _BAR)
    paired &= ((after == _TAB) | (after == _COLON)) & (other >= 46) & (other < 58)
    paired &= other != _SLASH
    if not (digits & (ended | paired)).all():
        return None
    return np.asarray((allele & 15) | np.where(paired, other << 4, 0xF0), np.uint8)


def _any_calls(calls: bytes, samples: int) -> NDArray[np.int16]:
    """Alleles called, shape (samples, alleles of a call); -1 missing, -2 no allele."""
    texts = [cell.split(b":", 1)[0].replace(b"|", b"/").split(b"/") for cell in calls.split(b"\t")]
    if len(texts) != samples:
        raise TruncatedFile(CUT)
    ploidy = max(map(len, texts))
    try:
        rows = [[-1 if a in (b".", b"") else int(a) for a in text] for text in texts]
        padded = [row + [-2] * (ploidy - len(row)) for row in rows]
        return np.array(padded, np.int16)
    except (ValueError, OverflowError) as error:
        raise UnreadableFile(
            "A genotype call in the file is not made of allele numbers."
        ) from error


def _dosages(calls: bytes, at: int, samples: int) -> NDArray[np.float64]:
    """The field at a place of each cell as numbers, shape (alternates, samples)."""
    cells = [cell.split(b":", at + 1) for cell in calls.split(b"\t")]
    if len(cells) != samples:
        raise TruncatedFile(CUT)
    texts = [cell[at] if len(cell) > at else b"." for cell in cells]
    try:
        if b"," not in calls:
            return np.array([[np.nan if t == b"." else float(t) for t in texts]])
        width = max(text.count(b",") for text in texts) + 1
        split = [text.split(b",") if text != b"." else [b"."] * width for text in texts]
        values = [[np.nan if t == b"." else float(t) for t in row] for row in split]
        return np.array(values, np.float64).T
    except ValueError as error:
        raise UnreadableFile("A dosage (DS) in the file is no number.") from error
