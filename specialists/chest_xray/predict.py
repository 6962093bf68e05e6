"""Runs the chest film reference on arrays; reading files is not its business."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from specialists.chest_xray.heat import laid
from specialists.chest_xray.lungs import lung_fields
from specialists.chest_xray.odds import combine, conformal_sets, looks, probabilities
from specialists.chest_xray.preprocess import content, darkness, preprocess
from specialists.measures import Booleans, Floats
from specialists.reference import read_card

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 16


class Evidence(NamedTuple):
    """Where the evidence for pneumonia lies."""

    heat: NDArray[np.float32]
    """Shape of the film, 0 to 1, 0 outside the lung fields."""
    outside: float
    """Share of the evidence that lies outside the lung fields, 0 to 1."""
    found: bool
    """Whether the lungs were found on the film, rather than taken from an average chest."""


class ChestNet:
    """The loaded reference model with its card.

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

        from specialists.chest_xray.model import ChestModel
        from specialists.network import load_weights

        self.card = read_card(folder)
        self.classes: tuple[str, ...] = tuple(self.card["classes"])
        self.populations: tuple[str, ...] = tuple(self.card["conformal"]["populations"])
        self._torch = torch
        self._size: int = self.card["input"]["size"][-1]
        self._model = ChestModel(self.card["architecture"])
        load_weights(self._model, folder / "reference.safetensors", self.card["sha256"])

    def _inputs(self, films: Sequence[ArrayLike]) -> "Tensor":
        return self._torch.from_numpy(np.stack([preprocess(f, self._size) for f in films]))

    def canary(self, picture: NDArray[np.uint8]) -> Floats:
        """Return the logits of a picture's first channel; see `specialists.canary`."""
        return self.logits([picture[..., 0] / 255]).ravel()

    def logits(self, films: Sequence[ArrayLike]) -> Floats:
        """Run the model.

        Args:
            films: Each of shape (rows, columns), 0 to 1, bright where dense; sizes may differ.

        Returns:
            Shape (n, 3, 2), not calibrated: the classes as in each of `populations`, and which
            of these the film looks like.

        Raises:
            ValueError: If a film is not such an array.
        """
        parts = [np.zeros((0, len(self.classes) + self._model.folds + 1), np.float32)]
        with self._torch.inference_mode():
            for first in range(0, len(films), BATCH):
                inputs = self._inputs(films[first : first + BATCH])
                parts.append(cast("Tensor", self._model(inputs)).numpy())
        return combine(np.concatenate(parts), self.card["mixing"])

    def calibrated(self, logits: ArrayLike, population: str | None = None) -> Floats:
        """Turn logits into (n, classes) probabilities, for a population or what the film tells.

        Args:
            logits: From `logits`.
            population: One of `populations`; None weighs each by how much the film looks like it.

        Raises:
            ValueError: If there is no such population.
        """
        return probabilities(logits, self.card["conformal"], self._known(population))

    def sets(
        self, logits: ArrayLike, films: Sequence[ArrayLike], population: str | None = None
    ) -> Booleans:
        """Return conformal sets as (n, classes) booleans.

        Args:
            logits: From `logits`.
            films: What they are of.
            population: One of `populations`; None takes the union over those that the film does
                not rule out.

        Raises:
            ValueError: If there is no such population.
        """
        known, dark = self._known(population), [self.dark(film) for film in films]
        return conformal_sets(logits, self.card["conformal"], known, dark)

    def dark(self, film: ArrayLike) -> bool:
        """Whether a film is darker than adults' normal films are."""
        return darkness(film) < float(self.card["conformal"]["darkest_normal"])

    def looks_like(self, logits: ArrayLike) -> list[tuple[str, ...]]:
        """Return for each film the populations that its look does not rule out."""
        _, likely = looks(logits, self.card["conformal"])
        return [
            tuple(name for name, member in zip(self.populations, row, strict=True) if member)
            for row in likely
        ]

    def _known(self, population: str | None) -> str | None:
        if population is not None and population not in self.populations:
            raise ValueError(f"population must be one of {', '.join(self.populations)} or None")
        return population

    def probabilities(self, films: Sequence[ArrayLike], population: str | None = None) -> Floats:
        """Return (n, classes) calibrated probabilities; films as `logits` takes them."""
        return self.calibrated(self.logits(films), population)

    def prediction_set(
        self, films: Sequence[ArrayLike], population: str | None = None
    ) -> list[tuple[str, ...]]:
        """Return for each film the classes that its evidence does not rule out."""
        return [
            tuple(name for name, member in zip(self.classes, row, strict=True) if member)
            for row in self.sets(self.logits(films), films, population)
        ]

    def evidence_map(
        self, film: ArrayLike, logits: ArrayLike, population: str | None = None
    ) -> Evidence:
        """Show where in the lung fields the evidence for pneumonia lies.

        The network's class activation map and the places of the texture models' sums, weighed
        as in the answer.

        Args:
            film: Shape (rows, columns), as `logits` takes it.
            logits: From `logits`, of this film.
            population: As of `calibrated`.

        Returns:
            The map, as strong as in films that are surely pneumonia where it is 1; coarse, about
            a twelfth of the film; and how much evidence lies elsewhere.

        Source: Zhou et al. 2016, Learning Deep Features for Discriminative Localization.
        """
        array = np.asarray(film, dtype=np.float32)
        weights = self._weights(logits, population)
        with self._torch.inference_mode():
            seen, felt = self._model.maps(self._inputs([array]), weights)
        rows, columns = content(array)
        size = (columns.stop - columns.start, rows.stop - rows.start)
        heat = np.zeros(array.shape, np.float32)
        inner = np.clip(laid(seen.numpy(), felt.numpy(), size), 0, None)
        fields, found = lung_fields(array[rows, columns])
        large = Image.fromarray(fields.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
        lungs = np.asarray(large) > 0.5
        heat[rows, columns] = np.where(lungs, inner, 0)
        outside = float(inner[~lungs].sum() / max(float(inner.sum()), 1e-9))
        return Evidence(np.clip(heat / self.card["map"]["full"], 0, 1), outside, found)

    def _weights(self, logits: ArrayLike, population: str | None) -> list[float]:
        """Return the weights of the network and of each texture model in the answer."""
        chances, _ = looks(logits, self.card["conformal"])
        known = self._known(population)
        share = dict(zip(self.populations, chances[0].tolist(), strict=True))
        if known is not None:
            share = {name: float(name == known) for name in self.populations}
        mixing, folds = self.card["mixing"], self._model.folds
        network = sum(share[name] * mixing[name]["network"] for name in self.populations)
        adult = share["adult"] * mixing["adult"]["texture"] / folds
        child = share["paediatric"] * mixing["paediatric"]["texture"]
        return [network, *[adult] * folds, child, 0.0]
