"""From measured people and a reference panel to where each person stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.errors import InvalidInput
from specialists.polygenic.ancestry import (
    Method,
    candidates,
    mixture,
    resemblance,
)
from specialists.polygenic.ancestry_adjustment import Norms, empirical, fit_norms
from specialists.polygenic.meaning import Candidate, Standing, rank_interval
from specialists.polygenic.panel import Panel, ReferenceScore
from specialists.polygenic.panel_placement import LEAST_SITES, Placement
from specialists.polygenic.panel_score import Comparable

__all__ = ["LEAST_SHARED", "MAINLY", "standings", "unplaced"]

Values = NDArray[np.float64]

MAINLY = 0.8
"""Least weight of a population for a person not to count as mixed."""
LEAST_SHARED = 0.9
"""Least share of the reference score's variance for scores to be compared."""


def standings(
    panel: Panel,
    placement: Placement,
    number: int,
    samples: Sequence[str],
    sha256: str,
    method: Method,
) -> tuple[Standing, ...]:
    """Say where people stand, leaving out those who could not be placed.

    Args:
        panel: The reference.
        placement: Of these people, in this panel.
        number: Which of the placement's scores.
        samples: What each is called.
        sha256: Of that score's file.
        method: How nearness to populations is measured.
    """
    if placement.components is None:
        return ()
    people = _People(panel, placement.components, method)
    score = _Score.of(panel, placement.scores[number], sha256)
    enough = placement.sites >= LEAST_SITES * len(panel.sites)
    return tuple(
        people.standing(person, sample, int(placement.sites[person]), score)
        for person, sample in enumerate(samples)
        if enough[person]
    )


def unplaced(panel: Panel, placement: Placement) -> int:
    """How many people have too few of the panel's sites to be placed."""
    return int((placement.sites < LEAST_SITES * len(panel.sites)).sum())


@dataclass(frozen=True, eq=False)
class _Score:
    """A score in the panel and in the people."""

    reference: ReferenceScore
    people: Comparable
    norms: Norms
    adjusted: Values
    """Shape (reference people,): their `z_norm2`."""

    @classmethod
    def of(cls, panel: Panel, people: Comparable | None, sha256: str) -> _Score | None:
        reference = panel.score(sha256)
        if reference is None or people is None:
            return None
        try:
            norms = fit_norms(reference.values, panel.cohort.components)
        except InvalidInput:
            return None
        _, adjusted = norms.z(reference.values, panel.cohort.components)
        return cls(reference, people, norms, adjusted)


class _People:
    """People placed in a panel."""

    def __init__(self, panel: Panel, components: Values, method: Method) -> None:
        self.panel, self.components, self.method = panel, components, method
        self.likeness = resemblance(panel.cohort, components, method)
        self.weights = mixture(panel.cohort, components)

    def standing(self, number: int, sample: str, sites: int, score: _Score | None) -> Standing:
        names = self.panel.cohort.names
        nearest = int(self.likeness.nearest[number])
        weights = self.weights[number]
        mixed = bool(weights.max() < MAINLY)
        usable = score if score is not None and _comparable(score, number) else None
        low = bool(self.likeness.low_confidence[number])
        return Standing(
            sample=sample,
            panel=self.panel.name,
            panel_title=self.panel.title,
            people=len(self.panel.cohort.population),
            method=self.method,
            nearest=names[nearest],
            low_confidence=low,
            mixed=mixed,
            candidates=tuple(self._candidates(number, usable)),
            sites=sites,
            shared=None if score is None else float(score.people.shared[number]),
            **({} if usable is None else self._scored(number, usable, mixed or low)),
        )

    def _candidates(self, number: int, score: _Score | None) -> Iterator[Candidate]:
        weights = self.weights[number]
        chosen = candidates(weights.tolist())
        nearest = int(self.likeness.nearest[number])
        for population in [*chosen, *([nearest] if nearest not in chosen else [])]:
            yield Candidate(
                population=self.panel.cohort.names[population],
                weight=float(np.clip(weights[population], 0, 1)),
                probability=float(np.clip(self.likeness.probability[number, population], 0, 1)),
                percentile=None if score is None else self._among(number, population, score)[0],
            )

    def _among(self, number: int, population: int, score: _Score) -> tuple[float, float]:
        """Percentile and Z among one population."""
        members = score.reference.values[self.panel.cohort.population == population]
        percentile, z = empirical(score.people.totals[[number]], members)
        return float(min(percentile[0], 100.0)), float(z[0])

    def _scored(self, number: int, score: _Score, unlike: bool) -> dict[str, float]:
        """Figures of the score; those of the nearest population only if the person is like it."""
        person = self.components[[number]]
        first, second = score.norms.z(score.people.totals[[number]], person)
        adjusted, _ = empirical(second, score.adjusted)
        figures = {
            "z_norm1": float(first[0]),
            "z_norm2": float(second[0]),
            "percentile_adjusted": float(min(adjusted[0], 100.0)),
        }
        if unlike:
            return figures
        nearest = int(self.likeness.nearest[number])
        percentile, z = self._among(number, nearest, score)
        people = int((self.panel.cohort.population == nearest).sum())
        low, high = rank_interval(percentile, people)
        return figures | {
            "z_nearest": z,
            "percentile": percentile,
            "percentile_low": low,
            "percentile_high": high,
        }


def _comparable(score: _Score, number: int) -> bool:
    return bool(score.people.shared[number] >= LEAST_SHARED)
