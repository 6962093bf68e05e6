"""What a model that only scores may say: scores by class, and that nothing follows from them yet.

Calibrated on the user's cases, the same result is told again with probabilities, see
`specialists.recalibration`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.base import SpecialistSpec
from specialists.recalibration.fit import COVERAGE
from specialists.recalibration.record import uncalibrated
from specialists.schema import Finding, PredictionSet, Provenance, SpecialistResult

__all__ = ["Told", "scores_told"]

DIGITS = 8


@dataclass(frozen=True)
class Told:
    """What goes into a result beside the scores."""

    target: str
    not_assessed: tuple[str, ...]
    warnings: tuple[str, ...]
    provenance: Provenance


def scores_told(
    spec: SpecialistSpec, classes: Sequence[str], scores: NDArray[np.float64], told: Told
) -> SpecialistResult:
    """Say the scores of classes, with nothing claimed and nothing ruled out.

    Args:
        spec: The specialist's.
        classes: Names.
        scores: Shape (classes,), summing to 1.
        told: Target, limits, warnings and provenance.
    """
    shares = dict(zip(classes, map(_short, scores.tolist()), strict=True))
    finding, predicted = _finding(spec, shares), _set(told.target, shares)
    warning = uncalibrated(spec.name, told.provenance.backend)
    return spec.result(
        summary=f"{finding.text} {predicted.text}",
        findings=(finding,),
        prediction_sets=(predicted,),
        not_assessed=told.not_assessed,
        warnings=(warning, *told.warnings),
        provenance=told.provenance,
    )


def _short(value: float) -> float:
    """Scores near 0 keep their digits: calibration needs their logarithm."""
    return float(f"{value:.{DIGITS}g}")


def _finding(spec: SpecialistSpec, shares: Mapping[str, float]) -> Finding:
    """The clinical question, or else the class that scores highest: open in any case."""
    name = spec.question or max(shares, key=lambda one: shares[one])
    score = sum(shares.get(one, 0.0) for one in spec.positive) if spec.question else shares[name]
    text = f"Inconclusive for {name} (score {score:.2f}, not calibrated)."
    return Finding(name=name, assertion="uncertain", text=text)


def _set(target: str, shares: Mapping[str, float]) -> PredictionSet:
    return PredictionSet(
        target=target,
        labels=tuple(shares),
        coverage=COVERAGE,
        probabilities=dict(shares),
        conclusive=len(shares) == 1,
        text=(
            f"Inconclusive for {target}: the scores are not calibrated, so none of the "
            f"{len(shares)} classes is ruled out."
        ),
    )
