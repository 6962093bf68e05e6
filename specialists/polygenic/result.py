"""The result of a scoring: scores or their summary, counts, warnings, pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.base import Picture
from specialists.polygenic import wording
from specialists.polygenic.meaning import rank_interval
from specialists.polygenic.people import NOBODY, USUAL_OVERLAP, People
from specialists.polygenic.picture import distribution
from specialists.polygenic.result_people import Place, about, open_text, panel_picture, place_of
from specialists.polygenic.run import Cohort
from specialists.polygenic.spec import MatchCounts, PolygenicRequest, PolygenicResult
from specialists.polygenic.sums import Sums
from specialists.readers.scoring_file import ScoreFacts
from specialists.schema import Measurement, Provenance, RiskScore

__all__ = ["Scored", "listed", "pictures", "result"]

LISTED = 20
"""Up to so many samples are listed one by one; more are summed up."""
LEAST_FOR_PERCENTILE = 100


@dataclass(frozen=True, eq=False)
class Scored:
    """What was computed."""

    score: ScoreFacts
    genotypes: Cohort
    counts: MatchCounts
    sums: Sums
    request: PolygenicRequest
    chosen: int | None
    """Index of the one sample that was asked for, among the samples that were read."""
    weight_share: float = 1.0
    """Share of the score's summed squared weights that went into the sums."""
    people: People = NOBODY
    """Of the samples that are listed."""

    @property
    def samples(self) -> int:
        """Samples that were scored."""
        return self.genotypes.samples

    @property
    def totals(self) -> NDArray[np.float64]:
        """Scores, shape (samples,)."""
        return self.sums.total

    @property
    def covered(self) -> float:
        """Share of the score's variants that went into the sums."""
        used = self.counts.used + self.counts.absent_as_reference
        return used / max(self.counts.variants, 1)

    @property
    def partial(self) -> bool:
        """Too little of the score for comparing it with published figures."""
        return self.covered < USUAL_OVERLAP

    @property
    def build(self) -> str | None:
        """Build of the positions that were compared."""
        return self.genotypes.genome_build or self.score.genome_build

    def label(self, index: int) -> str:
        """Name a sample: by the caller's own word for it, else by its position in the file."""
        asked = self.request.sample
        if index == self.chosen and isinstance(asked, str) and not asked.isdecimal():
            return f"sample {asked}"
        return f"sample {self.genotypes.sample_positions[index]}"


def result(scored: Scored, duration_s: float) -> PolygenicResult:
    """Put a result together."""
    numbers = listed(scored)
    scores = tuple(_risk_score(scored, index) for index in numbers)
    cohort = () if scores else tuple(_cohort(scored))
    told = tuple(about(scored.people, scores[0].sample)) if len(numbers) == 1 else ()
    overlap = _overlap(scored)
    said = [score.text for score in scores]
    said += [m.text for m in (*cohort, *told, overlap)]
    warnings = tuple(_warnings(scored, scores))
    return PolygenicResult(
        summary=" ".join([*said, *_left_open(scored, scores), *_lowered(scored)]),
        risk_scores=scores,
        measurements=(*cohort, *told, overlap),
        not_assessed=wording.not_assessed(scored.people, bool(scores), scored.samples),
        warnings=warnings,
        provenance=_provenance(scored, duration_s),
        counts=scored.counts,
        genome_build=scored.build,
        samples=scored.samples,
        standings=scored.people.standings,
        quality=scored.people.quality,
        absolute_risks=scored.people.risks,
        joint_risks=scored.people.joint,
    )


def pictures(scored: Scored) -> list[Picture]:
    """The person among reference people; else a histogram of the file's scores, if enough."""
    numbers = listed(scored)
    title = f"Polygenic score {wording.titled(scored.score)}"
    if len(numbers) == 1:
        picture = panel_picture(scored.people, scored.label(numbers[0]), scored.score, title)
        if picture is not None:
            return [picture]
    if scored.samples < (LISTED + 1 if scored.chosen is None else LEAST_FOR_PERCENTILE):
        return []
    used = wording.share(scored.counts.used, scored.counts.variants)
    subtitle = f"{scored.samples:,} samples of one file, ancestry not considered; {used} used"
    marked, mark = None, ""
    if scored.chosen is not None:
        marked = float(scored.totals[scored.chosen])
        place = _percentile(scored, scored.chosen)
        mark = f"{scored.label(scored.chosen)}: {wording.number(marked)}, percentile {place:.1f}"
    png = distribution(scored.totals, title, subtitle, marked, mark)
    return [Picture(f"{title} in the samples of the file", png)]


def listed(scored: Scored) -> list[int]:
    """Indices of the samples that are listed one by one."""
    if scored.chosen is not None:
        return [scored.chosen]
    return list(range(scored.samples)) if scored.samples <= LISTED else []


def _risk_score(scored: Scored, index: int) -> RiskScore:
    value = float(scored.totals[index])
    used = int(scored.sums.variants[index]) - scored.counts.absent_as_reference
    label = scored.label(index)
    assumed = scored.counts.absent_as_reference
    text = wording.score_text(scored.score, label, value, used, assumed)
    subject = "this part of the score" if scored.partial else "this"
    place = place_of(scored.people.standing(label), subject)
    place = place or _place_in_file(scored, index, subject)
    return RiskScore(
        name=wording.name(scored.score),
        trait=wording.trait(scored.score),
        sample=label,
        value=value,
        average=float(scored.sums.average[index]),
        percentile=None if place is None else place.percentile,
        reference=None if place is None else place.reference,
        overlap=used / scored.score.variants,
        text=text if place is None else f"{text} {place.text}",
    )


def _place_in_file(scored: Scored, index: int, subject: str) -> Place | None:
    """The place among the file's samples, where one of enough was asked for."""
    if index != scored.chosen or scored.samples < LEAST_FOR_PERCENTILE:
        return None
    percentile = _percentile(scored, index)
    interval = rank_interval(percentile, scored.samples)
    reference = f"the {scored.samples:,} samples of the same file, ancestry not considered"
    text = wording.percentile_text(percentile, scored.samples, interval, subject)
    return Place(percentile, reference, text)


def _percentile(scored: Scored, index: int) -> float:
    """Empirical mid-rank percentile among all samples, the person included."""
    below = np.count_nonzero(scored.totals < scored.totals[index])
    equal = np.count_nonzero(scored.totals == scored.totals[index])
    return 100 * (below + equal / 2) / scored.samples


def _cohort(scored: Scored) -> Iterator[Measurement]:
    totals = scored.totals
    statistics = {
        "mean": totals.mean(),
        "standard deviation": totals.std(ddof=1),
        "minimum": totals.min(),
        "maximum": totals.max(),
    }
    title = wording.titled(scored.score)
    samples = f"{scored.samples:,} samples"
    for statistic, value in statistics.items():
        yield Measurement(
            name=f"polygenic score, {statistic}",
            value=float(value),
            unit="1",
            based_on=samples,
            text=(
                f"The {statistic} of the polygenic score {title} over the {samples} of the file"
                f" is {wording.number(value)}."
            ),
        )


def _overlap(scored: Scored) -> Measurement:
    counts = scored.counts
    used = wording.share(counts.used, counts.variants)
    return Measurement(
        name="variants of the score that were used",
        value=100 * counts.used / counts.variants,
        unit="%",
        based_on=f"{counts.used:,} of {counts.variants:,} variants",
        text=(
            f"Of {wording.name(scored.score)}, {used} were used;"
            f" {counts.positions_found:,} positions were found in the genotypes and"
            f" {counts.alleles_matched:,} of them have the score's alleles."
        ),
    )


def _lowered(scored: Scored) -> Iterator[str]:
    if scored.partial:
        yield (
            f"With less than {100 * USUAL_OVERLAP:g}% of its variants the score cannot be compared"
            " with published figures; it was computed because min_overlap was lowered."
        )


def _left_open(scored: Scored, scores: Sequence[RiskScore]) -> Iterator[str]:
    """What one person's score does not say yet."""
    if len(scores) == 1:
        (one,) = scores
        left = open_text(one.name, one.sample, scored.weight_share, one.percentile)
        yield from [left] if left else []


def _warnings(scored: Scored, scores: Sequence[RiskScore]) -> Iterator[str]:
    request, counts = scored.request, scored.counts
    yield from _lowered(scored)
    yield from _left_open(scored, scores)
    # What may make the result another person's, or unfit for this one, before how it was computed.
    yield from (check.text for check in scored.people.quality if check.passed is False)
    yield from scored.people.notes
    incomplete = scored.sums.variants < request.min_overlap * counts.variants
    if scored.chosen is None and incomplete.any():
        yield f"Samples with too many missing calls for min_overlap: {incomplete.sum():,}."
    build = scored.genotypes.genome_build
    yield from wording.warnings(scored.score, counts, scored.sums, build, request.keep_ambiguous)
    yield from scored.genotypes.notes


def _provenance(scored: Scored, duration_s: float) -> Provenance:
    header = scored.score.header
    return Provenance(
        specialist="score_polygenic_risk",
        backend="reference",
        model="linear polygenic score",
        version=f"{wording.name(scored.score)} {header.get('HmPOS_date', '')}".strip(),
        weights_sha256=scored.score.sha256,
        evaluated_on=wording.evaluation(scored.score),
        terms=wording.terms(scored.score),
        duration_s=duration_s,
    )
