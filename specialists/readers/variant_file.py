"""One VCF or BCF file: what it is, and its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from specialists.readers.call_text import TextRow, TextRows
from specialists.readers.calls import Block, Calls, Sites
from specialists.readers.genome import (
    Alleles,
    build_of_contigs,
    chromosome_code,
    chromosome_name,
    normalise_build,
)
from specialists.readers.variant_calls import (
    GenotypeField,
    Rows,
    unpacked,
)
from specialists.readers.variant_records import Record, Records, format_of, guarded, opened
from specialists.readers.variant_text import rows_of_text
from specialists.readers.wanted import Wanted, place

__all__ = ["VariantFile"]

# What one jump through an index costs, next to reading on: about two blocks of BGZF.
_JUMP_BYTES = 24 * 1024
_RECORDS = 512
_CONTIG = re.compile(r"^##contig=<(.*)>\s*$", re.MULTILINE)
_FIELD = re.compile(r'(\w+)=("[^"]*"|[^,]*)')
_REFERENCE = re.compile(r"^##(?:reference|assembly)=(.*)$", re.MULTILINE)
_BLOCKS = re.compile(r"^##(?:GVCFBlock|ALT=<ID=(?:NON_REF|\*))", re.MULTILINE)
_ANY_ALTERNATE = ("<NON_REF>", "<*>")


class _Row(Protocol):
    """What a row is, whatever it was read with."""

    chromosome: int
    position: int
    end: int
    reference: str
    alternates: tuple[str, ...]
    fields: bytes


class VariantFile:
    """An open VCF or BCF file. A context manager; see `calls.GenotypeFile`.

    Args:
        path: Plain or compressed.
        genotype_field: "DS" takes dosages (imputed) where a row has them, "GT" the calls; each
            falls back on the other where a row has only that.

    Raises:
        BackendUnavailable: If cyvcf2 is not installed.
        UnreadableFile: If it is not VCF or BCF, or is damaged or cut short.
    """

    sexes: NDArray[np.uint8] | None = None

    def __init__(self, path: Path, genotype_field: GenotypeField = "GT") -> None:
        self.size_bytes = path.stat().st_size
        self.format = format_of(path)
        self._path, self._field = path, genotype_field
        self._vcf = opened(path)
        self.labels: list[str] = list(self._vcf.samples)
        self._chosen: list[int] | None = None
        self._other_field = 0
        self._uses_other: dict[bytes, bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
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
    def has_blocks(self) -> bool:
        """Is it a gVCF: rows that say of a stretch that nothing differs from the reference?"""
        return _BLOCKS.search(self._vcf.raw_header) is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """Of the rows that were read."""
        if not self._other_field:
            return ()
        other = "DS" if self._field == "GT" else "GT"
        return (
            f"Variants without the field {self._field}, whose {other} was used:"
            f" {self._other_field:,}.",
        )

    def count(self) -> int | None:
        """How many rows the index says that there are; None without an index."""
        if not self._index():
            return None
        try:
            return int(self._vcf.num_records)
        except ValueError:
            return None

    def keep_samples(self, positions: Sequence[int]) -> None:
        """See `calls.GenotypeFile`."""
        if len(positions) < len(self.labels):
            self._chosen = list(positions)
            self._vcf.set_samples([self.labels[number - 1] for number in positions])

    def blocks(self, wanted: Wanted, alleles: Alleles) -> Iterator[Block]:
        """See `calls.GenotypeFile`."""
        held: list[Any] = []
        number = 0
        for rows in self._rows(wanted):
            if not rows:
                continue
            last = (rows[-1].chromosome, rows[-1].position)
            cut = len(rows)
            while cut and (rows[cut - 1].chromosome, rows[cut - 1].position) == last:
                cut -= 1
            ready, held = (held + rows[:cut], rows[cut:]) if cut else ([], held + rows)
            if ready:
                yield self._block(ready, number, wanted, alleles)
                number += len(ready)
        if held:
            yield self._block(held, number, wanted, alleles)

    def _block(self, rows: list[Any], number: int, wanted: Wanted, alleles: Alleles) -> Block:
        facts: list[tuple[int, int, int, int, int]] = []
        which: list[tuple[int, int]] = []
        for index, row in enumerate(rows):
            self._note_field(row)
            reference = alleles.code(row.reference)
            named = [(n, a) for n, a in enumerate(row.alternates, 1) if a not in _ANY_ALTERNATE]
            inside = [] if named or row.end == row.position else _inside(row, wanted)
            if row.end == row.position or named or row.position in inside:
                for n, alternate in named or [(1, "")]:
                    code = alleles.code(alternate)
                    facts.append((number + index, row.chromosome, row.position, reference, code))
                    which.append((index, n))
            for at in inside:
                if at > row.position:
                    facts.append((number + index, row.chromosome, at, -2, -1))
                    which.append((index, 1))
        entry = np.array(which, np.int64)
        return Block(Sites.of(facts), partial(_read, self._calls_of(rows), entry))

    def _calls_of(self, rows: list[Any]) -> Rows:
        if isinstance(rows[0], Record):
            return Records(len(self._chosen or self.labels), rows)
        chosen = None if self._chosen is None else np.array(self._chosen, np.int64) - 1
        return TextRows(len(self.labels), chosen, self._field, rows)

    def _note_field(self, row: _Row) -> None:
        if row.fields not in self._uses_other:
            names = row.fields.split(b":")
            other = b"DS" if self._field == "GT" else b"GT"
            self._uses_other[row.fields] = self._field.encode() not in names and other in names
        self._other_field += self._uses_other[row.fields]

    def _rows(self, wanted: Wanted) -> Iterator[list[TextRow] | list[Record]]:
        """The wanted rows on chromosomes, in the order of the file or of its index."""
        jumps = self._jumps(wanted)
        if jumps is None and self.format == "VCF":
            yield from rows_of_text(self._path, wanted, self.has_blocks)
        elif jumps is None:
            yield from self._records(self._vcf, wanted)
        else:
            for name, first, last in jumps:
                for rows in self._records(self._vcf(f"{name}:{first}-{last}"), wanted):
                    # A row that starts before the region and reaches into it is of another place.
                    yield [row for row in rows if first <= row.position <= last]

    def _records(self, rows: Any, wanted: Wanted) -> Iterator[list[Record]]:
        codes: dict[str, int] = {}
        gathered: list[Record] = []
        for row in guarded(rows):
            name = row.CHROM
            code = (
                codes.setdefault(name, chromosome_code(name)) if name not in codes else codes[name]
            )
            if self._is_wanted(row, code, wanted):
                gathered.append(self._record(row, code))
            if len(gathered) >= _RECORDS:
                yield gathered
                gathered = []
        yield gathered

    def _is_wanted(self, row: Any, code: int, wanted: Wanted) -> bool:
        start = (code << 40) | row.POS
        end = (code << 40) | self._end(row)
        return bool(wanted.within(np.array([start]), np.array([end]))[0])

    def _end(self, row: Any) -> int:
        if self.has_blocks and row.ALT[0:1] in ([], ["<NON_REF>"], ["<*>"]):
            return max(int(row.end), int(row.POS))
        return int(row.POS)

    def _record(self, row: Any, code: int) -> Record:
        samples = len(self._chosen or self.labels)
        names = frozenset(row.FORMAT or ())
        # The last column says whether the call is phased.
        called = row.genotype.array()[:samples, :-1].copy() if "GT" in names else None
        imputed = None
        if "DS" in names and (self._field == "DS" or called is None):
            imputed = np.asarray(row.format("DS"), np.float64).reshape(samples, -1).T
        fields = ":".join(names & {"GT", "DS"}).encode()
        return Record(
            code,
            int(row.POS),
            self._end(row),
            str(row.REF),
            tuple(row.ALT),
            fields,
            called,
            imputed,
        )

    def _jumps(self, wanted: Wanted) -> list[tuple[str, int, int]] | None:
        """Regions to ask the index for; None where streaming the file is less work."""
        if wanted.spans is None or self.has_blocks or not self._index():
            return None
        if len(wanted.spans[0]) * _JUMP_BYTES // 1_000 > self.size_bytes:
            return None
        jumps = [
            (name, first, last)
            for name in self._vcf.seqnames
            for first, last in wanted.jumps(chromosome_code(name))
        ]
        return jumps if len(jumps) * _JUMP_BYTES < self.size_bytes else None

    def _index(self) -> bool:
        """Is there an index that is not older than the file?"""
        made = self._path.stat().st_mtime
        beside = [self._path.with_name(self._path.name + end) for end in (".tbi", ".csi")]
        return any(path.is_file() and path.stat().st_mtime >= made - 1 for path in beside)


def _inside(row: _Row, wanted: Wanted) -> list[int]:
    """Wanted positions in a gVCF's block."""
    first, last = place(np.array([row.chromosome] * 2), np.array([row.position, row.end]))
    return [int(at) & ((1 << 40) - 1) for at in wanted.between(int(first), int(last))]


def _read(rows: Rows, entry: NDArray[np.int64], which: NDArray[np.int64]) -> Calls:
    return unpacked(rows, entry[which, 0].tolist(), entry[which, 1])
