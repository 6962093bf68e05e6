"""PGS Catalog scoring files (format 2.0), plain and harmonised.

Source: https://www.pgscatalog.org/downloads/#scoring_columns.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from specialists.errors import (
    EmptyFile,
    FileTooLarge,
    InvalidInput,
    MislabelledFile,
    UnsupportedScore,
)
from specialists.readers import worker
from specialists.readers.columns import blocks_of_rows, opened
from specialists.readers.genome import Alleles, normalise_build
from specialists.readers.scoring_columns import (
    ADDITIVE,
    DOMINANT,
    DOSAGE_COLUMNS,
    DOSAGE_SPECIFIC,
    RATIOS,
    RECESSIVE,
    Columns,
    complex_terms,
    numbers,
    other_alleles,
    places,
    ratio_column,
    weights,
)
from specialists.readers.transport import transported
from specialists.schema import Manifest

__all__ = [
    "ADDITIVE",
    "DOMINANT",
    "DOSAGE_SPECIFIC",
    "RECESSIVE",
    "ScoreFacts",
    "ScoringFile",
    "inspect_scoring_file",
    "parse_scoring_file",
    "read_scoring_file",
]

_ROWS = 20_000_000
_LINE_BYTES = 1_000_000
_HEADER_LINES = 1_000
_MARK = b"\xef\xbb\xbf"
Block = dict[str, NDArray[Any]]


@transported
@dataclass(frozen=True)
class ScoreFacts:
    """What a scoring file says of its score, without the variants."""

    header: dict[str, str]
    """Every `#key=value` line."""
    genome_build: str | None
    """Build of the positions as they were used."""
    variants: int
    sha256: str
    """Of the file as it is, packed or not."""
    notes: tuple[str, ...] = ()


@transported
@dataclass(frozen=True, eq=False)
class ScoringFile:
    """A polygenic score: one entry a variant, in the order of the file."""

    header: dict[str, str]
    """Every `#key=value` line."""
    genome_build: str | None
    """Build of `position`: GRCh37, GRCh38 or as the file names it; None where it does not."""
    harmonised: bool
    """Positions are those that the Catalog mapped (hm_chr, hm_pos)."""
    chromosome: NDArray[np.uint8]
    """Shape (variants,), PLINK codes (X 23, Y 24, MT 26); 0 where there is no position."""
    position: NDArray[np.int64]
    """Shape (variants,), 1-based; 0 where there is none."""
    alleles: tuple[str, ...]
    effect_allele: NDArray[np.int32]
    """Shape (variants,), index into `alleles`; -1 where the file gives none."""
    other_allele: NDArray[np.int32]
    """Shape (variants,), index into `alleles`; -1 where the file gives none."""
    kind: NDArray[np.uint8]
    """Shape (variants,): ADDITIVE, DOMINANT, RECESSIVE or DOSAGE_SPECIFIC."""
    weights: NDArray[np.float64]
    """Shape (variants, 3): what 0, 1 and 2 copies of the effect allele add to the score."""
    effect_frequency: NDArray[np.float64]
    """Shape (variants,), frequency of the effect allele; NaN where the file gives none."""
    sha256: str
    """Of the file as it is, packed or not."""
    notes: tuple[str, ...] = ()

    @property
    def variants(self) -> int:
        """How many variants the score has."""
        return len(self.position)

    @property
    def facts(self) -> ScoreFacts:
        """The score without its variants."""
        return ScoreFacts(self.header, self.genome_build, self.variants, self.sha256, self.notes)


def read_scoring_file(paths: Sequence[Path]) -> ScoringFile:
    """Read a PGS Catalog scoring file in a worker process.

    Harmonised positions are used where the header gives `HmPOS_build`, otherwise the author's
    positions with `genome_build`. Odds and hazard ratios are turned into their logarithms only
    where there is no effect weight; a note says so.

    Args:
        paths: One file, plain or gzip.

    Raises:
        UnsupportedScore: If it has haplotypes, diplotypes, interactions or other effects that
            are not of one variant, or no positions.
        UnreadableFile: If it is not a scoring file, is cut short or holds wrong values.
        FileTooLarge: If it unpacks to more than the limits allow.
    """
    absolute = [path.absolute() for path in paths]
    result = worker.run("specialists.readers.scoring_file:parse_scoring_file", absolute)
    return cast(ScoringFile, result)


def parse_scoring_file(paths: Sequence[Path]) -> ScoringFile:
    """What `read_scoring_file` runs in the worker."""
    path = _single(paths)
    with closing(_opened(path)) as text:
        table = _Table(*_head(text))
        table.read(text)
    with path.open("rb") as file:
        return table.finish(hashlib.file_digest(file, "sha256").hexdigest())


def inspect_scoring_file(paths: Sequence[Path]) -> Manifest:
    """Say what a scoring file is, from its header and column names. Runs in a worker."""
    with closing(_opened(_single(paths))) as text:
        header, columns = _head(text)
        build = _build(header, columns)
        announced = header.get("variants_number", "")
        counted = int(announced) if announced.isdecimal() else sum(1 for row in text if row.strip())
    return Manifest(
        kind="scoring_file",
        format="PGS scoring file",
        genome_build=cast(Any, build) if build in ("GRCh37", "GRCh38") else None,
        age_years=None,
        variants=counted,
    )


def _single(paths: Sequence[Path]) -> Path:
    if len(paths) != 1:
        raise InvalidInput("A score is one file.")
    return Path(paths[0])


def _opened(path: Path) -> io.BufferedReader:
    """The file's text, unpacked as it is read, after a byte order mark."""
    if path.stat().st_size == 0:
        raise EmptyFile("The file is empty.")
    text = opened(path)
    if text.peek(len(_MARK)).startswith(_MARK):
        text.read(len(_MARK))
    return text


def _head(text: io.BufferedReader) -> tuple[dict[str, str], list[str]]:
    """The `#key=value` lines, and the names of the columns."""
    header: dict[str, str] = {}
    for _ in range(_HEADER_LINES):
        line = text.readline(_LINE_BYTES)
        if len(line) == _LINE_BYTES:
            raise MislabelledFile("The file is not a scoring file: a line of it has no end.")
        told = line.decode("utf-8", "replace").rstrip("\r\n")
        if told and not told.startswith("#"):
            return header, _checked(told.split("\t"))
        key, _, value = told.lstrip("#").partition("=")
        if value.strip():
            header[key.strip()] = value.strip()
        if not line:
            break
    raise MislabelledFile("The file is not a PGS Catalog scoring file: it has no columns.")


def _checked(columns: list[str]) -> list[str]:
    weighted = {"effect_weight", *RATIOS, *DOSAGE_COLUMNS}.intersection(columns)
    if "effect_allele" not in columns or not weighted:
        raise MislabelledFile(
            "The file is not a PGS Catalog scoring file: it has no column effect_allele, or none"
            " with weights."
        )
    return columns


def _is_harmonised(header: Mapping[str, str], columns: Sequence[str]) -> bool:
    return "HmPOS_build" in header and {"hm_chr", "hm_pos"} <= set(columns)


def _build(header: Mapping[str, str], columns: Sequence[str]) -> str | None:
    key = "HmPOS_build" if _is_harmonised(header, columns) else "genome_build"
    return normalise_build(header.get(key))


class _Table:
    """Builds a `ScoringFile` block by block, so that a large file's text is never all held."""

    def __init__(self, header: dict[str, str], columns: list[str]) -> None:
        self.header, self.columns = header, columns
        self.harmonised = _is_harmonised(header, columns)
        self.alleles = Alleles()
        self.rows = 0
        self.complex: Counter[str] = Counter()
        self.blocks: list[Block] = []

    def read(self, text: io.BufferedReader) -> None:
        """Take all rows."""
        for cells in blocks_of_rows(text, len(self.columns)):
            self.rows += len(cells[0])
            if self.rows > _ROWS:
                raise FileTooLarge(f"The scoring file has more than {_ROWS:,} rows.")
            columns = dict(zip(self.columns, cells, strict=True))
            # A score that pgscatalog-utils put in its own form has no header, but this column.
            if "pgs_id" not in self.header:
                self.header["pgs_id"] = columns.get("accession", ("",))[0]
            refused = complex_terms(columns)
            self.complex.update(refused)
            if not refused:
                self.blocks.append(self._parsed(columns))

    def _parsed(self, columns: Columns) -> Block:
        harmonised = ("hm_chr", "hm_pos")
        names = harmonised if self.harmonised else ("chr_name", "chr_position")
        chromosome, position = places(columns, names)
        added, kind = weights(columns)
        return {
            "chromosome": chromosome,
            "position": position,
            "effect_allele": np.array(self.alleles.codes(columns["effect_allele"]), np.int32),
            "other_allele": np.array(self.alleles.codes(other_alleles(columns)), np.int32),
            "kind": kind,
            "weights": added,
            "effect_frequency": numbers(columns.get("allelefrequency_effect"), len(kind)),
        }

    def finish(self, sha256: str) -> ScoringFile:
        """Put the blocks together, if everything in them can be summed."""
        if self.complex:
            raise UnsupportedScore(_why_unsupported(self.complex, self.rows))
        if not self.blocks:
            raise EmptyFile("The scoring file has no variants.")
        arrays = {name: np.concatenate([b[name] for b in self.blocks]) for name in self.blocks[0]}
        if not arrays["position"].any():
            raise UnsupportedScore(
                "The scoring file gives no positions of its variants. Use the PGS Catalog's"
                " harmonised file (hmPOS) of the score."
            )
        return ScoringFile(
            header=self.header,
            genome_build=_build(self.header, self.columns),
            harmonised=self.harmonised,
            alleles=self.alleles.texts,
            sha256=sha256,
            notes=tuple(self._notes()),
            **arrays,
        )

    def _notes(self) -> Iterator[str]:
        ratio = ratio_column(self.columns)
        if ratio:
            yield (
                f"The scoring file gives no effect weights; the natural logarithms of its"
                f" {RATIOS[ratio]} were used."
            )
        announced = self.header.get("variants_number", "")
        if announced.isdecimal() and int(announced) != self.rows:
            yield (
                f"The scoring file's header announces {int(announced):,} variants; it has"
                f" {self.rows:,}."
            )


def _why_unsupported(terms: Mapping[str, int], rows: int) -> str:
    named = ", ".join(f"{count:,} {term}" for term, count in terms.items())
    return (
        f"Of the score's {rows:,} terms, these cannot be summed variant by variant: {named}."
        " Additive, dominant, recessive and dosage-specific terms are supported."
    )
