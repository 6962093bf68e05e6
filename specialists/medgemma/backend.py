"""What the MedGemma backends share: the client, the first try, an answer and its warnings."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from specialists.base import Progress
from specialists.errors import BackendUnavailable
from specialists.hub import Endpoint
from specialists.medgemma.answers import plain, without_thoughts
from specialists.medgemma.canary import check
from specialists.medgemma.client import Client, Watch, connect, shares
from specialists.medgemma.model import provenance
from specialists.medgemma.recipes import LETTERS, Recipe
from specialists.schema import PredictionSet, Provenance

__all__ = ["Consultation", "MedGemmaBackend", "scored"]

logger = logging.getLogger(__name__)

_LEAST_MASS = 0.5
"""Below it, the answer would not have begun with one of the options."""
_COVERAGE = 0.9


@dataclass
class Consultation:
    """One call of a backend: what was asked so far, and what has to be said of the answers."""

    client: Client
    progress: Progress
    warnings: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    def raw(self, recipe: Recipe, share: float, message: str) -> str:
        """Ask, and give the answer without its thoughts.

        Raises:
            BackendUnavailable: If the answer is empty.
        """
        self.prompts += [one for one in recipe.prompts if one not in self.prompts]
        watch = Watch(self.progress, share, message)
        written = self.client.write(recipe.parts, recipe.most, watch)
        text = without_thoughts(written.text)
        if written.cut:
            self.warnings.append(
                f"MedGemma's answer was cut off after {recipe.most} tokens: its end is missing."
            )
        logger.info("MedGemma wrote %d characters", len(text))
        return text

    def text(self, recipe: Recipe, share: float, message: str) -> str:
        """The same without fences and marks.

        Raises:
            BackendUnavailable: If nothing is left.
        """
        text = plain(self.raw(recipe, share, message))
        if not text:
            raise BackendUnavailable("MedGemma gave no answer.")
        return text

    def shares(self, recipe: Recipe, count: int, share: float, message: str) -> list[float]:
        """Ask for a letter, and give what share each of the first `count` has.

        Raises:
            BackendUnavailable: If the model does not answer with a letter at all.
        """
        self.prompts += [one for one in recipe.prompts if one not in self.prompts]
        watch = Watch(self.progress, share, message)
        letters = list(LETTERS[:count])
        found, mass = shares(self.client.first(recipe.parts, watch, letters), letters)
        if mass <= 0:
            raise BackendUnavailable("MedGemma did not answer with one of the options.")
        if mass < _LEAST_MASS:
            self.warnings.append(
                "MedGemma would rather not have answered with one of the options "
                f"({mass:.0%} of its first word)."
            )
        return found


class MedGemmaBackend:
    """A backend on MedGemma; each has its own `read`.

    Args:
        device: A torch device string; not used where an endpoint serves the model.
        weights: Folder in the hub's layout, or the endpoint.
    """

    tool: ClassVar[str]
    evaluated_on: ClassVar[str]

    def __init__(self, device: str, weights: Path | Endpoint | None) -> None:
        self._client = connect(weights, device)

    def canary(self) -> None:
        """Try whether the model sees its pictures."""
        check(self._client)

    def _consult(self, progress: Progress) -> Consultation:
        return Consultation(self._client, progress)

    def _provenance(self, asked: Consultation) -> Provenance:
        return provenance(self.tool, self.evaluated_on, self._client.served, asked.prompts)


def scored(target: str, names: Sequence[str], values: Sequence[float]) -> PredictionSet:
    """A set that excludes nothing, with each class's score; the highest is named first."""
    ranked = sorted(zip(names, values, strict=True), key=lambda one: -one[1])
    told = ", ".join(f"{name} {value:.2f}" for name, value in ranked)
    return PredictionSet(
        target=target,
        labels=tuple(name for name, _ in ranked),
        coverage=_COVERAGE,
        probabilities={name: round(value, 4) for name, value in zip(names, values, strict=True)},
        conclusive=False,
        text=f"Inconclusive for {target}, as nothing is calibrated; scores: {told}.",
    )
