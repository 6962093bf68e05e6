"""Runs the pathology reference on tiles; reading files is not its business."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from specialists.calibration import prediction_sets, softmax
from specialists.measures import Booleans, Floats
from specialists.pathology.features import SIZE, describe, preprocess
from specialists.reference import read_card, read_weights

BATCH = 16
CLIP = 5.0
COLOURS = (0, 1, 8, 9, 16, 17, 24, 25, 32, 33)
"""Mean and deviation of the stains, density and saturation among the features."""


@dataclass(frozen=True)
class LinearHead:
    """A linear classifier on standardised features."""

    mean: Floats
    """Shape (features,)."""
    scale: Floats
    weight: Floats
    """Shape (classes, features)."""
    bias: Floats

    def logits(self, features: ArrayLike) -> Floats:
        """Return (n, classes) for (n, features)."""
        standard = (np.asarray(features, np.float64) - self.mean) / self.scale
        return np.asarray(np.clip(standard, -CLIP, CLIP) @ self.weight.T + self.bias)


@dataclass(frozen=True)
class ColourGuard:
    """How far a tile's colours are from those of the training tiles."""

    mean: Floats
    whitening: Floats

    def distance(self, features: ArrayLike) -> Floats:
        """Return (n,) Mahalanobis distances for (n, features)."""
        colours = np.asarray(features, np.float64)[:, COLOURS]
        return np.asarray(np.linalg.norm((colours - self.mean) @ self.whitening, axis=1))


def network_input(tiles: Sequence[ArrayLike], size: int) -> NDArray[np.float32]:
    """Shrink preprocessed tiles and map them to -2..2: shape (n, 3, size, size)."""
    small = [
        np.asarray(Image.fromarray(np.asarray(t)).resize((size, size), Image.Resampling.BICUBIC))
        for t in tiles
    ]
    scaled = (np.stack(small).astype(np.float32) / 255 - 0.5) * 4
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


class TissueNet:
    """The loaded reference heads and network with their card.

    Attributes:
        card: The model card, as JSON gives it.
    """

    def __init__(self, folder: Path) -> None:
        """Load `reference.safetensors` and `reference.json`.

        Raises:
            ValueError: If the weights are not those that the card describes.
        """
        import torch
        from safetensors.torch import load

        from specialists.network import build_network

        self.card = read_card(folder)
        content = read_weights(folder / "reference.safetensors", self.card["sha256"])
        state = load(content)
        prefix = "network."
        own = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
        self._torch = torch
        self._network = build_network(self.card["architecture"])
        self._network.load_state_dict(
            {n: t.float() if t.is_floating_point() else t for n, t in own.items()}
        )
        self._network.eval()
        rest = {n: t.double().numpy() for n, t in state.items() if not n.startswith(prefix)}
        self._heads, self._guards = {}, {}
        for organ in self.card["heads"]:
            parts = ("mean", "scale", "weight", "bias")
            self._heads[organ] = LinearHead(*(rest[f"{organ}.{part}"] for part in parts))
            guard = (rest[f"{organ}.colour_mean"], rest[f"{organ}.colour_whitening"])
            self._guards[organ] = ColourGuard(*guard)

    def classes(self, organ: str) -> tuple[str, ...]:
        """Names of the columns of an organ's probabilities."""
        return tuple(self.card["heads"][organ]["classes"])

    def canary(self, picture: NDArray[np.uint8]) -> Floats:
        """Return the logits of every organ for a tile; see `specialists.canary`."""
        prepared, features = self.features([picture])
        return np.concatenate([self.logits(prepared, features, organ)[0] for organ in self._heads])

    def features(self, tiles: Sequence[ArrayLike]) -> tuple[list[NDArray[np.uint8]], Floats]:
        """Return prepared tiles, and (n, features) descriptions of them.

        Args:
            tiles: At least one, uint8 sRGB (rows, columns, 3), of any size from 32 pixels on.
        """
        prepared = [preprocess(tile, SIZE) for tile in tiles]
        return prepared, np.stack([describe(tile) for tile in prepared])

    def logits(self, prepared: Sequence[ArrayLike], features: ArrayLike, organ: str) -> Floats:
        """Return (n, classes), not yet calibrated, from what `features` gave."""
        linear = self._heads[organ].logits(features)
        mixing = self.card["heads"][organ]["mixing"]
        if mixing["network"] == 0:
            return linear
        seen = []
        with self._torch.inference_mode():
            for first in range(0, len(prepared), BATCH):
                part = network_input(
                    prepared[first : first + BATCH], self.card["input"]["network_size"]
                )
                seen.append(self._network(self._torch.from_numpy(part)).double().numpy())
        return np.asarray(mixing["linear"] * linear + mixing["network"] * np.concatenate(seen))

    def calibrated(self, logits: ArrayLike, organ: str) -> Floats:
        """Return (n, classes) probabilities."""
        return softmax(logits, self.card["heads"][organ]["temperature"])

    def sets(self, logits: ArrayLike, organ: str) -> Booleans:
        """Return conformal sets of single tiles as (n, classes) booleans."""
        thresholds = self.card["heads"][organ]["thresholds"]
        return prediction_sets(self.calibrated(logits, organ), thresholds)

    def unlike(self, features: ArrayLike, organ: str) -> Booleans:
        """Say of (n, features) which tiles are coloured unlike all training tiles of the organ."""
        distances = self._guards[organ].distance(features)
        return np.asarray(distances > self.card["heads"][organ]["colour_limit"])

    def probabilities(self, tiles: Sequence[ArrayLike], organ: str) -> Floats:
        """Return (n, classes) calibrated probabilities of tiles as `features` takes them."""
        return self.calibrated(self.logits(*self.features(tiles), organ), organ)
