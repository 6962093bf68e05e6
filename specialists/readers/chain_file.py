"""Chain files: positions of one genome build on another.

Source: https://genome.ucsc.edu/goldenPath/help/chain.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from specialists.errors import GenomeBuildMismatch, TruncatedFile, UnreadableFile
from specialists.readers.columns import opened
from specialists.readers.genome import (
    Alleles,
    build_of_contigs,
    chromosome_code,
    chromosome_name,
)
from specialists.readers.scoring_file import ScoringFile
from specialists.schema import Manifest

__all__ = ["Chains", "inspect_chain", "lifted"]

_DAMAGED = "The chain file is damaged."
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Chain:
    """Stretches that one build shares with the other. Arrays: shape (stretches,)."""

    score: float
    start: Integers
    """0-based, on the build that positions are from; ascending."""
    size: Integers
    to_start: Integers
    """0-based, on the strand of the chain."""
    to_chromosome: int
    to_length: int
    reversed: bool


@dataclass(frozen=True, eq=False)
class Chains:
    """A chain file."""

    from_build: str | None
    to_build: str | None
    chains: Mapping[int, Sequence[_Chain]]
    """By chromosome code of the build that positions are from, worst first."""

    @classmethod
    def read(cls, path: Path) -> Chains:
        """Read a chain file, plain or gzip.

        Raises:
            UnreadableFile: If it is none, is damaged or cut short.
        """
        found: dict[int, list[_Chain]] = {}
        lengths: tuple[dict[str, int], dict[str, int]] = ({}, {})
        for header, blocks in _chains(path):
            for known, name, length in zip(lengths, (2, 7), (3, 8), strict=True):
                known[chromosome_name(header[name])] = int(header[length])
            code, to = chromosome_code(header[2]), chromosome_code(header[7])
            if code and to and header[4] == "+":
                found.setdefault(code, []).append(_chain(header, blocks, to))
        if not found:
            raise UnreadableFile("The chain file has no chain between chromosomes.")
        ordered = {code: sorted(some, key=lambda one: one.score) for code, some in found.items()}
        return cls(build_of_contigs(lengths[0]), build_of_contigs(lengths[1]), ordered)

    def lift(
        self, chromosome: NDArray[np.uint8], position: Integers
    ) -> tuple[NDArray[np.uint8], Integers, NDArray[np.bool_]]:
        """Move positions to the other build, by the best chain that covers each.

        Args:
            chromosome: Codes, shape (variants,).
            position: 1-based, shape (variants,).

        Returns:
            Codes, 1-based positions (both 0 where there is none), and which came to lie on the
            other strand.
        """
        code = np.zeros_like(chromosome)
        place = np.zeros_like(position)
        turned = np.zeros(len(position), bool)
        for number, chains in self.chains.items():
            own = np.flatnonzero(chromosome == number)
            for chain in chains:
                at = np.searchsorted(chain.start, position[own] - 1, "right") - 1
                offset = position[own] - 1 - chain.start[at]
                inside = (at >= 0) & (offset < chain.size[at])
                these = own[inside]
                there = (chain.to_start[at] + offset)[inside]
                code[these] = chain.to_chromosome
                place[these] = chain.to_length - there if chain.reversed else there + 1
                turned[these] = chain.reversed
        return code, place, turned


def lifted(score: ScoringFile, chains: Chains, to_build: str | None) -> ScoringFile:
    """Move a score to the build of the genotypes; it says how many variants found a place.

    Alleles that came to lie on the other strand are read from it. Insertions and deletions on
    the other strand, whose position would be another base's, are left without a place.

    Raises:
        GenomeBuildMismatch: If the chain file is not from the score's build to the genotypes'.
    """
    _check(chains, score.genome_build, to_build)
    code, place, turned = chains.lift(score.chromosome, score.position)
    alleles = Alleles()
    numbers = np.array([*alleles.codes(score.alleles), -1], np.int32)
    for text in score.alleles:
        alleles.code(text.translate(str.maketrans("ACGT", "TGCA"))[::-1])
    single = alleles.bases() == 1
    effect, other = numbers[score.effect_allele], numbers[score.other_allele]
    plain = single[effect] & (single[other] | (other == -1))
    lost = turned & ~plain
    code[lost], place[lost], turned = 0, 0, turned & plain
    flipped = alleles.flipped()
    effect = np.where(turned, flipped[effect], effect)
    other = np.where(turned & (other >= 0), flipped[other], other)
    placed, kept = int((score.position > 0).sum()), int((place > 0).sum())
    note = (
        f"Positions lifted over from {chains.from_build} to {chains.to_build} with the chain file:"
        f" {kept:,} of {placed:,}; {placed - kept:,} have no place there; {int(turned.sum()):,}"
        " lie on the other strand."
    )
    return replace(
        score,
        genome_build=chains.to_build,
        chromosome=code,
        position=place,
        alleles=alleles.texts,
        effect_allele=effect.astype(np.int32),
        other_allele=other.astype(np.int32),
        notes=(*score.notes, note),
    )


def inspect_chain(path: Path) -> Manifest:
    """Say what a chain file is. Runs in a worker."""
    chains = Chains.read(path)
    return Manifest(
        kind="chain_file",
        format="chain file",
        genome_build=cast(Any, chains.from_build),
        notes=(f"positions from {chains.from_build} to {chains.to_build}",),
    )


def _check(chains: Chains, of_score: str | None, of_genotypes: str | None) -> None:
    ends = f"The chain file leads from {chains.from_build} to {chains.to_build}"
    if None in (chains.from_build, chains.to_build):
        raise GenomeBuildMismatch("The chain file is not between GRCh37 and GRCh38.")
    if of_score is not None and of_score != chains.from_build:
        raise GenomeBuildMismatch(f"{ends}, but the score is on {of_score}.")
    if of_genotypes is not None and of_genotypes != chains.to_build:
        raise GenomeBuildMismatch(f"{ends}, but the genotypes are on {of_genotypes}.")


def _chains(path: Path) -> Iterator[tuple[list[str], list[list[int]]]]:
    """Headers, split, and the lines below each."""
    header: list[str] = []
    blocks: list[list[int]] = []
    with opened(path) as text:
        for line in text:
            cells = line.split()
            if line.startswith(b"chain"):
                if header:
                    yield header, blocks
                header, blocks = [cell.decode("utf-8", "replace") for cell in cells], []
                if len(header) < 12:
                    raise UnreadableFile(_DAMAGED)
            elif cells and not line.startswith(b"#"):
                try:
                    blocks.append(list(map(int, cells)))
                except ValueError as error:
                    raise UnreadableFile(_DAMAGED) from error
    if header:
        yield header, blocks


def _chain(header: Sequence[str], blocks: list[list[int]], to: int) -> _Chain:
    if not blocks or len(blocks[-1]) != 1 or any(len(row) != 3 for row in blocks[:-1]):
        raise TruncatedFile("The chain file ends before its content does.")
    table = np.array([[*row, 0, 0][:3] for row in blocks], np.int64)
    steps = np.cumsum(table[:, 0][:, None] + table[:, 1:], axis=0)
    before = np.vstack([np.zeros((1, 2), np.int64), steps[:-1]])
    try:
        score = float(header[1])
        start, to_length, to_start = (int(header[at]) for at in (5, 8, 10))
    except ValueError as error:
        raise UnreadableFile(_DAMAGED) from error
    return _Chain(
        score, start + before[:, 0], table[:, 0], to_start + before[:, 1], to, to_length,
        header[9] == "-",
    )  # fmt: skip
