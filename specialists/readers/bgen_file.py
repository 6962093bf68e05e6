"""BGEN files, layouts 1 and 2, with or without an index (.bgi).

Source: https://www.chg.ox.ac.uk/~gav/bgen_format/spec/latest.html.
"""

from __future__ import annotations

import mmap
import sqlite3
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from specialists.errors import (
    BackendUnavailable,
    MislabelledFile,
    TruncatedFile,
    UnreadableFile,
    WardroundError,
)
from specialists.readers.bgen_layouts import CUT, DAMAGED, layout_1, layout_2
from specialists.readers.calls import Block, Calls, Sites
from specialists.readers.columns import split_rows
from specialists.readers.genome import Alleles, chromosome_code
from specialists.readers.wanted import Wanted, place

__all__ = ["BgenFile"]

_STORED, _ZLIB, _ZSTD = 0, 1, 2
_SEXES = {"1": 1, "M": 1, "MALE": 1, "2": 2, "F": 2, "FEMALE": 2}
_MOST_UNPACKED = 1 << 31


@dataclass(frozen=True, slots=True)
class _Variant:
    """Where a variant's probabilities are."""

    chromosome: int
    position: int
    alleles: tuple[str, ...]
    start: int
    """Of the packed probabilities, in the file."""
    size: int
    samples: int


class BgenFile:
    """An open BGEN file. A context manager; see `calls.GenotypeFile`.

    Raises:
        MislabelledFile: If it is no BGEN file.
        TruncatedFile: If it is cut short.
    """

    format = "BGEN"
    genome_build: str | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            self._whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._offset, header, self._records, samples = self._unpack("<IIII", 0)
        if self._whole[16:20] not in (b"bgen", bytes(4)) or header < 20 or header > self._offset:
            raise MislabelledFile("The content of the file is not BGEN.")
        (flags,) = self._unpack("<I", header)
        self._packing, self._layout = flags & 3, (flags >> 2) & 15
        if self._layout not in (1, 2) or self._packing > _ZSTD:
            raise UnreadableFile("The BGEN file is of a layout that is not known.")
        self.labels, self.sexes = self._samples(samples, header + 4, bool(flags >> 31))
        self._chosen: NDArray[np.int64] | None = None
        self.notes: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._whole.close()

    def count(self) -> int | None:
        """See `calls.GenotypeFile`."""
        return self._records

    def keep_samples(self, positions: Sequence[int]) -> None:
        """See `calls.GenotypeFile`."""
        if len(positions) < len(self.labels):
            self._chosen = np.array(positions, np.int64) - 1

    def blocks(self, wanted: Wanted, alleles: Alleles) -> Iterator[Block]:
        """See `calls.GenotypeFile`; one block."""
        starts = self._from_index(wanted)
        found = self._from_file(wanted) if starts is None else list(map(self._variant, starts))
        facts, which = [], []
        for number, variant in enumerate(found):
            reference = alleles.code(variant.alleles[0])
            for at, text in enumerate(variant.alleles[1:] or ("",), 1):
                facts.append(
                    (number, variant.chromosome, variant.position, reference, alleles.code(text))
                )
                which.append((number, at))
        entry = np.array(which, np.int64).reshape(-1, 2)
        yield Block(Sites.of(facts), partial(self._read, found, entry))

    def _unpack(self, form: str, at: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(form, self._whole, at)
        except struct.error as error:
            raise TruncatedFile(CUT) from error

    def _text(self, at: int, width: str) -> tuple[str, int]:
        (length,) = self._unpack(width, at)
        start = at + struct.calcsize(width)
        if start + length > len(self._whole):
            raise TruncatedFile(CUT)
        return self._whole[start : start + length].decode("utf-8", "replace"), start + length

    def _samples(
        self, samples: int, at: int, named: bool
    ) -> tuple[list[str], NDArray[np.uint8] | None]:
        """Labels of the file or of the .sample file beside it, and sexes of the latter."""
        if samples > len(self._whole) * 8:
            raise TruncatedFile(CUT)
        labels: list[str] = []
        if named:
            count = self._unpack("<II", at)[1]
            at += 8
            for _ in range(count):
                label, at = self._text(at, "<H")
                labels.append(label)
        beside = self._path.with_suffix(".sample")
        if not beside.is_file():
            return labels or [str(n + 1) for n in range(samples)], None
        lines = [line for line in beside.read_bytes().split(b"\n") if line.strip()]
        names = [name.decode("utf-8", "replace") for name in lines[0].split()] if lines else []
        if len(lines) - 2 != samples:
            raise UnreadableFile("The .bgen and .sample files do not hold as many samples.")
        columns = split_rows(b"\n".join([*lines[2:], b""]), len(names), blanks=True)
        sexes = None
        if "sex" in [name.lower() for name in names]:
            texts = columns[[name.lower() for name in names].index("sex")]
            sexes = np.array([_SEXES.get(text.upper(), 0) for text in texts], np.uint8)
        return labels or list(columns[min(1, len(columns) - 1)]), sexes

    def _from_index(self, wanted: Wanted) -> list[int] | None:
        """Where the wanted variants start, by the index; None without one that fits the file."""
        path = Path(f"{self._path}.bgi")
        if not path.is_file():
            return None
        try:
            address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
            with closing(sqlite3.connect(address, uri=True)) as index:
                known = index.execute("SELECT file_size, first_1000_bytes FROM Metadata").fetchone()
                if not known or known[0] != len(self._whole) or known[1] != self._whole[:1000]:
                    return None
                rows = index.execute(
                    "SELECT chromosome, position, file_start_position FROM Variant"
                ).fetchall()
        except sqlite3.Error:
            return None
        codes = {name: chromosome_code(str(name)) for name in {row[0] for row in rows}}
        code = np.array([codes[row[0]] for row in rows], np.int64)
        facts = np.array([row[1:] for row in rows], np.int64).reshape(-1, 2)
        keep = wanted.has(place(code, facts[:, 0]))
        return sorted(facts[keep, 1].tolist())

    def _from_file(self, wanted: Wanted) -> list[_Variant]:
        found = []
        at = self._offset + 4
        for _ in range(self._records):
            variant = self._variant(at)
            at = variant.start + variant.size
            where = place(np.array(variant.chromosome), np.array(variant.position))
            if wanted.has(where):
                found.append(variant)
        return found

    def _variant(self, at: int) -> _Variant:
        samples = len(self.labels)
        if self._layout == 1:
            (samples,) = self._unpack("<I", at)
            at += 4
        for _ in range(2):
            _, at = self._text(at, "<H")
        chromosome, at = self._text(at, "<H")
        (position,) = self._unpack("<I", at)
        at += 4
        count = 2
        if self._layout == 2:
            (count,) = self._unpack("<H", at)
            at += 2
        alleles = []
        for _ in range(count):
            text, at = self._text(at, "<I")
            alleles.append(text)
        size = 6 * samples
        if self._layout == 2 or self._packing:
            (size,) = self._unpack("<I", at)
            at += 4
        if at + size > len(self._whole) or not alleles:
            raise TruncatedFile(CUT)
        return _Variant(chromosome_code(chromosome), position, tuple(alleles), at, size, samples)

    def _read(
        self, variants: Sequence[_Variant], which: NDArray[np.int64], entry: NDArray[np.int64]
    ) -> Calls:
        samples = len(self.labels) if self._chosen is None else len(self._chosen)
        dosage = np.zeros((len(entry), samples))
        missing, haploid = [], []
        last, kept = -1, None
        for number, (variant, alternate) in enumerate(which[entry].tolist()):
            if variant != last or kept is None:
                kept = self._dosages(variants[variant])
                last = variant
            values, copies = kept
            values = values[alternate - 1] if len(values) else np.zeros(len(copies))
            if self._chosen is not None:
                values, copies = values[self._chosen], copies[self._chosen]
            dosage[number] = np.where(copies > 0, values, 0)
            missing.append(number * samples + np.flatnonzero(copies == 0))
            haploid.append(number * samples + np.flatnonzero(copies == 1))
        none = [np.empty(0, np.int64)]
        return Calls(dosage, np.concatenate(missing or none), np.concatenate(haploid or none))

    def _dosages(self, variant: _Variant) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Copies of each alternate allele, shape (alternates, samples), and alleles called."""
        packed = self._whole[variant.start : variant.start + variant.size]
        try:
            if self._layout == 1:
                return layout_1(self._unpacked(packed, 6 * variant.samples), len(self.labels))
            size = len(packed)
            if self._packing:
                size, packed = int.from_bytes(packed[:4], "little"), packed[4:]
            content = self._unpacked(packed, size)
            return layout_2(content, len(variant.alleles), len(self.labels))
        except WardroundError:
            raise
        except (ValueError, IndexError, struct.error, zlib.error) as error:
            raise UnreadableFile(DAMAGED) from error

    def _unpacked(self, packed: bytes, size: int) -> bytes:
        if size > _MOST_UNPACKED:
            raise UnreadableFile(DAMAGED)
        if self._packing == _STORED:
            return packed
        if self._packing == _ZLIB:
            unpacker = zlib.decompressobj()
            content = unpacker.decompress(packed, size)
        else:
            content = _unpack_zstandard(packed, size)
        if len(content) != size:
            raise UnreadableFile(DAMAGED)
        return content


def _unpack_zstandard(packed: bytes, size: int) -> bytes:
    try:
        import zstandard
    except ImportError as error:
        raise BackendUnavailable(
            'Unpacking Zstandard needs zstandard: pip install "wardround[genomics]".'
        ) from error
    try:
        return bytes(zstandard.ZstdDecompressor().decompress(packed, max_output_size=size))
    except zstandard.ZstdError as error:
        raise UnreadableFile(DAMAGED) from error
