"""Genotypes of any format to arrays of dosages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from specialists.errors import FileTooLarge, GenomeBuildMismatch, InvalidInput
from specialists.readers import worker
from specialists.readers.calls import Block, Calls, GenotypeFile, Sites
from specialists.readers.genome import Alleles
from specialists.readers.genotype_files import open_genotypes
from specialists.readers.transport import transported
from specialists.readers.variant_calls import GenotypeField
from specialists.readers.wanted import Wanted
from specialists.schema import Manifest

__all__ = [
    "Genotypes",
    "check_same_samples",
    "find_sample",
    "inspect_variants",
    "parse_variants",
    "read_variants",
    "sample_number",
]

_CELLS = 180_000_000
_STEP_CELLS = 1 << 21
_COUNTED_BYTES = 16 * 2**20
_MODULE = "specialists.readers.variants"


@transported
@dataclass(frozen=True, eq=False)
class Genotypes:
    """Dosages of alternate alleles: one entry an alternate allele, in the order of the file.

    A row of the file with two alternate alleles makes two entries with the same `row`; a row
    with none (every sample is homozygous for the reference) makes one, with `alternate` -1.
    """

    row: NDArray[np.int64]
    """Shape (entries,): which row of the file the entry is from, 0-based, counting those read."""
    chromosome: NDArray[np.uint8]
    """Shape (entries,), PLINK codes (X 23, Y 24, MT 26)."""
    position: NDArray[np.int64]
    """Shape (entries,), 1-based."""
    alleles: tuple[str, ...]
    reference: NDArray[np.int32]
    """Shape (entries,), index into `alleles`."""
    alternate: NDArray[np.int32]
    """Shape (entries,), index into `alleles`; -1 where the row has none."""
    dosage: NDArray[np.float32]
    """Shape (entries, samples): copies of the alternate allele; NaN where the call is missing."""
    copies: NDArray[np.uint8]
    """Shape (entries, samples): alleles that were called (1 haploid, 2 diploid, 0 missing)."""
    sample_positions: NDArray[np.int64]
    """Shape (samples,): 1-based positions of the samples in the file."""
    genome_build: str | None
    """GRCh37 or GRCh38 as the header tells it (contig lengths, assembly, reference)."""
    labels: tuple[str, ...] | None = None
    """The file's names of the samples, only where asked for."""
    notes: tuple[str, ...] = ()

    @property
    def samples(self) -> int:
        """How many samples were read."""
        return len(self.sample_positions)

    def sites(self, alleles: Alleles) -> Sites:
        """The entries, with alleles numbered as elsewhere."""
        theirs = np.array([*alleles.codes(self.alleles), -1], np.int32)
        return Sites(
            self.row,
            self.chromosome,
            self.position,
            theirs[self.reference],
            theirs[self.alternate],
        )

    def calls(self, entry: NDArray[np.int64]) -> Calls:
        """The calls of some entries."""
        dosage = self.dosage[entry].astype(np.float64)
        missing = np.flatnonzero(np.isnan(dosage))
        dosage.reshape(-1)[missing] = 0
        return Calls(dosage, missing, np.flatnonzero(self.copies[entry] == 1))


def read_variants(
    paths: Sequence[Path],
    *,
    positions: Mapping[str, NDArray[np.int64]] | None = None,
    regions: Sequence[tuple[str, int, int]] | None = None,
    samples: Sequence[str | int] | None = None,
    sample_labels: bool = False,
    genotype_field: GenotypeField = "GT",
) -> Genotypes:
    """Read files of genotypes (VCF, BCF, BGEN, PLINK) in a worker process.

    An index beside a file (.tbi, .csi) is used where few enough places are wanted for it to
    pay; otherwise the file is streamed. A call that is missing in part counts as missing.

    Args:
        paths: One file, or several with the same samples (such as one a chromosome).
        positions: Read only rows that start here: chromosome name to 1-based positions.
        regions: Read only rows that start in here: chromosome name, first and last, 1-based.
        samples: Which samples: 1-based positions or the file's labels; all where None. They
            come in the order of the file.
        sample_labels: Let the file's names of samples out of the worker.
        genotype_field: "DS" takes dosages (imputed) where a row has them, "GT" the calls; each
            falls back on the other where a row has only that.

    Raises:
        BackendUnavailable: If the library that the format needs is not installed.
        UnreadableFile: If a file holds no genotypes, or is damaged or cut short.
        FileTooLarge: If what is wanted does not fit in memory.
        InvalidInput: If a sample is not there, or the files do not have the same samples.
        GenomeBuildMismatch: If the files are on different builds.
    """
    result = worker.run(
        f"{_MODULE}:parse_variants",
        [path.absolute() for path in paths],
        positions=None if positions is None else dict(positions),
        regions=None if regions is None else [list(region) for region in regions],
        samples=None if samples is None else list(samples),
        sample_labels=sample_labels,
        genotype_field=genotype_field,
    )
    return cast(Genotypes, result)


def find_sample(paths: Sequence[Path], sample: str | int) -> int:
    """Tell the 1-based position of a sample in a file, in a worker process.

    Args:
        paths: The first is looked at.
        sample: A position, or the file's label; a text that is no label but a number is taken
            for a position.

    Raises:
        InvalidInput: If there is no such sample.
    """
    first = [path.absolute() for path in paths][:1]
    return int(worker.run(f"{_MODULE}:sample_position", first, sample))


def sample_position(paths: Sequence[Path], sample: str | int) -> int:
    """What `find_sample` runs in the worker."""
    with open_genotypes(paths[0]) as file:
        return sample_number(file.labels, sample)


def sample_number(labels: Sequence[str], wanted: str | int) -> int:
    """Tell the 1-based position of a sample among a file's labels; see `find_sample`."""
    if isinstance(wanted, str) and wanted in labels:
        return labels.index(wanted) + 1
    if str(wanted).isdecimal() and 1 <= int(wanted) <= len(labels):
        return int(wanted)
    raise InvalidInput(
        f"The file has no such sample. It holds {len(labels):,}; one is named by its label or by"
        f" its position, 1 to {len(labels):,}."
    )


def inspect_variants(paths: Sequence[Path]) -> Manifest:
    """Say what a file of genotypes is, from its header and index. Runs in a worker.

    The number of variants is given where a header or an index tells it or the file is small.
    """
    with open_genotypes(paths[0]) as file:
        variants = file.count()
        if variants is None and paths[0].stat().st_size <= _COUNTED_BYTES:
            blocks = file.blocks(Wanted.everything(), Alleles())
            variants = sum(len(np.unique(block.sites.row)) for block in blocks)
        return Manifest(
            kind="variants",
            format=file.format,
            genome_build=cast(Any, file.genome_build),
            samples=len(file.labels),
            variants=variants,
            age_years=None,
        )


def parse_variants(
    paths: Sequence[Path],
    *,
    positions: Mapping[str, NDArray[np.int64]] | None = None,
    regions: Sequence[Sequence[Any]] | None = None,
    samples: Sequence[str | int] | None = None,
    sample_labels: bool = False,
    genotype_field: GenotypeField = "GT",
) -> Genotypes:
    """What `read_variants` runs in the worker."""
    wanted = Wanted.of(positions, regions)
    table: _Table | None = None
    for path in paths:
        with open_genotypes(path, genotype_field) as file:
            if table is None:
                table = _Table(file, samples)
            check_same_samples(file, table.first)
            file.keep_samples(table.chosen)
            for block in file.blocks(wanted, table.alleles):
                table.add(block)
            table.notes += file.notes
    if table is None:
        raise InvalidInput("No file was named.")
    return table.finish(sample_labels)


def check_same_samples(file: GenotypeFile, first: GenotypeFile) -> None:
    """Refuse a further file that does not go with the first."""
    if list(file.labels) != list(first.labels):
        raise InvalidInput("The files do not hold the same samples in the same order.")
    if first.genome_build != file.genome_build:
        raise GenomeBuildMismatch("The genotype files are on different genome builds.")


class _Table:
    """Gathers blocks into arrays."""

    def __init__(self, file: GenotypeFile, samples: Sequence[str | int] | None) -> None:
        self.first = file
        self.genome_build = file.genome_build
        self.labels = list(file.labels)
        self.chosen = (
            list(range(1, len(self.labels) + 1))
            if samples is None
            else sorted({sample_number(self.labels, sample) for sample in samples})
        )
        self.alleles = Alleles()
        self.notes: tuple[str, ...] = ()
        self._entries = 0
        self._rows = 0
        self._sites: list[Sites] = []
        self._dosages: list[NDArray[np.float32]] = []
        self._copies: list[NDArray[np.uint8]] = []

    def add(self, block: Block) -> None:
        """Take one block of a file."""
        count = len(block.sites.row)
        self._entries += count
        if self._entries * len(self.chosen) > _CELLS:
            raise FileTooLarge(
                f"The wanted variants of {len(self.chosen):,} samples do not fit in memory:"
                f" at most {_CELLS:,} genotypes are read at once. Name one sample, or a file"
                " with fewer."
            )
        if not count:
            return
        # The calls are counted from the row where the file starts.
        rows = np.unique(block.sites.row, return_inverse=True)[1]
        self._sites.append(replace(block.sites, row=rows + self._rows))
        self._rows += int(rows.max()) + 1
        step = max(1, _STEP_CELLS // max(len(self.chosen), 1))
        for start in range(0, count, step):
            self._add_calls(block.read(np.arange(start, min(start + step, count))))

    def _add_calls(self, calls: Calls) -> None:
        dosage = calls.dosage.astype(np.float32)
        copies = np.full(dosage.shape, 2, np.uint8)
        copies.reshape(-1)[calls.haploid] = 1
        copies.reshape(-1)[calls.missing] = 0
        dosage.reshape(-1)[calls.missing] = np.nan
        self._dosages.append(dosage)
        self._copies.append(copies)

    def finish(self, sample_labels: bool) -> Genotypes:
        """Put the blocks together."""
        sites = self._sites or [Sites.of([])]
        return Genotypes(
            row=np.concatenate([each.row for each in sites]),
            chromosome=np.concatenate([each.chromosome for each in sites]),
            position=np.concatenate([each.position for each in sites]),
            alleles=self.alleles.texts,
            reference=np.concatenate([each.reference for each in sites]),
            alternate=np.concatenate([each.alternate for each in sites]),
            dosage=_joined(self._dosages, len(self.chosen), np.float32),
            copies=_joined(self._copies, len(self.chosen), np.uint8),
            sample_positions=np.array(self.chosen, np.int64),
            genome_build=self.genome_build,
            labels=tuple(self.labels[n - 1] for n in self.chosen) if sample_labels else None,
            notes=self.notes,
        )


def _joined(blocks: list[NDArray[Any]], width: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Put blocks into one array, letting go of each: the peak is one copy, not two."""
    last = sum(len(block) for block in blocks)
    joined = np.empty((last, width), dtype)
    while blocks:
        block = blocks.pop()
        joined[last - len(block) : last] = block
        last -= len(block)
    return joined
