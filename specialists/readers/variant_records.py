"""A VCF or BCF file as cyvcf2 gives it, with errors of our tree."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import (
    BackendUnavailable,
    EmptyFile,
    MislabelledFile,
    TruncatedFile,
    UnreadableFile,
)
from specialists.readers.unpacking import CUT
from specialists.readers.variant_calls import (
    Keys,
    Odd,
    checked_dosages,
    keys_of_alleles,
    odd_calls,
    odd_of_keys,
    overlaid,
)

__all__ = ["Record", "Records", "format_of", "guarded", "opened"]

_GZIP = b"\x1f\x8b"
# A BGZF file ends with this empty block (SAM specification 4.1.2).
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


@dataclass(frozen=True, slots=True)
class Record:
    """A row as cyvcf2 gives it."""

    chromosome: int
    position: int
    end: int
    reference: str
    alternates: tuple[str, ...]
    fields: bytes
    called: NDArray[np.int16] | None
    """Shape (samples, alleles of a call); -1 missing, -2 no allele."""
    imputed: NDArray[np.float64] | None
    """Shape (alternates, samples)."""


@dataclass
class Records:
    """Calls of the rows of one block, as cyvcf2 gives them."""

    samples: int
    rows: list[Record] = field(default_factory=list)

    def keys(self, rows: Sequence[int]) -> tuple[Keys, Mapping[int, Odd]]:
        """See `variant_calls.Rows`."""
        keys = np.full((len(rows), self.samples), 0xEE, np.uint8)
        odd: dict[int, Odd] = {}
        for number, row in enumerate(self.rows[n] for n in rows):
            alternates = len(row.alternates)
            own = None if row.called is None else keys_of_alleles(row.called)
            if row.imputed is not None:
                imputed = checked_dosages(row.imputed, alternates)
                under = None
                if row.called is not None:
                    under = (
                        odd_calls(row.called, alternates)
                        if own is None
                        else odd_of_keys(own, alternates)
                    )
                odd[number] = overlaid(imputed, under)
            elif own is not None:
                keys[number] = own
            elif row.called is not None:
                odd[number] = odd_calls(row.called, alternates)
        return keys, odd


def opened(path: Path) -> Any:
    """The file as cyvcf2 reads it.

    Raises:
        BackendUnavailable: If cyvcf2 is not installed.
        UnreadableFile: If the header is damaged.
    """
    try:
        import cyvcf2
    except ImportError as error:
        raise BackendUnavailable(
            'Reading genotypes needs cyvcf2: pip install "wardround[genomics]".'
        ) from error
    try:
        return cyvcf2.VCF(str(path))
    except OSError as error:
        raise UnreadableFile("The file's header is not valid VCF or BCF.") from error


def guarded(rows: Any) -> Iterator[Any]:
    """Rows, with what cyvcf2 raises for a row that cannot be parsed turned into the tree's."""
    with warnings.catch_warnings():
        # cyvcf2 warns where a region holds nothing; that is no fault.
        warnings.simplefilter("ignore", UserWarning)
        iterator = iter(rows)
        while True:
            try:
                row = next(iterator, None)
            except Exception as error:
                raise TruncatedFile(CUT) from error
            if row is None:
                return
            yield row


def format_of(path: Path) -> str:
    """VCF or BCF, by content; everything else is an error that says what it is."""
    with path.open("rb") as file:
        start = file.read(65_536)
    if not start:
        raise EmptyFile("The file is empty.")
    if start.startswith(_GZIP):
        _refuse_cut(path, start)
        start = _unpacked_start(start)
    if start.startswith(b"BCF\x02"):
        return "BCF"
    if start.startswith(b"##fileformat=VCF"):
        return "VCF"
    raise MislabelledFile("The content of the file is neither VCF nor BCF.")


def _refuse_cut(path: Path, start: bytes) -> None:
    if start[3] & 4 == 0 or start[12:14] != b"BC":
        return
    with path.open("rb") as file:
        file.seek(-min(len(_BGZF_END), path.stat().st_size), 2)
        if file.read() != _BGZF_END:
            raise TruncatedFile("The genotype file ends before its content does.")


def _unpacked_start(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, 64)
    except zlib.error as error:
        raise UnreadableFile("The file's compression is damaged.") from error
