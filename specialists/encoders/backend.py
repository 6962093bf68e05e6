"""The backends `head`: a published encoder with a head that was trained on the user's cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.calibration import softmax
from specialists.classes.backend import ScoringBackend
from specialists.encoders.features import FeatureEncoder, load
from specialists.encoders.heads import stored
from specialists.encoders.loading import described
from specialists.errors import BackendUnavailable, InvalidInput
from specialists.schema import Provenance

__all__ = ["ChestXray", "EncodedHead", "Pathology", "Retina", "Skin"]

NAME = "head"


class EncodedHead:
    """A tool's head with its encoder.

    Raises:
        BackendUnavailable: If one is missing, or the encoder has other weights than in training.
    """

    def __init__(self, tool: str, device: str) -> None:
        self._head, self._told = stored(tool)
        encoder = described(self._told["encoder"]["id"])
        self._encoder: FeatureEncoder = load(encoder, device)
        if self._encoder.recipe != self._told["encoder"]["recipe"]:
            raise BackendUnavailable(
                "The encoder is not as it was when the head was trained: wardround train-head "
                f"{tool} trains it again."
            )
        self.card: dict[str, Any] = {}
        self.size, self.um_per_px = encoder.pixels, encoder.um_per_px
        self.on_slides = self._told["kinds"] == ["slide"]

    def canary(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of a picture."""
        return np.asarray(self._encoder.features([picture])[0])

    def scores(
        self, pictures: Sequence[NDArray[np.uint8]], classes: tuple[str, ...]
    ) -> NDArray[np.float64]:
        """Softmax of the head's logits."""
        return softmax(self._head.logits(self._encoder.features(pictures)))

    def pooled(
        self, tiles: Sequence[NDArray[np.uint8]], classes: tuple[str, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score a slide by the mean of its tiles' features, or of their scores; and each tile."""
        features = self._encoder.features(tiles)
        rows = softmax(self._head.logits(features))
        if not self.on_slides:
            return np.asarray(rows.mean(axis=0)), rows
        return softmax(self._head.logits(features.mean(axis=0, keepdims=True)))[0], rows

    def told_apart(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the classes that the head was trained on.

        Raises:
            InvalidInput: If it was trained on others.
        """
        known = tuple(self._told["classes"])
        if not set(known) <= set(classes):
            raise InvalidInput(f"The head tells other classes apart: {', '.join(known)}.")
        return known

    def provenance(self, specialist: str, classes: tuple[str, ...]) -> Provenance:
        """Which head on which encoder, and how it did on the test part of the user's cases."""
        card = self._told
        return Provenance(
            specialist=specialist,
            backend=NAME,
            model=card["name"],
            version=card["version"],
            weights_sha256=card["sha256"],
            evaluated_on=evaluation(card),
            terms=card["licence"],
        )


def evaluation(card: Mapping[str, Any]) -> str:
    """The card's figures in a sentence."""
    measured = card["metrics"]["test"]
    figures = [
        f"{name.replace('_', ' ')} {one['value']:.2f} ({one['low']:.2f} to {one['high']:.2f})"
        for name in ("balanced_accuracy", "auc", "coverage")
        if (one := measured[name])["value"] is not None
    ]
    return (
        f"{measured['n']} held-out cases of your own in {measured['groups']} groups (95% "
        f"intervals): {', '.join(figures)}."
    )


class _Backend(ScoringBackend):
    def __init__(self, device: str) -> None:
        self._scorer = EncodedHead(self.tool, device)


class Skin(_Backend):
    """Of `classify_skin_lesion`."""

    tool = "classify_skin_lesion"


class Retina(_Backend):
    """Of `classify_retina`."""

    tool = "classify_retina"


class ChestXray(_Backend):
    """Of `report_chest_xray`."""

    tool = "report_chest_xray"


class Pathology(_Backend):
    """Of `classify_pathology`."""

    tool = "classify_pathology"
