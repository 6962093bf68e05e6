"""The reference backend: weights times dosages, in plain arrays."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from specialists.base import Progress, Reading, Request, Source, Table
from specialists.errors import InvalidInput, LowOverlap
from specialists.polygenic import wording
from specialists.polygenic.catalogue import choose, described, known_scores
from specialists.polygenic.people import Subject, people_of
from specialists.polygenic.result import Scored, listed, pictures, result
from specialists.polygenic.run import Cohort, Options, Tally
from specialists.polygenic.scoring import score_genotypes
from specialists.polygenic.several import joined
from specialists.polygenic.spec import MatchCounts, PolygenicRequest
from specialists.readers.scoring_file import ScoreFacts

__all__ = ["LinearScore"]


class LinearScore:
    """Scores genotypes with a scoring file.

    Args:
        device: Not used: the arrays are small.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._device = device

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Match a score to genotypes and sum it. See `specialists.base.Backend.read`.

        Raises:
            LowOverlap: If fewer of the score's variants than `min_overlap` could be used.
            GenomeBuildMismatch: If score and genotypes are on different builds.
            UnsupportedScore: If the score has terms of more than one variant.
            InvalidInput: If no score, or no such score or sample, was named.
        """
        if not isinstance(request, PolygenicRequest):
            raise InvalidInput("The request is not one of score_polygenic_risk.")
        started = time.perf_counter()
        sources = inputs.get("genotypes", ())
        paths = [source.paths[0] for source in sources]
        if not paths:
            raise InvalidInput("A file with genotypes (VCF, BCF, BGEN or PLINK) is needed.")
        build = next((s.manifest.genome_build for s in sources if s.manifest.genome_build), None)
        files = inputs.get("score", ())
        chosen = _chosen(files, request.score, build)
        progress(0.0, "scoring the genotypes")
        found = score_genotypes(paths, chosen, _options(request, build, inputs))
        scored = [_scored(tally, found.cohort, request) for tally in found.tallies]
        if files and request.score:
            _check_named(request.score, [one.score for one in scored])
        for one in scored:
            _check_overlap(one, request.min_overlap)
        progress(0.7, "ancestry and quality of the samples")
        scored = _with_people(scored, paths, chosen, _file(inputs, "chain"))
        progress(0.9, "writing the result")
        duration_s = time.perf_counter() - started
        results = [result(one, duration_s) for one in scored]
        drawn = [picture for one in scored for picture in pictures(one)]
        return Reading(joined(results), drawn, tables=_tables(found.tallies))


def _with_people(
    scored: Sequence[Scored], paths: Sequence[Path], scores: Sequence[Path], chain: Path | None
) -> list[Scored]:
    """Add ancestry and quality of the samples that are listed one by one."""
    numbers = listed(scored[0])
    if not numbers:
        return list(scored)
    positions = scored[0].genotypes.sample_positions
    samples = {int(positions[number]): scored[0].label(number) for number in numbers}
    subjects = [
        Subject(one.score, path, one.covered) for one, path in zip(scored, scores, strict=True)
    ]
    build = scored[0].genotypes.genome_build
    found = people_of(paths, subjects, scored[0].request, samples, build, chain)
    return [replace(one, people=people) for one, people in zip(scored, found, strict=True)]


def _tables(tallies: Sequence[Tally]) -> list[Table]:
    return [
        Table(f"Variants of {wording.name(tally.score)}", tally.report.tobytes())
        for tally in tallies
        if tally.report is not None
    ]


def _options(
    request: PolygenicRequest, build: str | None, inputs: Mapping[str, Sequence[Source]]
) -> Options:
    return Options(
        sample=request.sample,
        genotype_field=request.genotype_field,
        ambiguous="keep" if request.keep_ambiguous else "frequency",
        absent_means_reference=request.absent_means_reference,
        match_report=request.match_report,
        genome_build=build,
        chain=_file(inputs, "chain"),
        reference_genome=_file(inputs, "reference_genome"),
    )


def _file(inputs: Mapping[str, Sequence[Source]], role: str) -> Path | None:
    sources = inputs.get(role, ())
    return sources[0].paths[0] if sources else None


def _chosen(files: Sequence[Source], wanted: str | None, build: str | None) -> list[Path]:
    """The scoring files of the call, else those that are named by id or trait."""
    if files:
        return [file.paths[0] for file in files]
    if wanted and wanted.strip(" ,"):
        return [choose(word, build) for word in wanted.split(",") if word.strip()]
    raise InvalidInput(
        "Say which score: a PGS Catalog scoring file, or the id or trait of one that comes with"
        f" the program: {known_scores()}."
    )


def _check_named(wanted: str, scores: Sequence[ScoreFacts]) -> None:
    if not any(_means(wanted, score) for score in scores):
        titles = ", ".join(map(wording.titled, scores))
        raise InvalidInput(
            f"The scoring file of this call is {titles}, which is not the score that was named."
            " Leave out one of the two."
        )


def _means(wanted: str, score: ScoreFacts) -> bool:
    """May this word name that score? A path or handle, which says nothing of it, may."""
    if any(mark in wanted for mark in "/\\.:"):
        return True
    keys = ("pgs_id", "pgs_name", "trait_reported", "trait_mapped")
    named = [score.header[key].casefold() for key in keys if key in score.header]
    return not named or any(wanted.casefold() in text for text in named)


def _scored(tally: Tally, cohort: Cohort, request: PolygenicRequest) -> Scored:
    counts = MatchCounts(**tally.counts)
    score, share = described(tally.score), tally.weight_share
    return Scored(score, cohort, counts, tally.sums, request, cohort.chosen, share)


def _check_overlap(scored: Scored, least: float) -> None:
    """By the one sample where one is asked for (its missing calls count), else by the file."""
    counts, sums = scored.counts, scored.sums
    covered = counts.used + counts.absent_as_reference
    if scored.chosen is not None:
        covered = int(sums.variants[scored.chosen])
    elif len(sums.variants) == 1:
        covered = int(sums.variants[0])
    if covered == 0 or covered < least * counts.variants:
        raise LowOverlap(wording.low_overlap(scored.score, counts, covered, least))
