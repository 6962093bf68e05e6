"""What is found out about the people of a result, beside their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist

from specialists.errors import GenomeBuildMismatch
from specialists.polygenic import wording_people
from specialists.polygenic.joint_use import joint_risks
from specialists.polygenic.meaning import (
    AbsoluteRisk,
    JointRisk,
    QualityCheck,
    Standing,
    absolute_risk,
    portability,
    rank_interval,
)
from specialists.polygenic.panel import Panel, find_panel, load_panel
from specialists.polygenic.panel_placement import Placement, measured_options, place
from specialists.polygenic.quality_checks import checks
from specialists.polygenic.spec import PolygenicRequest
from specialists.polygenic.standing import LEAST_SHARED, standings, unplaced
from specialists.readers.scoring_file import ScoreFacts

__all__ = ["NOBODY", "USUAL_OVERLAP", "People", "Subject", "people_of"]

USUAL_OVERLAP: float = PolygenicRequest.model_fields["min_overlap"].default
"""With less of its variants a score is not what was published."""
_NORMAL = NormalDist()


@dataclass(frozen=True, eq=False)
class People:
    """Of the listed samples."""

    panel: Panel | None = None
    standings: tuple[Standing, ...] = ()
    quality: tuple[QualityCheck, ...] = ()
    risks: tuple[AbsoluteRisk, ...] = ()
    joint: tuple[JointRisk, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know of the comparison."""

    def standing(self, sample: str) -> Standing | None:
        """Where a sample stands in the panel, if it could be placed."""
        return next((one for one in self.standings if one.sample == sample), None)


NOBODY = People()


@dataclass(frozen=True)
class Subject:
    """A score that people were scored with."""

    score: ScoreFacts
    file: Path
    covered: float
    """Share of its variants that went into the sums."""


def people_of(
    genotypes: Sequence[Path],
    subjects: Sequence[Subject],
    request: PolygenicRequest,
    samples: dict[int, str],
    build: str | None,
    chain: Path | None = None,
) -> list[People]:
    """Place people in the reference panel and look at their samples' quality.

    Args:
        genotypes: The call's files.
        subjects: The scores.
        request: Names the panel.
        samples: Positions in the file, from 1, to what each is called.
        build: Of the genotypes.
        chain: Chain file that the scores were lifted over with.

    Returns:
        What was found, one for each score.
    """
    panel, notes = _panel(request, build)
    path = None if panel is None else find_panel(request.panel)
    files = [subject.file for subject in subjects]
    options = measured_options(request) | {"chain": chain, "build": build}
    placement = place(genotypes, sorted(samples), files, path, **options)
    named = [samples[position] for position in sorted(samples)]
    quality = tuple(
        check
        for sample, one in zip(named, placement.quality, strict=True)
        for check in checks(one, sample, request.sex)
    )
    known = {subject.score.sha256: subject.file for subject in subjects}
    joint = joint_risks(genotypes, request, samples, known)
    return [
        replace(
            _people(subject, panel, placement, number, named, request, quality, notes), joint=joint
        )
        for number, subject in enumerate(subjects)
    ]


def _people(
    subject: Subject,
    panel: Panel | None,
    placement: Placement,
    number: int,
    named: Sequence[str],
    request: PolygenicRequest,
    quality: tuple[QualityCheck, ...],
    notes: Sequence[str],
) -> People:
    """Of the score with this number."""
    found: tuple[Standing, ...] = ()
    told = list(notes)
    if panel is not None:
        digest = subject.score.sha256
        found = standings(panel, placement, number, named, digest, request.ancestry_method)
        told += _placement_notes(panel, found, unplaced(panel, placement), digest)
    risks, why = _risks(found, request, subject.covered)
    told += [wording_people.risk_missing(why)] if why else []
    told += _portability(subject.score, found)
    return People(panel, found, quality, risks, notes=tuple(told))


def _panel(request: PolygenicRequest, build: str | None) -> tuple[Panel | None, list[str]]:
    """The panel to use, and why none is used where the default one does not fit.

    Raises:
        InvalidInput: If a panel was named that is not there.
        GenomeBuildMismatch: If a panel was named that is on another build.
    """
    path = find_panel(request.panel)
    if path is None:
        return None, []
    panel = load_panel(path)
    if build is None or panel.genome_build in (None, build):
        return panel, []
    why = f"The reference panel {panel.name} is on {panel.genome_build}, the genotypes on {build}"
    if request.panel is not None:
        raise GenomeBuildMismatch(f"{why}. Name a panel that was built on {build}.")
    return None, [f"{why}: it was not used."]


def _placement_notes(panel: Panel, found: Sequence[Standing], left: int, sha256: str) -> list[str]:
    notes = []
    if left:
        notes.append(
            f"Samples that could not be placed in the reference panel {panel.name}, since fewer"
            f" than half of its {len(panel.sites):,} variants are called in them: {left:,}."
        )
    if panel.score(sha256) is None:
        notes.append(
            f"The reference panel {panel.name} does not have this score, which was therefore not"
            " compared with its people. Build the panel again with the scoring file."
        )
    short = [one for one in found if one.shared is not None and one.shared < LEAST_SHARED]
    if short:
        least = min(one.shared or 0.0 for one in short)
        notes.append(
            f"The score was not compared with the reference panel {panel.name}: the genotypes"
            f" have only {100 * least:.1f}% of what varies in the panel's own score"
            f" ({100 * LEAST_SHARED:.0f}% are needed)."
        )
    return notes


def _portability(score: ScoreFacts, found: Sequence[Standing]) -> Iterator[str]:
    """Warnings on the score's ancestry, one for each kind of person."""
    kinds: dict[str, None] = {}
    for one in found:
        said = portability(score.header, one.nearest, one.mixed or one.low_confidence)
        if said:
            kinds[said] = None
    if not found:
        said = portability(score.header, None, mixed=False)
        kinds |= {said: None} if said else {}
    yield from kinds


def _risks(
    found: Sequence[Standing], request: PolygenicRequest, covered: float
) -> tuple[tuple[AbsoluteRisk, ...], str | None]:
    """Absolute risks, or why there are none although they were asked for."""
    average, effect = request.population_risk, request.odds_ratio_per_sd
    if average is None and effect is None:
        return (), None
    if average is None or effect is None:
        return (), "it needs both population_risk and odds_ratio_per_sd"
    if covered < USUAL_OVERLAP:
        return (), (
            f"less than {100 * USUAL_OVERLAP:g}% of the score's variants were used, and the effect"
            " per standard deviation is that of the whole score"
        )
    compared = [one for one in found if one.z_norm2 is not None]
    if not compared:
        return (), "it needs the score's place in a reference panel that has this score"
    return tuple(_risk(one, average, effect, request.risk_period) for one in compared), None


def _risk(standing: Standing, average: float, effect: float, period: str | None) -> AbsoluteRisk:
    percentile = standing.percentile
    z, low, high = standing.z_nearest, standing.percentile_low, standing.percentile_high
    if percentile is None or z is None or low is None or high is None:
        percentile, z = standing.percentile_adjusted or 0.0, standing.z_norm2 or 0.0
        low, high = rank_interval(percentile, standing.people)
    ends = [z + _z(end) - _z(percentile) for end in (low, high)]
    risks = sorted(absolute_risk(end, average, effect) for end in ends)
    return AbsoluteRisk(
        sample=standing.sample,
        probability=absolute_risk(z, average, effect),
        low=risks[0],
        high=risks[1],
        average=average,
        odds_ratio_per_sd=effect,
        period=period,
    )


def _z(percentile: float) -> float:
    return _NORMAL.inv_cdf(min(max(percentile / 100, 1e-4), 1 - 1e-4))
