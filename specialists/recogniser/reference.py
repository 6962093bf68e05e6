"""The recogniser's one backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from specialists.base import Progress, Reading, Request, Source
from specialists.readers import read_photograph
from specialists.recogniser.predict import Recogniser
from specialists.reference import TriedBackend
from specialists.schema import PredictionSet, Provenance, SpecialistResult

__all__ = ["ReferenceBackend"]


class ReferenceBackend(TriedBackend[Recogniser]):
    """Recognises with the shipped network.

    Args:
        device: Not used: the network is small enough for the processor.
    """

    def __init__(self, device: str) -> None:
        self._net = Recogniser(Path(__file__).parent)

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Say what kind of picture it is."""
        pixels = read_photograph(inputs["picture"][0].paths).pixels
        seen = self._net.recognise(pixels)
        probabilities = self._net.probabilities([pixels])[0]
        members = self._net.sets([pixels])[0]
        classes, card = self._net.classes, self._net.card
        labels = tuple(name for name, inside in zip(classes, members, strict=True) if inside)
        text = (
            f"The picture looks like: {seen.label} (calibrated probability {seen.probability:.2f})."
        )
        predicted = PredictionSet(
            target="kind of picture",
            labels=labels,
            coverage=card["conformal"]["coverage_target"],
            probabilities={
                name: round(float(value), 4)
                for name, value in zip(classes, probabilities, strict=True)
            },
            conclusive=len(labels) == 1,
            text=text,
        )
        measured = card["metrics"]["plain"]
        accuracy = measured["accuracy"]
        told = (
            f"{measured['n']}, accuracy {accuracy['value']:.3f} "
            f"({accuracy['low']:.3f} to {accuracy['high']:.3f})"
        )
        provenance = Provenance(
            specialist="recogniser",
            backend="reference",
            model=card["name"],
            version=card["version"],
            weights_sha256=card["sha256"],
            evaluated_on=f"Held-out pictures of its training sets (95% interval): {told}.",
        )
        return Reading(
            SpecialistResult(summary=text, prediction_sets=(predicted,), provenance=provenance)
        )
