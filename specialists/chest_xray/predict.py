"""Runs the chest film reference on arrays; reading files is not its business."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from specialists.calibration import Booleans, Floats, population_sets, softmax
from specialists.chest_xray.preprocess import content, preprocess

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 16


class ChestNet:
    """The loaded reference network with its card.

    Attributes:
        card: The model card, as JSON gives it.
        classes: Names of the probabilities' columns.
        populations: Names that `population` may have.
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

        self.card: dict[str, Any] = json.loads((folder / "reference.json").read_text("utf-8"))
        self.classes: tuple[str, ...] = tuple(self.card["classes"])
        self.populations: tuple[str, ...] = tuple(self.card["conformal"]["populations"])
        self._torch = torch
        self._size: int = self.card["input"]["size"][-1]
        self._network = load_network(folder / "reference.safetensors", self.card)

    def _inputs(self, films: Sequence[ArrayLike]) -> "Tensor":
        return self._torch.from_numpy(np.stack([preprocess(f, self._size) for f in films]))

    def canary(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logits of a picture's first channel; see `specialists.canary`."""
        return self.logits([picture[..., 0] / 255])

    def logits(self, films: Sequence[ArrayLike]) -> NDArray[np.float32]:
        """Run the network.

        Args:
            films: Each of shape (rows, columns), 0 to 1, bright where dense; sizes may differ.

        Returns:
            Shape (n, classes), not calibrated.

        Raises:
            ValueError: If a film is not such an array.
        """
        parts = [np.zeros((0, len(self.classes)), np.float32)]
        with self._torch.inference_mode():
            for first in range(0, len(films), BATCH):
                inputs = self._inputs(films[first : first + BATCH])
                parts.append(cast("Tensor", self._network(inputs)).numpy())
        return np.concatenate(parts)

    def calibrated(self, logits: ArrayLike, population: str | None = None) -> Floats:
        """Turn logits into probabilities for a population, or the mean over all if unknown.

        Args:
            logits: Shape (n, classes).
            population: One of `populations`, or None.

        Raises:
            ValueError: If there is no such population.
        """
        calibrations = self.card["conformal"]["populations"]
        if population is not None and population not in calibrations:
            raise ValueError(f"population must be one of {', '.join(self.populations)} or None")
        chosen = self.populations if population is None else (population,)
        rows = [softmax(logits, calibrations[name]["temperature"]) for name in chosen]
        return np.asarray(np.mean(rows, axis=0))

    def sets(self, logits: ArrayLike, population: str | None = None) -> Booleans:
        """Return conformal sets as (n, classes) booleans; the union if the population is unknown.

        Raises:
            ValueError: If there is no such population.
        """
        return population_sets(logits, self.card["conformal"]["populations"], population)

    def probabilities(self, films: Sequence[ArrayLike], population: str | None = None) -> Floats:
        """Return (n, classes) calibrated probabilities; films as `logits` takes them."""
        return self.calibrated(self.logits(films), population)

    def prediction_set(
        self, films: Sequence[ArrayLike], population: str | None = None
    ) -> list[tuple[str, ...]]:
        """Return for each film the classes that its evidence does not rule out."""
        return [
            tuple(name for name, member in zip(self.classes, row, strict=True) if member)
            for row in self.sets(self.logits(films), population)
        ]

    def evidence_map(self, film: ArrayLike) -> NDArray[np.float32]:
        """Show where the likelier class's evidence lies (a class activation map).

        Args:
            film: Shape (rows, columns), as `logits` takes it.

        Returns:
            Same shape, 0 to 1; 1 at the strongest place, 0 outside the cropped film. Coarse: one
            of the network's cells is a twelfth of the film.

        Source: Zhou et al. 2016, Learning Deep Features for Discriminative Localization.
        """
        array = np.asarray(film, dtype=np.float32)
        with self._torch.inference_mode():
            inputs = self._inputs([array])
            best = int(self._network(inputs)[0].argmax())
            cells = self._network.activation_map(inputs, best, 1 - best)[0].numpy()
        rows, columns = content(array)
        result = np.zeros(array.shape, np.float32)
        inside = Image.fromarray(np.maximum(cells, 0) / max(float(cells.max()), 1e-6))
        size = (columns.stop - columns.start, rows.stop - rows.start)
        result[rows, columns] = np.asarray(inside.resize(size, Image.Resampling.BILINEAR))
        return np.clip(result, 0, 1)
