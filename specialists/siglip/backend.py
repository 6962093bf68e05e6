"""The backends `medsiglip`: classes in words, scored by how near they are to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.calibration import softmax
from specialists.classes.backend import ScoringBackend
from specialists.hub_models import MEDSIGLIP
from specialists.schema import Provenance
from specialists.siglip.model import Siglip
from specialists.siglip.wording import ensemble, prompt_of

__all__ = ["ChestXray", "Pathology", "Retina", "Skin", "ZeroShot"]

NAME = "medsiglip"
UM_PER_PX = 0.5


class ZeroShot:
    """MedSigLIP for the classes of one tool.

    Args:
        tool: Whose prompts are used.
        siglip: The loaded model.
    """

    def __init__(self, tool: str, siglip: Siglip) -> None:
        self.card: dict[str, Any] = {}
        self.size, self.um_per_px, self.on_slides = siglip.pixels.size, UM_PER_PX, False
        self._tool, self._siglip = tool, siglip
        self._known: dict[tuple[str, ...], NDArray[np.float32]] = {}

    def canary(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the embedding of a picture."""
        return np.asarray(self._siglip.images([picture])[0])

    def scores(
        self, pictures: Sequence[NDArray[np.uint8]], classes: tuple[str, ...]
    ) -> NDArray[np.float64]:
        """Softmax over the classes of the scaled likeness to each class's mean text.

        The sigmoid's bias is the same for all and drops out, as on the model's card.
        """
        likeness = self._siglip.images(pictures) @ self._classes(classes).T
        return softmax(likeness * self._siglip.scale)

    def told_apart(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """All that have texts."""
        return classes

    def pooled(
        self, tiles: Sequence[NDArray[np.uint8]], classes: tuple[str, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score a slide by the mean of its tiles' scores."""
        rows = self.scores(tiles, classes)
        return np.asarray(rows.mean(axis=0)), rows

    def _classes(self, classes: tuple[str, ...]) -> NDArray[np.float32]:
        """Shape (classes, width): the mean of each class's texts, again of length 1."""
        if classes not in self._known:
            texts = ensemble(self._tool, classes)
            means = np.stack([self._siglip.texts(one).mean(axis=0) for one in texts.values()])
            self._known[classes] = means / np.linalg.norm(means, axis=1, keepdims=True)
        return self._known[classes]

    def provenance(self, specialist: str, classes: tuple[str, ...]) -> Provenance:
        """Which model, and with which prompts."""
        prompt = prompt_of(self._tool)
        return Provenance(
            specialist=specialist,
            backend=NAME,
            model=MEDSIGLIP.id,
            version=f"prompts {prompt.name}/{prompt.version}, {prompt.digest[:12]}",
            weights_sha256=self._siglip.weights_sha256,
            evaluated_on="Not evaluated here as a classifier of these classes.",
            terms=f"{MEDSIGLIP.licence}. {MEDSIGLIP.terms}",
        )


class _Backend(ScoringBackend):
    def __init__(self, device: str, weights: Path) -> None:
        self._scorer = ZeroShot(self.tool, Siglip(weights, device))


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
