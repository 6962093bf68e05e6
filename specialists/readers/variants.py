"""VCF and BCF to dosages.

Source: VCF 4.3 and BCF 2.2, https://samtools.github.io/hts-specs/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from specialists.errors import FileTooLarge, GenomeBuildMismatch, InvalidInput
from specialists.readers import worker
from specialists.readers.genome import Alleles
from specialists.readers.transport import transported
from specialists.readers.variant_calls import Calls, GenotypeField
from specialists.readers.variant_file import Record, VariantFile, Wanted
from specialists.schema import Manifest

__all__ = [
    "Genotypes",
    "find_sample",
    "inspect_variants",
    "parse_variants",
    "read_variants",
]

_CELLS = 180_000_000
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


def read_variants(
    paths: Sequence[Path],
    *,
    positions: Mapping[str, NDArray[np.int64]] | None = None,
    regions: Sequence[tuple[str, int, int]] | None = None,
    samples: Sequence[str | int] | None = None,
    sample_labels: bool = False,
    genotype_field: GenotypeField = "GT",
) -> Genotypes:
    """Read VCF or BCF files in a worker process.

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
        BackendUnavailable: If cyvcf2 is not installed.
        UnreadableFile: If a file is not VCF or BCF, or is damaged or cut short.
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
    with VariantFile(paths[0]) as file:
        return _position(file.labels, sample)


def inspect_variants(paths: Sequence[Path]) -> Manifest:
    """Say what a variant file is, from its header and index. Runs in a worker.

    The number of variants is given where an index tells it or the file is small.
    """
    with VariantFile(paths[0]) as file:
        variants = file.indexed_rows
        if variants is None and file.size_bytes <= _COUNTED_BYTES:
            variants = sum(1 for _ in file.rows(Wanted.everything()))
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
        with VariantFile(path) as file:
            if table is None:
                table = _Table(file, samples, genotype_field)
            table.check(file)
            file.keep_samples([file.labels[number - 1] for number in table.chosen])
            for record in file.rows(wanted):
                table.add(record)
    if table is None:
        raise InvalidInput("No file was named.")
    return table.finish(sample_labels)


def _position(labels: Sequence[str], wanted: str | int) -> int:
    if isinstance(wanted, str) and wanted in labels:
        return labels.index(wanted) + 1
    if str(wanted).isdecimal() and 1 <= int(wanted) <= len(labels):
        return int(wanted)
    raise InvalidInput(
        f"The file has no such sample. It holds {len(labels):,}; one is named by its label or by"
        f" its position, 1 to {len(labels):,}."
    )


class _Table:
    """Gathers rows into arrays."""

    def __init__(
        self, file: VariantFile, samples: Sequence[str | int] | None, field: GenotypeField
    ) -> None:
        self.labels = file.labels
        self.genome_build = file.genome_build
        self.chosen = (
            list(range(1, len(self.labels) + 1))
            if samples is None
            else sorted({_position(self.labels, sample) for sample in samples})
        )
        self.alleles = Alleles()
        self.rows = 0
        self.facts: list[tuple[int, int, int, int, int]] = []
        self.calls = Calls(len(self.chosen), field)

    def check(self, file: VariantFile) -> None:
        """Refuse a further file that does not go with the first."""
        if file.labels != self.labels:
            raise InvalidInput("The files do not hold the same samples in the same order.")
        if self.genome_build != file.genome_build:
            raise GenomeBuildMismatch("The genotype files are on different genome builds.")

    def add(self, record: Record) -> None:
        """Take one row of the file."""
        reference = self.alleles.code(record.reference)
        for alternate in record.alternates or ("",):
            code = self.alleles.code(alternate)
            self.facts.append((self.rows, record.chromosome, record.position, reference, code))
        self.calls.add(record)
        self.rows += 1
        if len(self.facts) * len(self.chosen) > _CELLS:
            raise FileTooLarge(
                f"The wanted variants of {len(self.chosen):,} samples do not fit in memory:"
                f" at most {_CELLS:,} genotypes are read at once. Name one sample, or a file"
                " with fewer."
            )

    def finish(self, sample_labels: bool) -> Genotypes:
        facts = np.array(self.facts, np.int64).reshape(-1, 5)
        dosage, copies = self.calls.finish()
        return Genotypes(
            row=facts[:, 0],
            chromosome=facts[:, 1].astype(np.uint8),
            position=facts[:, 2],
            alleles=self.alleles.texts,
            reference=facts[:, 3].astype(np.int32),
            alternate=facts[:, 4].astype(np.int32),
            dosage=dosage,
            copies=copies,
            sample_positions=np.array(self.chosen, np.int64),
            genome_build=self.genome_build,
            labels=tuple(self.labels[n - 1] for n in self.chosen) if sample_labels else None,
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        if not self.calls.other_field:
            return ()
        field = self.calls.field
        other = "DS" if field == "GT" else "GT"
        return (
            f"Variants without the field {field}, whose {other} was used:"
            f" {self.calls.other_field:,}.",
        )
