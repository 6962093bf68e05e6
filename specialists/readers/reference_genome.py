"""A reference genome: the base at a position. FASTA with its index (.fai) beside it.

Source: https://www.htslib.org/doc/faidx.html.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from specialists.errors import FileMissing, UnreadableFile
from specialists.readers.genome import build_of_contigs, chromosome_code, chromosome_name
from specialists.schema import Manifest

__all__ = ["ReferenceGenome", "inspect_reference"]


@dataclass(frozen=True, eq=False)
class ReferenceGenome:
    """An indexed FASTA file."""

    path: Path
    genome_build: str | None
    contigs: dict[int, tuple[int, int, int, int]]
    """By chromosome code: length, where the bases start, bases a line, bytes a line."""

    @classmethod
    def open(cls, path: Path) -> ReferenceGenome:
        """Read the index.

        Raises:
            FileMissing: If no index lies beside the file.
            UnreadableFile: If the index is none.
        """
        index = Path(f"{path}.fai")
        if not index.is_file():
            raise FileMissing(
                "Beside the FASTA file its index (.fai) must lie; samtools faidx makes it."
            )
        lengths: dict[str, int] = {}
        contigs: dict[int, tuple[int, int, int, int]] = {}
        for line in index.read_text("utf-8", "replace").splitlines():
            name, *numbers = line.split("\t")
            if len(numbers) < 4 or not all(text.isdecimal() for text in numbers[:4]):
                raise UnreadableFile("The index of the FASTA file is damaged.")
            length, offset, bases, width = map(int, numbers[:4])
            code = chromosome_code(name)
            if code and bases and offset + length <= path.stat().st_size:
                contigs[code] = (length, offset, bases, width)
                lengths[chromosome_name(name)] = length
        if not contigs:
            raise UnreadableFile("The index of the FASTA file names no chromosome that it holds.")
        return cls(path, build_of_contigs(lengths), contigs)

    def bases(
        self, chromosome: NDArray[np.uint8], position: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """The bases at 1-based positions, as upper-case ASCII; N beyond the genome's end."""
        found = np.full(len(position), ord("N"), np.uint8)
        with (
            self.path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
        ):
            whole = np.frombuffer(text, np.uint8)
            for code, (length, offset, bases, width) in self.contigs.items():
                own = np.flatnonzero((chromosome == code) & (position >= 1) & (position <= length))
                line, within = np.divmod(position[own] - 1, bases)
                at = np.minimum(offset + line * width + within, len(whole) - 1)
                found[own] = whole[at] & 0xDF
            del whole
        return found


def inspect_reference(path: Path) -> Manifest:
    """Say what an indexed FASTA file is. Runs in a worker."""
    genome = ReferenceGenome.open(path)
    return Manifest(
        kind="reference_genome", format="FASTA", genome_build=cast(Any, genome.genome_build)
    )
