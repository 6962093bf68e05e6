"""One pass over genotypes for several scores: options, sums and what became of each variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import InvalidInput, NotAccepted
from specialists.polygenic.agreement import (
    check_absent,
    check_alleles,
    check_builds,
    check_reference,
)
from specialists.polygenic.batches import Rows
from specialists.polygenic.match_report import written
from specialists.polygenic.matching import IN_BLOCK, Ambiguous, Matcher, Status
from specialists.polygenic.sums import Adder, Sums, with_absent
from specialists.readers.calls import Block, copies_of, scaled
from specialists.readers.genome import Alleles
from specialists.readers.reference_genome import ReferenceGenome
from specialists.readers.scoring_file import ScoreFacts, ScoringFile
from specialists.readers.transport import transported
from specialists.readers.variant_calls import GenotypeField
from specialists.readers.variants import check_same_samples, sample_number
from specialists.readers.wanted import Wanted, place

__all__ = ["Cohort", "Options", "Run", "Scoring", "Tally"]

_BATCH_CELLS = 1 << 19
_BATCH_ROWS = 1 << 16
_LEAST_FOR_FREQUENCY = 100


@dataclass(frozen=True)
class Options:
    """How genotypes are scored."""

    sample: int | str | None = None
    """One sample is asked for: by its position or label. The others are scored beside it."""
    genotype_field: GenotypeField = "GT"
    ambiguous: Ambiguous = "frequency"
    absent_means_reference: bool = False
    match_report: bool = False
    """Give a table of what became of each variant."""
    genome_build: str | None = None
    """Of the genotypes, where the files do not say and the caller does."""
    chain: Path | None = None
    """Chain file to lift the scores' positions over with."""
    reference_genome: Path | None = None
    """Indexed FASTA: which allele of an absent variant is the reference."""


@transported
@dataclass(frozen=True, eq=False)
class Cohort:
    """Whose genotypes were scored; no names."""

    sample_positions: NDArray[np.int64]
    """Shape (samples,): 1-based positions in the file."""
    chosen: int | None
    """Index of the one sample that was asked for."""
    genome_build: str | None
    format: str
    notes: tuple[str, ...] = ()

    @property
    def samples(self) -> int:
        """How many samples were scored."""
        return len(self.sample_positions)


@transported
@dataclass(frozen=True, eq=False)
class Tally:
    """One score over all samples."""

    score: ScoreFacts
    sums: Sums
    counts: dict[str, int]
    """Fields of `MatchCounts`."""
    weight_share: float
    """Share of the score's summed squared weights that went into the sums."""
    report: NDArray[np.uint8] | None = None
    """Bytes of the match report, where it was asked for."""


@transported
@dataclass(frozen=True, eq=False)
class Scoring:
    """What came out."""

    cohort: Cohort
    tallies: tuple[Tally, ...]


class Run:
    """Takes the blocks of one or several files, and adds them up."""

    def __init__(self, scores: Sequence[ScoringFile], options: Options) -> None:
        self.scores, self.options = scores, options
        self.alleles = Alleles()
        self.matchers = [Matcher(score, self.alleles, options.ambiguous) for score in scores]
        none = np.empty(0, np.int64)
        places = [place(score.chromosome, score.position) for score in scores]
        self.wanted = Wanted.at(np.concatenate([none, *places]))
        self.notes: tuple[str, ...] = ()
        self._first: Any = None
        self._adder: Adder | None = None
        self._samples = 0
        self._sexes: NDArray[np.uint8] | None = None
        self._chosen: int | None = None
        self._build: str | None = None
        self._reference: ReferenceGenome | None = None
        self._gvcf = False
        if options.reference_genome is not None:
            self._reference = ReferenceGenome.open(Path(options.reference_genome))

    def begin(self, file: Any) -> None:
        """Take a file that is open."""
        if self._first is None:
            if not file.labels:
                raise NotAccepted("The file lists variants but holds no samples with genotypes.")
            self._first = file
            if self.options.sample is not None:
                self._chosen = sample_number(file.labels, self.options.sample) - 1
            self.begin_samples(len(file.labels), file.sexes, file.genome_build, file.format)
        else:
            check_same_samples(file, self._first)

    def begin_samples(
        self,
        samples: int,
        sexes: NDArray[np.uint8] | None = None,
        build: str | None = None,
        form: str = "",
    ) -> None:
        """Say whose calls the blocks will have."""
        self._samples, self._sexes, self._format = samples, sexes, form
        self._build = build or self.options.genome_build
        for score in self.scores:
            check_builds(score.genome_build, self._build)
        if self._reference is not None:
            check_reference(self._reference.genome_build, self._build)
        self._adder = Adder(self.scores, samples, sexes)

    def add(self, block: Block) -> None:
        """Match a block and add its calls up."""
        block = self._with_references(block)
        pairs = [
            matcher.match(block.sites, lambda entry: self._frequencies(block, entry))
            for matcher in self.matchers
        ]
        rows = Rows(block.sites, pairs)
        step = max(1, min(_BATCH_ROWS, _BATCH_CELLS // max(self._samples, 1)))
        for start in range(0, rows.count, step):
            self._add_batch(block, rows, start, min(start + step, rows.count))

    def _add_batch(self, block: Block, rows: Rows, start: int, stop: int) -> None:
        calls, sites = rows.read(block, start, stop, self._sexes)
        without = np.concatenate([calls.missing, calls.outside]) // max(self._samples, 1)
        called = np.bincount(without, minlength=stop - start) < self._samples
        used = rows.users(start, stop)
        if not called.all():
            without_calls = used.keep(~called[used.row])
            for number, matcher in enumerate(self.matchers):
                matcher.without_calls(without_calls.variant[without_calls.score == number])
            used = used.keep(called[used.row])
        if self._adder is not None:
            self._adder.add(calls, sites.chromosome, used)

    def _with_references(self, block: Block) -> Block:
        """Name the references inside a gVCF's stretches, where a reference genome is at hand."""
        inside = np.flatnonzero(block.sites.reference == IN_BLOCK)
        self._gvcf |= bool(inside.size)
        if self._reference is None or not inside.size:
            return block
        sites = block.sites
        bases = self._reference.bases(sites.chromosome[inside], sites.position[inside])
        reference = sites.reference.copy()
        reference[inside] = [self.alleles.code(chr(base)) for base in bases.tolist()]
        return replace(block, sites=replace(sites, reference=reference))

    def _frequencies(self, block: Block, entry: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of alternate alleles; NaN where fewer than 100 samples have a call."""
        order = np.argsort(entry, kind="stable")
        sites = block.sites.keep(entry[order])
        calls = scaled(block.read(entry[order]), sites, self._sexes)
        samples = calls.dosage.shape[1]
        called = samples - np.bincount(calls.missing // samples, minlength=len(entry))
        copies = copies_of(sites.chromosome)
        frequency = np.empty(len(entry))
        frequency[order] = calls.dosage.sum(axis=1) / np.maximum(called * copies, 1)
        few = np.empty(len(entry), bool)
        few[order] = called < _LEAST_FOR_FREQUENCY
        return np.where(few, np.nan, frequency)

    def finish(self) -> Scoring:
        """The sums and counts."""
        if self._adder is None:
            raise InvalidInput("No file with genotypes was named.")
        tallies = tuple(
            self._tally(score, matcher, sums)
            for score, matcher, sums in zip(
                self.scores, self.matchers, self._adder.finish(), strict=True
            )
        )
        cohort = Cohort(
            np.arange(1, self._samples + 1), self._chosen, self._build, self._format, self.notes
        )
        return Scoring(cohort, tallies)

    def _tally(self, score: ScoringFile, matcher: Matcher, sums: Sums) -> Tally:
        counts = matcher.counts()
        check_alleles(score.genome_build, self._build, counts)
        went_in = matcher.status == Status.USED
        if self.options.absent_means_reference:
            absent, carried = self._as_reference(score, matcher, counts)
            sums = with_absent(sums, score, absent, carried)
            counts["absent_as_reference"] = len(absent)
            went_in[absent] = True
        counts |= {
            "missing_calls": sums.missing_calls,
            "calls_imputed_from_samples": sums.imputed_from_samples,
            "calls_imputed_from_frequency": sums.imputed_from_frequency,
            "calls_left_out": sums.left_out,
        }
        report = None
        if self.options.match_report:
            report = written(score, matcher, self.alleles)
        return Tally(score.facts, sums, counts, _weight_share(score, went_in), report)

    def _as_reference(
        self, score: ScoringFile, matcher: Matcher, counts: Mapping[str, int]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
        """Absent variants that count as the reference, and whether that is the effect allele.

        In a gVCF only what a stretch covers counts. With a reference genome its bases say which
        allele is the reference, and variants of other kinds than one base stay absent.
        """
        absent = matcher.absent
        if self._gvcf:
            absent = absent[matcher.in_block[absent]]
        if self._reference is None:
            check_absent(counts)
            return absent, None
        bases = self._reference.bases(score.chromosome[absent], score.position[absent])
        codes = {base: self.alleles.code(chr(base)) for base in set(bases.tolist())}
        base = np.array([codes[one] for one in bases.tolist()], np.int32)
        effect, other = matcher.effect[absent], matcher.other[absent]
        single = self.alleles.bases()[effect] == 1
        single &= (self.alleles.bases()[other] == 1) | (other == -1)
        known = single & ((effect == base) | (other == base) | (other == -1))
        return absent[known], (effect == base)[known]


def _weight_share(score: ScoringFile, went_in: NDArray[np.bool_]) -> float:
    """How much of a score was used by squared weights; by count where all are 0."""
    squared = (score.weights[:, 2] - score.weights[:, 0]) ** 2
    whole = float(squared.sum())
    if whole > 0:
        return float(squared[went_in].sum()) / whole
    return float(went_in.sum()) / max(len(went_in), 1)
