"""One VCF or BCF file: what it is, and its rows."""

from __future__ import annotations

import re
import warnings
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from specialists.errors import (
    BackendUnavailable,
    EmptyFile,
    MislabelledFile,
    TruncatedFile,
    UnreadableFile,
    UnsupportedFormat,
)
from specialists.readers.genome import (
    build_of_contigs,
    chromosome_code,
    chromosome_name,
    normalise_build,
)

__all__ = ["Record", "VariantFile", "Wanted"]

_GZIP = b"\x1f\x8b"
_PLINK = b"\x6c\x1b"
# A BGZF file ends with this empty block (SAM specification 4.1.2).
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
# What one jump through an index costs: about a block of BGZF, up to 64 KiB unpacked.
_JUMP_BYTES = 24 * 1024
_JOINED_BASES = 1_000
_CONTIG = re.compile(r"^##contig=<(.*)>\s*$", re.MULTILINE)
_FIELD = re.compile(r'(\w+)=("[^"]*"|[^,]*)')
_REFERENCE = re.compile(r"^##(?:reference|assembly)=(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Wanted:
    """Places whose rows are read: by chromosome code, first and last positions, in order."""

    places: Mapping[int, tuple[list[int], list[int]]] | None

    @classmethod
    def everything(cls) -> Wanted:
        """The whole file."""
        return cls(None)

    @classmethod
    def of(
        cls,
        positions: Mapping[str, NDArray[np.int64]] | None,
        regions: Sequence[Sequence[Any]] | None,
    ) -> Wanted:
        """Join positions and regions; both None is everything."""
        if positions is None and regions is None:
            return cls(None)
        spans: dict[int, list[tuple[int, int]]] = {}
        for name, values in (positions or {}).items():
            unique = np.unique(np.asarray(values, np.int64)).tolist()
            spans.setdefault(chromosome_code(name), []).extend((p, p) for p in unique)
        for name, first, last in regions or ():
            spans.setdefault(chromosome_code(str(name)), []).append((int(first), int(last)))
        return cls({code: _joined(sorted(some), 0) for code, some in spans.items() if code})

    def has(self, chromosome: int, position: int) -> bool:
        """Is a row that starts here wanted?"""
        if self.places is None:
            return chromosome > 0
        firsts, lasts = self.places.get(chromosome, ((), ()))
        at = bisect_right(firsts, position) - 1
        return at >= 0 and position <= lasts[at]

    def jumps(self, chromosome: int) -> list[tuple[int, int]]:
        """What to ask an index for: wanted places, near ones together."""
        firsts, lasts = (self.places or {}).get(chromosome, ([], []))
        return list(
            zip(*_joined(list(zip(firsts, lasts, strict=True)), _JOINED_BASES), strict=True)
        )


def _joined(spans: list[tuple[int, int]], apart: int) -> tuple[list[int], list[int]]:
    firsts: list[int] = []
    lasts: list[int] = []
    for first, last in spans:
        if lasts and first <= lasts[-1] + apart:
            lasts[-1] = max(lasts[-1], last)
        else:
            firsts.append(first)
            lasts.append(last)
    return firsts, lasts


class Record:
    """One row of the file, unpacked when asked."""

    def __init__(self, row: Any, chromosome: int) -> None:
        self._row = row
        self.chromosome = chromosome
        self.position = int(row.POS)
        self.reference = str(row.REF)
        self.alternates: tuple[str, ...] = tuple(row.ALT)

    @property
    def fields(self) -> frozenset[str]:
        """The fields (FORMAT) that the row has for each sample."""
        return frozenset(self._row.FORMAT or ())

    def calls(self, samples: int) -> NDArray[np.int16]:
        """Alleles called, shape (samples, alleles of a call); -1 missing, -2 no allele."""
        # The last column says whether the call is phased.
        called: NDArray[np.int16] = self._row.genotype.array()[:samples, :-1]
        return called

    def imputed(self, samples: int) -> NDArray[np.float32]:
        """The field DS, shape (alternates, samples)."""
        return np.asarray(self._row.format("DS"), np.float32).reshape(samples, -1).T


class VariantFile:
    """An open VCF or BCF file. A context manager.

    Raises:
        BackendUnavailable: If cyvcf2 is not installed.
        UnreadableFile: If it is not VCF or BCF, or is damaged or cut short.
    """

    def __init__(self, path: Path) -> None:
        self.size_bytes = path.stat().st_size
        self.format = _format(path)
        self._path = path
        self._vcf = _opened(path)
        self.labels: list[str] = list(self._vcf.samples)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._vcf.close()

    @cached_property
    def genome_build(self) -> str | None:
        """GRCh37 or GRCh38: by contig lengths, else by what the header says of the reference."""
        header = self._vcf.raw_header
        contigs = [dict(_FIELD.findall(text)) for text in _CONTIG.findall(header)]
        lengths = {
            chromosome_name(contig.get("ID", "")): int(contig["length"])
            for contig in contigs
            if contig.get("length", "").isdecimal()
        }
        said = [contig.get("assembly", "") for contig in contigs] + _REFERENCE.findall(header)
        named = {build for build in map(normalise_build, said) if build in ("GRCh37", "GRCh38")}
        return build_of_contigs(lengths) or (named.pop() if len(named) == 1 else None)

    @cached_property
    def indexed_rows(self) -> int | None:
        """How many rows the index says that there are; None without an index."""
        if not self._index():
            return None
        try:
            return int(self._vcf.num_records)
        except ValueError:
            return None

    def keep_samples(self, labels: Sequence[str]) -> None:
        """Unpack the calls of these samples only."""
        if len(labels) < len(self.labels):
            self._vcf.set_samples(list(labels))

    def rows(self, wanted: Wanted) -> Iterator[Record]:
        """The wanted rows on chromosomes, in the order of the file or of its index."""
        contigs = self._jumps(wanted)
        if contigs is None:
            yield from self._kept(self._vcf, wanted)
            return
        for name, first, last in contigs:
            for record in self._kept(self._vcf(f"{name}:{first}-{last}"), wanted):
                # A row that starts before the region and reaches into it is of another place.
                if first <= record.position <= last:
                    yield record

    def _kept(self, rows: Any, wanted: Wanted) -> Iterator[Record]:
        codes: dict[str, int] = {}
        for row in _guarded(rows):
            name = row.CHROM
            code = (
                codes.setdefault(name, chromosome_code(name)) if name not in codes else codes[name]
            )
            if wanted.has(code, row.POS):
                yield Record(row, code)

    def _jumps(self, wanted: Wanted) -> list[tuple[str, int, int]] | None:
        """Regions to ask the index for; None where streaming the file is less work."""
        if wanted.places is None or not self._index():
            return None
        jumps = [
            (name, first, last)
            for name in self._contigs()
            for first, last in wanted.jumps(chromosome_code(name))
        ]
        return jumps if len(jumps) * _JUMP_BYTES < self.size_bytes else None

    def _contigs(self) -> list[str]:
        return list(self._vcf.seqnames)

    def _index(self) -> bool:
        """Is there an index that is not older than the file?"""
        made = self._path.stat().st_mtime
        beside = [self._path.with_name(self._path.name + end) for end in (".tbi", ".csi")]
        return any(path.is_file() and path.stat().st_mtime >= made - 1 for path in beside)


def _opened(path: Path) -> Any:
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


def _guarded(rows: Any) -> Iterator[Any]:
    """Rows, with what cyvcf2 raises for a row that cannot be parsed turned into the tree's."""
    with warnings.catch_warnings():
        # cyvcf2 warns where a region holds nothing; that is no fault.
        warnings.simplefilter("ignore", UserWarning)
        iterator = iter(rows)
        while True:
            try:
                row = next(iterator, None)
            except Exception as error:
                raise TruncatedFile(
                    "The genotype file ends before its content does, or a row of it is damaged."
                ) from error
            if row is None:
                return
            yield row


def _format(path: Path) -> str:
    """VCF or BCF, by content; everything else is an error that says what it is."""
    with path.open("rb") as file:
        start = file.read(65_536)
    if not start:
        raise EmptyFile("The file is empty.")
    _refuse_other_formats(start)
    if start.startswith(_GZIP):
        _refuse_cut(path, start)
        start = _unpacked_start(start)
    if start.startswith(b"BCF\x02"):
        return "BCF"
    if start.startswith(b"##fileformat=VCF"):
        return "VCF"
    raise MislabelledFile("The content of the file is neither VCF nor BCF.")


def _refuse_other_formats(start: bytes) -> None:
    name = "BGEN" if start[16:20] == b"bgen" else "PLINK" if start[:2] == _PLINK else None
    if name:
        raise UnsupportedFormat(
            f"The file is {name}, which is not read here. plink2 --export vcf bgz makes a VCF"
            " of it."
        )


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
