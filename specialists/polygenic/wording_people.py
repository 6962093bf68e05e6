"""What is said of people beside their scores: ancestry, standing, risk."""

from __future__ import annotations

from collections.abc import Sequence

from specialists.polygenic.meaning import AbsoluteRisk, Candidate, JointRisk, Standing

__all__ = [
    "adjusted_text",
    "alone_text",
    "candidates_text",
    "joint_text",
    "placed_text",
    "risk_missing",
    "risk_text",
    "standing_text",
    "whole_text",
]

_LEAST_TOLD = 0.05


def placed_text(standing: Standing) -> str:
    """Which reference people a person is genetically like."""
    weights = ", ".join(
        f"{one.population} {100 * one.weight:.0f}%"
        for one in standing.candidates
        if one.weight >= _LEAST_TOLD
    )
    panel = f"the reference panel {standing.panel} ({standing.people:,} people)"
    if standing.mixed:
        said = (
            f"Measured against {panel}, {standing.sample} lies between populations, as people of"
            f" mixed ancestry do; estimated weights: {weights}"
        )
    else:
        said = (
            f"Of the populations of {panel}, {standing.sample} is genetically most like"
            f" {standing.nearest}; estimated weights: {weights}"
        )
    if standing.low_confidence:
        said += ". Even the nearest population is far: the panel has nobody quite like this person"
    return f"{said}."


def standing_text(standing: Standing, subject: str = "this") -> str | None:
    """The score's place among reference people; None where it cannot be compared.

    Args:
        standing: Of the person.
        subject: What is at that place: 'this', or 'this part of the score'.
    """
    if standing.percentile is not None:
        return (
            f"Among the panel's people of {standing.nearest} {subject} is at percentile"
            f" {standing.percentile:.1f} (95% interval {standing.percentile_low:.1f} to"
            f" {standing.percentile_high:.1f} for the number of these people)."
        )
    if standing.percentile_adjusted is not None:
        return (
            f"Adjusted for ancestry, among all {standing.people:,} people of the panel"
            f" {standing.panel} {subject} is at percentile {standing.percentile_adjusted:.1f}."
        )
    return None


def adjusted_text(standing: Standing) -> str:
    """The score in standard deviations, ancestry taken out."""
    return (
        f"With ancestry taken out by principal components, the score of {standing.sample} is"
        f" {abs(standing.z_norm2 or 0):.2f} standard deviations"
        f" {'above' if (standing.z_norm2 or 0) >= 0 else 'below'} the expected (Z_norm2"
        f" {standing.z_norm2:.2f}, Z_norm1 {standing.z_norm1:.2f})."
    )


def candidates_text(standing: Standing) -> str:
    """A percentile for each population that a person of mixed ancestry resembles."""
    told = [one for one in standing.candidates if one.percentile is not None]
    return (
        f"Compared with each population by itself, the score of {standing.sample} is at"
        f" {_listed(told)}; none of these groups is the person's own."
    )


def _listed(told: Sequence[Candidate]) -> str:
    parts = [f"percentile {one.percentile:.1f} of {one.population}" for one in told]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def whole_text(name: str, sample: str, used: float, low: float, high: float) -> str:
    """What a part of a score leaves open."""
    return (
        f"Only a part of {name} could be computed ({used:.1f}% of its summed squared weights): the"
        f" whole score of {sample} may lie anywhere from percentile {low:.0f} to {high:.0f} of the"
        " group it was compared with (95%, if variants are independent)."
    )


def alone_text(name: str, sample: str) -> str:
    """What a score means that is compared with nobody: nothing yet."""
    return (
        f"By itself the score {name} of {sample} does not say whether it is more or less than"
        " others have: that takes people of like ancestry to compare with, in a reference panel"
        " that has this score."
    )


def risk_text(risk: AbsoluteRisk) -> str:
    """An absolute risk with what it rests on."""
    period = f" {risk.period}" if risk.period else ""
    return (
        f"With the average risk of {100 * risk.average:.3g}%{period} and the odds ratio of"
        f" {risk.odds_ratio_per_sd:g} per standard deviation that the caller gave, the score of"
        f" {risk.sample} corresponds to a risk of {100 * risk.probability:.1f}%{period} (from"
        f" {100 * risk.low:.1f}% to {100 * risk.high:.1f}% for the interval of the percentile"
        " alone). Family history and rare variants are not in it."
    )


def joint_text(risk: JointRisk) -> str:
    """A risk by a joint model, with what the model is."""
    trained, evaluated = risk.trained_on.rstrip("."), risk.evaluated_on.rstrip(".")
    return (
        f"The joint model {risk.model} gives {risk.sample} a risk of {risk.disease} of"
        f" {100 * risk.probability:.1f}%, from {risk.scores:,} scores together with age"
        f" {risk.age_years} and sex ({risk.sex}); the average of that age and sex is"
        f" {100 * risk.average:.1f}%. Trained on: {trained}. Measured: {evaluated}."
    )


def risk_missing(why: str) -> str:
    """Why no absolute risk is given although it was asked for."""
    return f"An absolute risk was asked for and is not given: {why}."
