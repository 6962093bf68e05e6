"""Runs the visual question reference on arrays; reading files is not its business."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from specialists.calibration import prediction_sets, softmax
from specialists.measures import Booleans, Floats
from specialists.recogniser.preprocess import preprocess
from specialists.reference import read_card, read_weights
from specialists.visual_question.questions import READ, Vocabulary, wording

TINY = 16
SEEN = ("chest X-ray", "other radiograph", "CT slice", "MR slice")
"""What the recogniser may call a picture for the model to be asked."""


class Eye:
    """The recogniser's network, looked at before its head."""

    def __init__(self) -> None:
        """Load the recogniser's weights.

        Raises:
            ValueError: If they are not those that its card describes.
        """
        import torch

        from specialists.network import load_network

        folder = Path(__file__).parents[1] / "recogniser"
        card = json.loads((folder / "reference.json").read_text("utf-8"))
        self._torch, self._network = torch, load_network(folder / "reference.safetensors", card)
        self._size: int = card["input"]["size"][-1]
        self._temperature: float = card["calibration"]["temperature"]
        self._seen = [card["classes"].index(name) for name in SEEN]
        self.sha256: str = card["sha256"]

    def look(self, picture: ArrayLike) -> tuple[Floats, Floats]:
        """Describe a picture.

        Args:
            picture: Shape (rows, columns, 3), uint8 sRGB.

        Returns:
            Features (features,): the network's embedding and a thumbnail; and the recogniser's
            probabilities of `SEEN`, shape (4,).
        """
        array = np.asarray(picture)
        with self._torch.inference_mode():
            inputs = self._torch.from_numpy(preprocess(array, self._size)[None])
            embedding = self._network.embed(inputs)
            logits = self._network.head(embedding)[0].numpy()
        small = Image.fromarray(array).convert("L").resize((TINY, TINY), Image.Resampling.BOX)
        thumbnail = np.asarray(small, np.float64).ravel() / 255
        features = np.concatenate([embedding[0].double().numpy(), thumbnail])
        return features, np.asarray(softmax(logits, self._temperature)[self._seen])


def context(regions: ArrayLike) -> Floats:
    """Return (n, 1 + regions): what each word of a question is crossed with.

    Args:
        regions: Shape (n, regions), scores of the part of the body; the greatest counts.
    """
    scores = np.asarray(regions, np.float64)
    best = np.eye(scores.shape[1])[scores.argmax(axis=1)]
    return np.concatenate([np.ones((len(scores), 1)), best], axis=1)


class QuestionNet:
    """The loaded reference with its card.

    Attributes:
        card: The model card, as JSON gives it.
        regions: Parts of the body that are told apart.
    """

    def __init__(self, folder: Path) -> None:
        """Load `reference.safetensors` and `reference.json`.

        Raises:
            ValueError: If the weights are not those that the card describes.
        """
        from safetensors.numpy import load

        self.card = read_card(folder)
        content = read_weights(folder / "reference.safetensors", self.card["sha256"])
        arrays = load(content)
        self._vocabularies = [
            Vocabulary(
                kind,
                tuple(arrays[kind].tobytes().decode("ascii").split("\n")),
                arrays[f"{kind}_weights"].astype(np.float64),
            )
            for kind in READ
        ]
        self._arrays = {
            name: array.astype(np.float64) for name, array in arrays.items() if name not in READ
        }
        self._eye = Eye()
        if self._eye.sha256 != self.card["recogniser_sha256"]:
            raise ValueError("the card was made with other weights of the recogniser")
        self.regions: tuple[str, ...] = tuple(self.card["regions"]["classes"])

    def canary(self, picture: NDArray[np.uint8]) -> Floats:
        """Return what a picture and a question about it give; see `specialists.canary`."""
        regions, _, seen = self.region(picture)
        closed = self.closed(["is there a fracture"], regions[None])
        return np.concatenate([regions, seen, closed[0]])

    def region(self, picture: ArrayLike) -> tuple[Floats, Booleans, Floats]:
        """Say which part of the body a picture shows.

        Returns:
            Probabilities (regions,), prediction set (regions,), and `Eye.look`'s probabilities.
        """
        features, seen = self._eye.look(picture)
        standard = (features - self._arrays["region_mean"]) / self._arrays["region_scale"]
        logits = self._arrays["region_weight"] @ standard + self._arrays["region_bias"]
        probabilities = softmax(logits, self.card["regions"]["temperature"])[None]
        members = prediction_sets(probabilities, self.card["regions"]["thresholds"])
        return probabilities[0], members[0], seen

    def closed(self, questions: Sequence[str], regions: ArrayLike) -> Floats:
        """Return (n, 2): probabilities of no and yes.

        Args:
            questions: n of them.
            regions: Shape (n, regions), as `region` gives them.
        """
        words = wording(self._vocabularies, questions)
        crossed = self._arrays["closed_weight"] @ words.T
        logit = np.einsum("cn,nc->n", crossed, context(regions)) + self._arrays["closed_bias"]
        return softmax(
            np.stack([-logit / 2, logit / 2], axis=1), self.card["closed"]["temperature"]
        )

    def closed_sets(self, probabilities: ArrayLike) -> Booleans:
        """Return conformal sets over no and yes for (n, 2) probabilities."""
        return prediction_sets(probabilities, self.card["closed"]["thresholds"])
