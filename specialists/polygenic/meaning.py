"""What a score may be taken to mean, and how far: intervals, absolute risk, portability.

Plain arithmetic. Nothing here calls a score high or low: a percentile says how many people of a
reference group score lower, and a risk needs facts that only the caller has.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from statistics import NormalDist

from pydantic import Field

from specialists.polygenic import library
from specialists.schema import Data

__all__ = [
    "AbsoluteRisk",
    "Candidate",
    "JointRisk",
    "QualityCheck",
    "Standing",
    "absolute_risk",
    "discovery",
    "portability",
    "rank_interval",
    "whole_score_interval",
]

_NORMAL = NormalDist()
_Z95 = _NORMAL.inv_cdf(0.975)
_STEPS = 200
_MAINLY = 0.8

_TERMS = {
    "AFR": "African",
    "AMR": "Hispanic or Latin American",
    "EAS": "East Asian",
    "EUR": "European",
    "SAS": "South Asian",
}
"""Labels of 1000 Genomes to the Catalog's terms."""


class Candidate(Data):
    """A reference population that a person resembles."""

    population: str
    weight: float = Field(ge=0, le=1)
    """Of a mixture of populations' centres that lies where the person does; adds up to 1."""
    probability: float = Field(ge=0, le=1)
    """Chi-square tail probability, or share of the forest's votes."""
    percentile: float | None = None
    """Of the score among that population's people."""


class Standing(Data):
    """Where one person stands in a reference panel."""

    sample: str
    panel: str
    panel_title: str
    people: int
    """In the panel."""
    method: str
    nearest: str
    """The population that the person resembles most: genetic likeness, not identity."""
    low_confidence: bool
    """Even that one is far."""
    mixed: bool
    """No population has a weight of 0.8 or more: the candidates count, not the nearest alone."""
    candidates: tuple[Candidate, ...]
    sites: int
    """Variants that the person was placed by."""
    shared: float | None = None
    """Share of the reference score's variance that the person's variants cover; the score below
    is over the panel's variants, with the reference mean for those that the person lacks."""
    z_nearest: float | None = None
    percentile: float | None = None
    """Among the nearest population; None where the person is of mixed ancestry or far off."""
    percentile_low: float | None = None
    percentile_high: float | None = None
    """95% interval for the size of the reference population alone."""
    z_norm1: float | None = None
    """Above what the components predict, in standard deviations of the whole panel."""
    z_norm2: float | None = None
    """The same with a spread that depends on the components too."""
    percentile_adjusted: float | None = None
    """Of `z_norm2` among everybody in the panel."""


class AbsoluteRisk(Data):
    """A risk that follows from a score, an average risk and an effect, if all three hold."""

    sample: str
    probability: float = Field(ge=0, le=1)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    """95% interval of the percentile alone; the average risk and the effect have their own."""
    average: float = Field(ge=0, le=1)
    odds_ratio_per_sd: float = Field(gt=0)
    period: str | None = None


class JointRisk(Data):
    """A risk by an installed joint model: many scores, age and sex together."""

    sample: str
    model: str
    disease: str
    probability: float = Field(ge=0, le=1)
    average: float = Field(ge=0, le=1)
    """Of people of this age and sex where the model was trained."""
    scores: int
    """How many scores went in."""
    age_years: int
    sex: str
    trained_on: str
    evaluated_on: str


class QualityCheck(Data):
    """A hint on a sample's genotyping."""

    sample: str
    name: str
    """'call rate', 'heterozygosity', 'sex' or 'relatedness'."""
    passed: bool | None
    """None where it could not be judged."""
    value: float | None = None
    text: str
    """What was found, and what it means."""


def rank_interval(percentile: float, people: int) -> tuple[float, float]:
    """95% interval of a percentile for the size of the reference group (Wilson)."""
    share, square = percentile / 100, _Z95**2
    centre = (share + square / (2 * people)) / (1 + square / people)
    spread = _Z95 * math.sqrt(share * (1 - share) / people + square / (4 * people**2))
    half = spread / (1 + square / people)
    return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)


def whole_score_interval(z: float, covered: float) -> tuple[float, float]:
    """Percentiles between which the whole score may lie, if only a part could be computed.

    The part and the rest are taken as independent and normal; 95%.

    Args:
        z: Of the part, in its own standard deviations.
        covered: Share of the whole score's variance that the part makes up.
    """
    centre = math.sqrt(covered) * z
    half = _Z95 * math.sqrt(max(0.0, 1 - covered))
    return 100 * _NORMAL.cdf(centre - half), 100 * _NORMAL.cdf(centre + half)


def absolute_risk(z: float, average: float, odds_ratio_per_sd: float) -> float:
    """Risk of a person at a Z, in a population with an average risk.

    A logistic model: the odds grow by the odds ratio for each standard deviation, and over a
    normally distributed score the risks average to what the population has.

    Args:
        z: The person's, in the population that the average risk is of.
        average: Above 0, below 1.
        odds_ratio_per_sd: Above 0.
    """
    slope = math.log(odds_ratio_per_sd)
    low, high = -60.0, 60.0
    while high - low > 1e-10:
        middle = (low + high) / 2
        low, high = (middle, high) if _mean_risk(middle, slope) < average else (low, middle)
    return _logistic((low + high) / 2 + slope * z)


def _mean_risk(intercept: float, slope: float) -> float:
    """Average over equally likely parts of the normal distribution."""
    middles = ((step + 0.5) / _STEPS for step in range(_STEPS))
    return sum(_logistic(intercept + slope * _quantile(share)) for share in middles) / _STEPS


@cache
def _quantile(share: float) -> float:
    return _NORMAL.inv_cdf(share)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


@cache
def _known() -> dict[str, dict[str, dict[str, float]]]:
    path = Path(__file__).parent / "scores" / "ancestry.json"
    known: dict[str, dict[str, dict[str, float]]] = json.loads(path.read_text(encoding="utf-8"))
    return known


def discovery(header: Mapping[str, str]) -> dict[str, float]:
    """Whose genomes a score was made with, by the Catalog's terms, in percent; {} if not known.

    The Catalog's list comes first, where it was fetched (`wardround scores refresh`); of the
    scores that ship it is known without. The studies that the variants come from and the score's
    training count alike.
    """
    pgs_id = header.get("pgs_id", "")
    of = library.ancestry(pgs_id) or _known().get(pgs_id, {})
    terms = {term for part in of.values() for term in part}
    return {term: max(part.get(term, 0.0) for part in of.values()) for term in sorted(terms)}


def portability(header: Mapping[str, str], nearest: str | None, mixed: bool) -> str | None:
    """Say whether the score was made with people like this one; None where all is well.

    Args:
        header: Of the scoring file.
        nearest: The population that the person resembles most; None where it is not known.
        mixed: The person resembles several.
    """
    made = discovery(header)
    name = header.get("pgs_id") or "the score"
    if not made:
        return (
            f"Whose genomes {name} was made with is not known here; look it up in the PGS Catalog"
            " (`wardround scores refresh` fetches its list) before the score is used: a score"
            " predicts less well in people of other ancestry."
        )
    whose = ", ".join(f"{term} {share:g}%" for term, share in made.items())
    source = f"{name} was made with genomes of this ancestry (PGS Catalog): {whose}."
    if nearest is None:
        return f"{source} In people of other ancestry it predicts less well."
    term = _TERMS.get(nearest, nearest)
    if not mixed and made.get(term, 0) >= 100 * _MAINLY:
        return None
    who = "of mixed ancestry" if mixed else f"most like {nearest}"
    return (
        f"{source} This person is {who}: the score predicts less well here, by how much is not"
        " known from these data, and adjusting percentile and Z for ancestry does not repair it."
    )
