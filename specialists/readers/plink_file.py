"""PLINK 1 (.bed, .bim, .fam) and PLINK 2 (.pgen, .pvar, .psam) filesets.

Source: https://www.cog-genomics.org/plink/1.9/formats, https://www.cog-genomics.org/plink/2.0/formats.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from specialists.errors import (
    BackendUnavailable,
    FileMissing,
    TruncatedFile,
    UnreadableFile,
    UnsupportedFormat,
)
from specialists.readers.calls import Block, Calls, Sites
from specialists.readers.columns import blocks_of_rows, opened, split_rows
from specialists.readers.filesets import members
from specialists.readers.genome import (
    Alleles,
    build_of_contigs,
    chromosome_code,
    chromosome_name,
    normalise_build,
)
from specialists.readers.wanted import Wanted, place

__all__ = ["PlinkFile"]

_MAGIC = b"\x6c\x1b"
_BED, _FIXED_HARD, _STANDARD = 1, 2, 0x10
_HEADER_BYTES = 12
_SEXES = {"1": 1, "M": 1, "MALE": 1, "2": 2, "F": 2, "FEMALE": 2}
# .bed: two bits a call; copies of A1: 0 two, 1 missing, 2 one, 3 none.
_COPIES = np.array([2, -9, 1, 0], np.int8)
_OF_BYTE = _COPIES[(np.arange(256)[:, None] >> np.array([0, 2, 4, 6])) & 3]
_BIM = ("#CHROM", "ID", "CM", "POS", "ALT", "REF")


@dataclass(frozen=True, eq=False)
class _Variants:
    """Wanted variants: one entry an alternate allele."""

    sites: Sites
    record: NDArray[np.uint32]
    """Which variant of the file each entry is."""
    number: NDArray[np.int64]
    """Which alternate allele of its variant, from 1."""
    records: int
    """Variants of the file."""
    offsets: NDArray[np.uint64] | None
    """Where each variant's alleles start among all; None where each has two."""


class PlinkFile:
    """An open PLINK fileset. A context manager; see `calls.GenotypeFile`.

    Args:
        path: The .bed or .pgen; the other two lie beside it.

    Raises:
        FileMissing: If one of them does not.
        UnreadableFile: If they do not fit together.
        BackendUnavailable: If pgenlib is needed and not installed.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in (".bed", ".pgen"):
            raise FileMissing(
                "The file is PLINK, but is not named .bed or .pgen: its variants and samples, which"
                " lie beside it under the same name, cannot be found."
            )
        self._path, self._variants, samples = members(path)
        with path.open("rb") as file:
            self._head = file.read(_HEADER_BYTES)
        if len(self._head) < 3 or not self._head.startswith(_MAGIC):
            raise TruncatedFile("The PLINK file ends before its header does.")
        self._is_bed = self._head[2] == _BED
        if self._head[2] == 0:
            raise UnsupportedFormat(
                "The .bed file is sample-major, an old form; plink2 --make-bed writes it anew."
            )
        self.format = "PLINK 1" if self._is_bed else "PLINK 2"
        self.labels, self.sexes = _samples(samples)
        self._samples = len(self.labels)
        self._chosen: NDArray[np.uint32] | None = None
        self._comments, self._columns, self._skipped = _header(self._variants)
        self.genome_build = _build(self._comments)
        self.notes: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing stays open between blocks."""

    def count(self) -> int | None:
        """See `calls.GenotypeFile`."""
        if self._is_bed:
            size = self._path.stat().st_size - 3
            return size // max((self._samples + 3) // 4, 1)
        if len(self._head) < _HEADER_BYTES:
            raise TruncatedFile("The PLINK file ends before its header does.")
        variants, samples = (int.from_bytes(self._head[at : at + 4], "little") for at in (3, 7))
        if samples != self._samples:
            raise UnreadableFile("The .pgen and .psam files do not hold as many samples.")
        return variants

    def keep_samples(self, positions: Sequence[int]) -> None:
        """See `calls.GenotypeFile`."""
        if len(positions) < self._samples:
            self._chosen = np.array(positions, np.uint32) - 1

    def blocks(self, wanted: Wanted, alleles: Alleles) -> Iterator[Block]:
        """See `calls.GenotypeFile`; one block."""
        found = self._wanted(wanted, alleles)
        expected = self.count()
        if expected != found.records:
            raise UnreadableFile("The PLINK files do not hold as many variants.")
        read = self._of_bed(found) if self._is_bed else self._of_pgen(found)
        yield Block(found.sites, read)

    def _wanted(self, wanted: Wanted, alleles: Alleles) -> _Variants:
        parts: list[NDArray[np.int64]] = []
        counts: list[NDArray[np.int64]] = []
        codes: dict[str, int] = {}
        start = 0
        at = {name: number for number, name in enumerate(self._columns)}
        with opened(self._variants) as text:
            text.read(self._skipped)
            for columns in blocks_of_rows(text, len(self._columns), blanks=True):
                names = columns[at["#CHROM"]]
                codes.update({name: chromosome_code(name) for name in set(names) - codes.keys()})
                alternate = columns[at["ALT"]]
                counts.append(np.array([text.count(",") for text in alternate], np.int64))
                code = np.array([codes[name] for name in names], np.int64)
                position = _numbers(columns[at["POS"]])
                keep = np.flatnonzero(wanted.has(place(code, position)))
                reference = columns[at["REF"]]
                facts = [
                    (start + n, int(code[n]), int(position[n]), ref, alleles.code(text), number)
                    for n in keep.tolist()
                    for ref in (alleles.code(reference[n]),)
                    for number, text in enumerate(alternate[n].split(","), 1)
                ]
                parts.append(np.array(facts, np.int64).reshape(-1, 6))
                start += len(names)
        table = np.concatenate(parts) if parts else np.empty((0, 6), np.int64)
        more = np.concatenate(counts) if counts else np.empty(0, np.int64)
        offsets = None
        if more.any():
            offsets = np.concatenate([[0], np.cumsum(more + 2)]).astype(np.uint64)
        sites = Sites(
            table[:, 0],
            table[:, 1].astype(np.uint8),
            table[:, 2],
            table[:, 3].astype(np.int32),
            table[:, 4].astype(np.int32),
        )
        return _Variants(sites, table[:, 0].astype(np.uint32), table[:, 5], start, offsets)

    def _of_bed(self, found: _Variants) -> Any:
        stride = (self._samples + 3) // 4
        if self._path.stat().st_size != 3 + stride * found.records:
            raise TruncatedFile("The .bed file is not as long as its variants and samples need.")
        return partial(_bed_calls, self._path, found.record, self._samples, self._chosen)

    def _of_pgen(self, found: _Variants) -> Any:
        try:
            import pgenlib
        except ImportError as error:
            raise BackendUnavailable(
                'Reading PLINK 2 files needs pgenlib: pip install "wardround[genomics]".'
            ) from error
        offsets = found.offsets
        try:
            reader = pgenlib.PgenReader(
                str(self._path).encode(),
                raw_sample_ct=self._samples,
                variant_ct=found.records,
                sample_subset=self._chosen,
                allele_idx_offsets=None if offsets is None else offsets.astype(np.uintp),
            )
        except RuntimeError as error:
            raise UnreadableFile("The .pgen file is damaged.") from error
        samples = self._samples if self._chosen is None else len(self._chosen)
        mode = self._head[2]
        # Four bits for a variant's kind leave no room for phase and dosages.
        hard = mode == _FIXED_HARD or (mode == _STANDARD and self._head[11] & 15 < 4)
        return partial(_pgen_calls, reader, found.record, found.number, samples, hard)


def _bed_calls(
    path: Path,
    record: NDArray[np.uint32],
    samples: int,
    chosen: NDArray[np.uint32] | None,
    entry: NDArray[np.int64],
) -> Calls:
    stride = (samples + 3) // 4
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        packed = np.frombuffer(whole, np.uint8, offset=3).reshape(-1, stride)[record[entry]]
    copies = _OF_BYTE[packed].reshape(len(entry), -1)[:, :samples]
    if chosen is not None:
        copies = copies[:, chosen]
    return _calls_of_copies(np.ascontiguousarray(copies))


def _pgen_calls(
    reader: Any,
    record: NDArray[np.uint32],
    number: NDArray[np.int64],
    samples: int,
    hard: bool,
    entry: NDArray[np.int64],
) -> Calls:
    rows, which = record[entry], number[entry]
    out: NDArray[Any] = np.empty((len(entry), samples), np.int8 if hard else np.float64)
    read = reader.read_list if hard else reader.read_dosages_list
    try:
        for allele in range(1, int(which.max(initial=1)) + 1):
            these = which == allele
            part = out if these.all() else np.empty((int(these.sum()), samples), out.dtype)
            read(rows[these], part, allele_idx=allele)
            if part is not out:
                out[these] = part
    except RuntimeError as error:
        raise UnreadableFile("The .pgen file is damaged.") from error
    return _calls_of_copies(out)


def _calls_of_copies(copies: NDArray[Any]) -> Calls:
    """Copies, below 0 where missing; haploid calls stand as two copies in these formats."""
    missing = np.flatnonzero(copies.reshape(-1) < 0)
    dosage = copies.astype(np.float64, copy=False)
    dosage.reshape(-1)[missing] = 0
    return Calls(dosage, missing, np.empty(0, np.int64))


def _numbers(texts: Sequence[str]) -> NDArray[np.int64]:
    try:
        return np.array(list(map(int, texts)), np.int64)
    except (ValueError, OverflowError) as error:
        raise UnreadableFile("A position in the PLINK files is no number.") from error


def _header(path: Path) -> tuple[list[str], Sequence[str], int]:
    """Comment lines, column names, and how many bytes they take."""
    comments: list[str] = []
    skipped = 0
    with opened(path) as text:
        while line := text.readline(1 << 20):
            if not line.startswith(b"#"):
                return comments, _BIM[: len(line.split())], skipped
            skipped += len(line)
            if line.startswith(b"##"):
                comments.append(line.decode("utf-8", "replace").strip())
                continue
            names = line.decode("utf-8", "replace").split()
            if not {"#CHROM", "POS", "REF", "ALT"} <= set(names):
                raise UnreadableFile("The .pvar file lacks one of CHROM, POS, REF and ALT.")
            return comments, names, skipped
    raise TruncatedFile("The file of variants is empty.")


def _build(comments: Sequence[str]) -> str | None:
    fields = [
        dict(part.split("=", 1) for part in line[10:-1].split(",") if "=" in part)
        for line in comments
        if line.startswith("##contig=<")
    ]
    lengths = {
        chromosome_name(contig.get("ID", "")): int(contig["length"])
        for contig in fields
        if contig.get("length", "").isdecimal()
    }
    said = [line for line in comments if line.startswith(("##reference=", "##assembly="))]
    named = {build for build in map(normalise_build, said) if build in ("GRCh37", "GRCh38")}
    return build_of_contigs(lengths) or (named.pop() if len(named) == 1 else None)


def _samples(path: Path) -> tuple[list[str], NDArray[np.uint8]]:
    """Labels and sexes of a .psam or .fam file."""
    with opened(path) as text:
        lines = text.read().split(b"\n")
    rows = [line for line in lines if line.strip() and not line.startswith(b"##")]
    if not rows:
        raise TruncatedFile("The file of samples is empty.")
    names = ["#FID", "IID", "PAT", "MAT", "SEX", "PHENO1"][: len(rows[0].split())]
    if rows[0].startswith(b"#"):
        names = rows[0].decode("utf-8", "replace").split()
        rows = rows[1:]
    columns = dict(
        zip(names, split_rows(b"\n".join([*rows, b""]), len(names), blanks=True), strict=True)
    )
    labels = columns.get("IID", columns.get("#IID"))
    if labels is None:
        raise UnreadableFile("The file of samples has no column IID.")
    sexes = [_SEXES.get(text.upper(), 0) for text in columns.get("SEX", ["0"] * len(labels))]
    return list(labels), np.array(sexes, np.uint8)
