"""What a result says of one person beside the score: measurements, place, picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from specialists.base import Picture
from specialists.polygenic import wording_people
from specialists.polygenic.ancestry_adjustment import fit_norms
from specialists.polygenic.meaning import AbsoluteRisk, JointRisk, Standing, whole_score_interval
from specialists.polygenic.panel import Panel, ReferenceScore
from specialists.polygenic.people import People
from specialists.polygenic.picture import distribution
from specialists.readers.scoring_file import ScoreFacts
from specialists.schema import Measurement

__all__ = ["Place", "about", "open_text", "panel_picture", "place_of"]

_WHOLE = 0.98
"""Share of a score's squared weights from which on nothing is said of the rest."""
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Place:
    """A percentile, whose it is, and how it is said."""

    percentile: float
    reference: str
    text: str


def place_of(standing: Standing | None, subject: str = "this") -> Place | None:
    """The place in the reference panel, where the score could be compared."""
    text = None if standing is None else wording_people.standing_text(standing, subject)
    if standing is None or text is None:
        return None
    if standing.percentile is not None:
        whose = f"the people of {standing.nearest} in the reference panel {standing.panel}"
        return Place(standing.percentile, whose, text)
    whose = f"all people of the reference panel {standing.panel}, adjusted for ancestry"
    return Place(standing.percentile_adjusted or 0.0, whose, text)


def about(people: People, sample: str) -> Iterator[Measurement]:
    """Measurements of one person, by what the sample is called."""
    standing = people.standing(sample)
    if standing is not None:
        yield from _ancestry(standing)
    yield from (_risk(risk) for risk in people.risks if risk.sample == sample)
    yield from (_joint(risk) for risk in people.joint if risk.sample == sample)


def _ancestry(standing: Standing) -> Iterator[Measurement]:
    heaviest = standing.candidates[0]
    yield Measurement(
        name=f"genetic likeness to {heaviest.population}",
        value=100 * heaviest.weight,
        unit="%",
        based_on=f"{standing.sites:,} variants of the panel {standing.panel}",
        text=wording_people.placed_text(standing),
    )
    if standing.z_norm2 is not None:
        yield Measurement(
            name="polygenic score adjusted for ancestry (Z_norm2)",
            value=standing.z_norm2,
            unit="{SD}",
            based_on=f"{standing.people:,} people of the panel {standing.panel}",
            text=wording_people.adjusted_text(standing),
        )
    if standing.z_norm2 is not None and (standing.mixed or standing.low_confidence):
        told = next(one for one in standing.candidates if one.percentile is not None)
        yield Measurement(
            name=f"percentile among {told.population}",
            value=told.percentile or 0.0,
            unit="{percentile}",
            text=wording_people.candidates_text(standing),
        )


def open_text(name: str, sample: str, share: float, percentile: float | None) -> str | None:
    """What a percentile of a part of a score leaves open; None where nothing is.

    Args:
        name: Of the score.
        sample: What the person's sample is called.
        share: Of the score's summed squared weights that went into the sum.
        percentile: What the person was found at, if anywhere.
    """
    if percentile is None:
        return wording_people.alone_text(name, sample)
    if share >= _WHOLE:
        return None
    z = _NORMAL.inv_cdf(min(max(percentile / 100, 1e-4), 1 - 1e-4))
    low, high = whole_score_interval(z, share)
    return wording_people.whole_text(name, sample, 100 * share, low, high)


def _risk(risk: AbsoluteRisk) -> Measurement:
    return Measurement(
        name="absolute risk, from what the caller gave",
        value=100 * risk.probability,
        unit="%",
        text=wording_people.risk_text(risk),
    )


def _joint(risk: JointRisk) -> Measurement:
    return Measurement(
        name=f"risk of {risk.disease} by the joint model {risk.model}",
        value=100 * risk.probability,
        unit="%",
        based_on=f"{risk.scores:,} scores, age and sex",
        text=wording_people.joint_text(risk),
    )


def panel_picture(people: People, sample: str, score: ScoreFacts, title: str) -> Picture | None:
    """The person among reference people; None where the score was not compared."""
    standing, panel = people.standing(sample), people.panel
    reference = None if panel is None else panel.score(score.sha256)
    if standing is None or panel is None or reference is None or standing.z_norm2 is None:
        return None
    if standing.percentile is None or standing.z_nearest is None:
        return _adjusted_picture(standing, panel, reference, title)
    code = panel.cohort.names.index(standing.nearest)
    among = reference.values[panel.cohort.population == code]
    marked = float(among.mean() + standing.z_nearest * among.std())
    subtitle = (
        f"{len(among):,} people of {standing.nearest} in the reference panel {panel.name};"
        f" {len(reference.used):,} of {reference.variants:,} variants"
    )
    mark = _marked(standing, standing.percentile)
    png = distribution(among, title, subtitle, marked, mark, people="people")
    return Picture(f"{title} among people of {standing.nearest}", png)


def _adjusted_picture(
    standing: Standing, panel: Panel, reference: ReferenceScore, title: str
) -> Picture:
    placed = panel.cohort.components
    adjusted: NDArray[np.float64] = fit_norms(reference.values, placed).z(reference.values, placed)[
        1
    ]
    subtitle = (
        f"{len(adjusted):,} people of the reference panel {panel.name}, adjusted for ancestry"
        f" (Z_norm2); {len(reference.used):,} of {reference.variants:,} variants"
    )
    mark = _marked(standing, standing.percentile_adjusted or 0.0)
    png = distribution(
        adjusted,
        title,
        subtitle,
        standing.z_norm2,
        mark,
        axis="score, standard deviations, ancestry taken out",
        people="people",
    )
    return Picture(f"{title} among the reference panel, adjusted for ancestry", png)


def _marked(standing: Standing, percentile: float) -> str:
    return f"{standing.sample}: percentile {percentile:.1f}"
