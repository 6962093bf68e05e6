"""Runs the skin reference on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from specialists.calibration import prediction_sets, softmax
from specialists.measures import Booleans, Floats
from specialists.reference import read_card
from specialists.skin.capture import describe, standardise
from specialists.skin.person import ITEMS, Person, evidence_of
from specialists.skin.preprocess import content, preprocess

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "DERMOSCOPY",
    "KNOWN",
    "PHOTOGRAPH",
    "UNKNOWN",
    "Lesion",
    "SkinNet",
    "combine",
    "halves",
    "turn",
]

DERMOSCOPY, PHOTOGRAPH = "dermoscopy", "photograph"
KNOWN, UNKNOWN = "person known", "person unknown"


class Lesion(NamedTuple):
    """What the model makes of one picture.

    Attributes:
        image_type: "dermoscopy" or "photograph", as told or as measured.
        measured: Whether it was measured and not told.
        probabilities: Shape (classes,), calibrated.
        members: Shape (classes,), the prediction set; empty where the picture is unlike those of
            the training.
        malignancy: Shape (2,), calibrated: of no malignant lesion, and of one.
        malignancy_members: Shape (2,), the prediction set, likewise.
    """

    image_type: str
    measured: bool
    probabilities: Floats
    members: Booleans
    malignancy: Floats
    malignancy_members: Booleans


def combine(evidence: ArrayLike, items: ArrayLike, calibration: Mapping[str, Any]) -> Floats:
    """Turn evidence into probabilities.

    Args:
        evidence: Shape (n, classes), the network's logits.
        items: Shape (n, items, classes), what age, sex and site add.
        calibration: `temperature`, `weights` by item, `prior` by class, and `softening`.
    """
    weights = np.array([calibration["weights"][item] for item in ITEMS])
    logits = np.asarray(evidence, np.float64) / calibration["temperature"]
    logits = logits + np.einsum("nic,i->nc", np.asarray(items, np.float64), weights)
    prior = np.log(calibration["prior"])
    return softmax(logits + prior, calibration.get("softening", 1.0))


def halves(probabilities: Floats, malignant: ArrayLike) -> Floats:
    """Sum probabilities (n, classes) to those of benign and malignant (n, 2)."""
    high = probabilities[:, np.asarray(malignant, dtype=np.intp)].sum(axis=1)
    return np.stack([1 - high, high], axis=1)


def _known(person: Person) -> tuple[str, ...]:
    """Return the calibrations that a set is the union of: both, where only some is known."""
    known = sum(item in person for item in ITEMS)
    if known == len(ITEMS):
        return (KNOWN,)
    return (UNKNOWN,) if known == 0 else (KNOWN, UNKNOWN)


def turn(images: Tensor, view: int) -> Tensor:
    """Return one of the eight turned and mirrored views (n, c, size, size); 0 is unchanged."""
    turned = images.rot90(view % 4, (2, 3))
    return turned.flip(3) if view >= 4 else turned


class SkinNet:
    """The loaded reference with its card.

    Attributes:
        card: The model card, as JSON gives it.
        classes: Names of the probabilities' columns.
    """

    def __init__(self, folder: Path) -> None:
        """Load `reference.safetensors` and `reference.json`.

        Raises:
            ValueError: If the weights are not those that the card describes.
        """
        import torch

        from specialists.network import load_network

        self.card = read_card(folder)
        self.classes: tuple[str, ...] = tuple(self.card["classes"])
        self._torch = torch
        network = load_network(folder / "reference.safetensors", self.card)
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def canary(self, picture: NDArray[np.uint8]) -> Floats:
        """Return the logits of a picture; see `specialists.canary`."""
        evidence, _ = self._evidence(picture)
        return np.asarray(evidence[0])

    def read(
        self, picture: ArrayLike, person: Person | None = None, image_type: str | None = None
    ) -> Lesion:
        """Classify one lesion.

        Args:
            picture: Shape (rows, columns, 3), uint8 sRGB.
            person: What is known of `age` (a band), `sex` and `site`.
            image_type: "dermoscopy" or "photograph"; None to measure it.

        Raises:
            ValueError: If the picture is not such an array.
        """
        pixels, person = _checked(picture), person or {}
        chosen = image_type or self.image_type(pixels)
        evidence, distance = self._evidence(pixels)
        items = evidence_of(person, self.card["person"]["tables"], len(self.classes))
        stacked = np.stack([items[item] for item in ITEMS])[None]
        each = [
            self._judge(evidence, stacked, self.card["conformal"]["populations"][chosen][known])
            for known in _known(person)
        ]
        near = distance <= self.card["guard"]["limit"]
        return Lesion(
            chosen,
            image_type is None,
            each[0][0],
            np.any([one[1] for one in each], axis=0) & near,
            each[0][2],
            np.any([one[3] for one in each], axis=0) & near,
        )

    def _judge(
        self, evidence: Floats, items: Floats, calibration: Mapping[str, Any]
    ) -> tuple[Floats, Booleans, Floats, Booleans]:
        """Return probabilities and set of the diagnosis and of malignancy."""
        rows = combine(evidence, items, calibration)
        two = halves(rows, self.card["malignant"])
        members = prediction_sets(rows, calibration["thresholds"])
        malignancy = prediction_sets(two, calibration["malignancy_thresholds"])
        return rows[0], members[0], two[0], malignancy[0]

    def image_type(self, picture: NDArray[np.uint8]) -> str:
        """Tell a plain photograph from dermoscopy."""
        rule = self.card["image_type"]
        row = standardise(describe(picture), np.array(rule["centre"]), np.array(rule["spread"]))
        return PHOTOGRAPH if float(row @ np.array(rule["weights"])) > rule["limit"] else DERMOSCOPY

    def _inputs(self, picture: NDArray[np.uint8]) -> Tensor:
        scaled = (preprocess(picture).astype(np.float32) / 255 - 0.5) * 4
        return self._torch.from_numpy(scaled).permute(2, 0, 1)[None]

    def _evidence(self, picture: NDArray[np.uint8]) -> tuple[Floats, float]:
        """Return (1, classes) mean logits over the views, and the distance to the nearest class."""
        with self._torch.inference_mode():
            inputs = self._inputs(picture)
            views = [turn(inputs, view) for view in range(self.card["input"]["views"])]
            batch = self._torch.cat(views)
            features = self._network.embed(
                batch.contiguous(memory_format=self._torch.channels_last)
            )
            logits = self._network.head(features).mean(dim=0, keepdim=True)
            distance = self._network.distance(features.mean(dim=0, keepdim=True)).min()
        return logits.double().numpy(), float(distance)

    def evidence_map(self, picture: ArrayLike, index: int) -> NDArray[np.float32]:
        """Show where the picture speaks for a class over the mean of all (an activation map).

        Args:
            picture: Shape (rows, columns, 3), uint8 sRGB.
            index: Of the class.

        Returns:
            Shape (rows, columns), 0 to 1; 1 at the strongest place, 0 outside what was read.
            Coarse: one of the network's cells is a tenth of the picture.

        Source: Zhou et al. 2016, Learning Deep Features for Discriminative Localization.
        """
        pixels = _checked(picture)
        with self._torch.inference_mode():
            features = self._network.feature_map(self._inputs(pixels))[0]
            weight = self._network.head.weight
            direction = weight[index] - weight.mean(dim=0)
            cells = self._torch.einsum("chw,c->hw", features, direction).numpy()
        rows, columns = content(*pixels.shape[:2])
        result = np.zeros(pixels.shape[:2], np.float32)
        inside = Image.fromarray(np.maximum(cells, 0) / max(float(cells.max()), 1e-6))
        size = (columns.stop - columns.start, rows.stop - rows.start)
        result[rows, columns] = np.asarray(inside.resize(size, Image.Resampling.BILINEAR))
        return np.clip(result, 0, 1)


def _checked(picture: ArrayLike) -> NDArray[np.uint8]:
    array = np.asarray(picture)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or min(array.shape) < 1:
        raise ValueError("a picture must be uint8 of shape (rows, columns, 3)")
    return array
