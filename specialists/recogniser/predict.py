"""Says what kind of picture an array is, or that it doesn't know."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from specialists.batching import Batches
from specialists.calibration import prediction_sets, softmax
from specialists.measures import Booleans, Floats
from specialists.recogniser.preprocess import preprocess
from specialists.reference import read_card

if TYPE_CHECKING:
    from torch import Tensor

UNKNOWN = "unknown"
CHEST = "chest X-ray"
SECTIONS = ("CT slice", "MR slice")
"""A chest film in negative passes for one of these; what is a chest film in negative is neither."""
BATCH = 32


class Recognition(NamedTuple):
    """What a picture is.

    Attributes:
        label: A class of the card, or "unknown".
        probability: Calibrated, of the likeliest class, whether or not it is named.
        in_distribution: Whether the picture is like those of that class seen in training.
    """

    label: str
    probability: float
    in_distribution: bool


class Recogniser:
    """The loaded recogniser with its card.

    Attributes:
        card: The model card, as JSON gives it.
        classes: Names of the probabilities' columns.
    """

    def __init__(self, folder: Path) -> None:
        """Load `reference.safetensors` and `reference.json`.

        Args:
            folder: Where both are.

        Raises:
            ValueError: If the weights are not those that the card describes.
        """
        import torch

        from specialists.network import load_network

        self.card = read_card(folder)
        self.classes: tuple[str, ...] = tuple(self.card["classes"])
        self._torch = torch
        self._size: int = self.card["input"]["size"][-1]
        self._network = load_network(folder / "reference.safetensors", self.card)
        self._batches = Batches(self.recognise_all, most=8, runs=2)

    def _inputs(self, pictures: Sequence[ArrayLike]) -> "Tensor":
        return self._torch.from_numpy(np.stack([preprocess(p, self._size) for p in pictures]))

    def canary(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logits of a picture; see `specialists.canary`."""
        with self._torch.inference_mode():
            return cast("Tensor", self._network(self._inputs([picture]))).numpy()

    def _run(self, pictures: Sequence[ArrayLike]) -> tuple[Floats, NDArray[np.float32]]:
        """Return (n, classes) probabilities and distances."""
        embeddings = []
        with self._torch.inference_mode():
            for first in range(0, len(pictures), BATCH):
                inputs = self._inputs(pictures[first : first + BATCH])
                embeddings.append(self._network.embed(inputs))
            features = self._torch.cat(embeddings)
            logits, distances = self._network.head(features), self._network.distance(features)
        temperature = self.card["calibration"]["temperature"]
        return softmax(logits.numpy(), temperature), distances.numpy()

    def probabilities(self, pictures: Sequence[ArrayLike]) -> Floats:
        """Return (n, classes) calibrated probabilities.

        Args:
            pictures: At least one, each uint8 sRGB (rows, columns, 3); sizes may differ.

        Raises:
            ValueError: If a picture is not such an array.
        """
        return self._run(pictures)[0]

    def sets(self, pictures: Sequence[ArrayLike]) -> Booleans:
        """Return conformal sets as (n, classes) booleans."""
        return prediction_sets(self.probabilities(pictures), self.card["conformal"]["thresholds"])

    def recognise_all(self, pictures: Sequence[ArrayLike]) -> list[Recognition]:
        """Recognise each of at least one picture; see `recognise`."""
        found = self._judged(pictures)
        sections = [i for i, one in enumerate(found) if one.label in SECTIONS]
        if sections:
            negatives = self._judged([255 - np.asarray(pictures[i]) for i in sections])
            for i, negative in zip(sections, negatives, strict=True):
                if negative.label == CHEST:
                    found[i] = found[i]._replace(label=UNKNOWN)
        return found

    def _judged(self, pictures: Sequence[ArrayLike]) -> list[Recognition]:
        probabilities, distances = self._run(pictures)
        return [
            self._judge(row, distance)
            for row, distance in zip(probabilities, distances, strict=True)
        ]

    def _judge(self, row: Floats, distance: NDArray[np.float32]) -> Recognition:
        best, guard = int(row.argmax()), self.card["guard"]
        near = bool(distance[best] <= guard["distance_limits"][best])
        known = near and float(row[best]) >= guard["probability_floors"][best]
        return Recognition(self.classes[best] if known else UNKNOWN, float(row[best]), near)

    def recognise(self, picture: ArrayLike) -> Recognition:
        """Say what a picture is; what several threads ask goes through the network together.

        Args:
            picture: Shape (rows, columns, 3), uint8 sRGB; grey with three equal channels.

        Returns:
            Label, probability, and whether the picture is like the training's; the label is
            "unknown" where it is not, or where no class is likely enough.

        Raises:
            ValueError: If the array is another shape or type.
        """
        return self._batches.ask(picture)
