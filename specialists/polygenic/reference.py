"""The reference backend: weights times dosages, in plain arrays."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from specialists.base import Progress, Reading, Request, Source
from specialists.errors import (
    FileTooLarge,
    GenomeBuildMismatch,
    InvalidInput,
    LowOverlap,
    NotAccepted,
)
from specialists.polygenic import wording
from specialists.polygenic.catalogue import choose, described, known_scores
from specialists.polygenic.matching import Matching, match
from specialists.polygenic.people import people_of
from specialists.polygenic.result import Scored, listed, pictures, result
from specialists.polygenic.spec import MatchCounts, PolygenicRequest
from specialists.polygenic.sums import Sums, add_up, with_absent
from specialists.readers.genome import CHROMOSOMES
from specialists.readers.scoring_file import ScoringFile, read_scoring_file
from specialists.readers.variants import Genotypes, find_sample, read_variants

__all__ = ["LinearScore"]

_LEAST_TO_JUDGE_BUILD = 10
_LEAST_WITH_ALLELES = 0.5
_MOST_EFFECT_IS_REFERENCE = 0.05


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
        paths = [path for source in sources for path in source.paths]
        if not paths:
            raise InvalidInput("A VCF or BCF file with genotypes is needed.")
        build = next((s.manifest.genome_build for s in sources if s.manifest.genome_build), None)
        progress(0.0, "reading the score")
        score = _score(inputs.get("score", ()), request.score, build)
        progress(0.2, "reading genotypes")
        sample = None if request.sample is None else find_sample(paths, request.sample)
        genotypes = _genotypes(paths, score, request, sample)
        progress(0.7, "matching alleles")
        scored = _scored(score, genotypes, request, sample)
        progress(0.8, "ancestry and quality of the samples")
        scored = _with_people(scored, paths)
        progress(0.9, "writing the result")
        return Reading(result(scored, time.perf_counter() - started), pictures(scored))


def _with_people(scored: Scored, paths: Sequence[Path]) -> Scored:
    """Add ancestry and quality of the samples that are listed one by one."""
    numbers = listed(scored)
    if not numbers:
        return scored
    samples = {
        int(scored.genotypes.sample_positions[number]): scored.label(number) for number in numbers
    }
    people = people_of(
        paths,
        scored.score,
        scored.request,
        samples,
        scored.genotypes.genome_build,
        scored.covered,
    )
    return replace(scored, people=people)


def _score(files: Sequence[Source], wanted: str | None, build: str | None) -> ScoringFile:
    """The scoring file of the call, else the bundled one that is named."""
    if files:
        score = described(read_scoring_file(files[0].paths))
        if wanted and not _means(wanted, score):
            raise InvalidInput(
                f"The scoring file of this call is {wording.titled(score)}, which is not the"
                " score that was named. Leave out one of the two."
            )
        return score
    if wanted:
        return described(read_scoring_file([choose(wanted, build)]))
    raise InvalidInput(
        "Say which score: a PGS Catalog scoring file, or the id or trait of one that comes with"
        f" the program: {known_scores()}."
    )


def _means(wanted: str, score: ScoringFile) -> bool:
    """May this word name that score? A path or handle, which says nothing of it, may."""
    if any(mark in wanted for mark in "/\\.:"):
        return True
    keys = ("pgs_id", "pgs_name", "trait_reported", "trait_mapped")
    named = [score.header[key].casefold() for key in keys if key in score.header]
    return not named or any(wanted.casefold() in text for text in named)


def _genotypes(
    paths: Sequence[Path], score: ScoringFile, request: PolygenicRequest, sample: int | None
) -> Genotypes:
    """All samples, so that one can be compared with the others; it alone if they are too many."""
    positions = {
        name: score.position[score.chromosome == code] for name, code in CHROMOSOMES.items()
    }
    field = request.genotype_field
    try:
        genotypes = read_variants(paths, positions=positions, genotype_field=field)
    except FileTooLarge:
        if sample is None:
            raise
        genotypes = read_variants(
            paths, positions=positions, genotype_field=field, samples=[sample]
        )
    if genotypes.samples == 0:
        raise NotAccepted("The file lists variants but holds no samples with genotypes.")
    return genotypes


def _scored(
    score: ScoringFile, genotypes: Genotypes, request: PolygenicRequest, sample: int | None
) -> Scored:
    _check_builds(score.genome_build, genotypes.genome_build)
    matching = match(score, genotypes, request.keep_ambiguous)
    _check_alleles(score, genotypes, matching.counts)
    sums = add_up(score, genotypes, matching)
    counts = _with_calls(matching.counts, sums)
    if request.absent_means_reference:
        sums, counts = _with_absent(score, matching, sums, counts)
    chosen = None
    if sample is not None:
        chosen = int(np.flatnonzero(genotypes.sample_positions == sample)[0])
    _check_overlap(score, counts, sums, chosen, request.min_overlap)
    share = _weight_share(score, matching, request.absent_means_reference)
    return Scored(score, genotypes, counts, sums, request, chosen, share)


def _weight_share(score: ScoringFile, matching: Matching, absent_is_reference: bool) -> float:
    """How much of a score was used, by squared weights."""
    squared = (score.weights[:, 2] - score.weights[:, 0]) ** 2
    used = squared[matching.variant].sum()
    if absent_is_reference:
        used += squared[matching.absent].sum()
    whole = squared.sum()
    return float(used / whole) if whole > 0 else len(matching.variant) / score.variants


def _check_builds(of_score: str | None, of_genotypes: str | None) -> None:
    if of_score and of_genotypes and of_score != of_genotypes:
        raise GenomeBuildMismatch(
            f"The genotypes are on {of_genotypes} and the score on {of_score}. Use the PGS"
            f" Catalog's file of the score harmonised to {of_genotypes}; positions are not"
            " converted here."
        )


def _check_alleles(score: ScoringFile, genotypes: Genotypes, counts: MatchCounts) -> None:
    """Where a build is not stated, the alleles at the same positions tell whether it is another."""
    if score.genome_build and genotypes.genome_build:
        return
    found, matched = counts.positions_found, counts.alleles_matched
    if found >= _LEAST_TO_JUDGE_BUILD and matched < _LEAST_WITH_ALLELES * found:
        raise GenomeBuildMismatch(
            f"Of {found:,} positions found in the genotypes only {matched:,} have the score's"
            " alleles, as happens between different genome builds; not both files state theirs."
        )


def _with_calls(counts: MatchCounts, sums: Sums) -> MatchCounts:
    return counts.model_copy(
        update={
            "missing_calls": sums.missing_calls,
            "calls_imputed_from_samples": sums.imputed_from_samples,
            "calls_imputed_from_frequency": sums.imputed_from_frequency,
            "calls_left_out": sums.left_out,
        }
    )


def _with_absent(
    score: ScoringFile, matching: Matching, sums: Sums, counts: MatchCounts
) -> tuple[Sums, MatchCounts]:
    """Count absent variants as carrying no effect allele, if the matched ones speak for it."""
    limit = _MOST_EFFECT_IS_REFERENCE * counts.alleles_matched
    if counts.alleles_matched == 0 or counts.effect_is_reference > limit:
        raise InvalidInput(wording.absent_not_reference(counts))
    absent = {"absent_as_reference": len(matching.absent)}
    return with_absent(sums, score, matching.absent), counts.model_copy(update=absent)


def _check_overlap(
    score: ScoringFile, counts: MatchCounts, sums: Sums, chosen: int | None, least: float
) -> None:
    """By the one sample where one is asked for (its missing calls count), else by the file."""
    covered = counts.used + counts.absent_as_reference
    if chosen is not None:
        covered = int(sums.variants[chosen])
    elif len(sums.variants) == 1:
        covered = int(sums.variants[0])
    if covered == 0 or covered < least * counts.variants:
        raise LowOverlap(wording.low_overlap(score, counts, covered, least))
