"""Runs the retina reference on arrays: penalised regressions and shallow trees, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from specialists.calibration import prediction_sets
from specialists.reference import read_card, read_weights
from specialists.retina.dust import clean
from specialists.retina.features import describe
from specialists.retina.lesions import Maps, find_lesions
from specialists.retina.preprocess import Fundus, preprocess
from specialists.retina.quality import MOST_FIELD, measure

__all__ = ["TASKS", "Head", "Retina", "RetinaNet", "classes_of", "halves", "raw_score"]

Floats = NDArray[np.float64]

TASKS = {"grade": (1, 2, 3, 4), "edema": (1, 2)}
"""What is graded, with the levels that a yes-or-no question 'at least this?' is asked of."""
REFERABLE_FROM = 2
"""The first grade that is referred."""
CLIP = 4.0
"""Deviations beyond which a feature counts no more."""


class Retina(NamedTuple):
    """What the model makes of one photograph."""

    fundus: Fundus
    maps: Maps
    quality: dict[str, float]
    probabilities: dict[str, Floats]
    """By task, of each level; and of `referable`, no and yes."""
    sets: dict[str, NDArray[np.bool_]]
    """Likewise; without any level where the photograph is unlike those of the training."""


@dataclass(frozen=True)
class Head:
    """One question's model. Trees are complete, of shape (trees, nodes); a leaf has feature -1."""

    weights: Floats
    bias: float
    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    left: NDArray[np.int16]
    right: NDArray[np.int16]
    value: NDArray[np.float32]
    start: float


def standardise(features: ArrayLike, mean: Floats, scale: Floats) -> Floats:
    """Centre and scale features (n, features), and hold what is far out."""
    return np.asarray(np.clip((np.asarray(features, np.float64) - mean) / scale, -CLIP, CLIP))


def _trees(head: Head, rows: Floats) -> Floats:
    """Sum the trees' leaves for standardised rows (n, features)."""
    values = rows.astype(np.float32)
    trees = np.arange(len(head.feature))
    node = np.zeros((len(rows), len(trees)), np.intp)
    while (inner := head.feature[trees, node] >= 0).any():
        feature = np.maximum(head.feature[trees, node], 0)
        low = values[np.arange(len(rows))[:, None], feature] <= head.threshold[trees, node]
        following = np.where(low, head.left[trees, node], head.right[trees, node])
        node = np.where(inner, following, node)
    return np.asarray(head.start + head.value[trees, node].astype(np.float64).sum(axis=1))


def raw_score(head: Head, rows: Floats) -> Floats:
    """Return (n,) log odds before calibration: the mean of regression and trees."""
    return np.asarray((rows @ head.weights + head.bias + _trees(head, rows)) / 2)


def classes_of(scores: Floats, calibration: Sequence[Sequence[float]]) -> Floats:
    """Turn scores (n, questions) into level probabilities (n, questions + 1).

    Where the answers contradict each other, the second question is kept as it is, whether the
    grade is referable or the risk of edema high, and the others give way.

    Args:
        scores: Log odds of 'at least level k', k rising.
        calibration: Slope and intercept of each question.
    """
    slope, intercept = np.asarray(calibration, np.float64).T
    above = 1 / (1 + np.exp(-np.clip(scores * slope + intercept, -30, 30)))
    above[:, 0] = above[:, :2].max(axis=1)
    above[:, 1:] = np.minimum.accumulate(above[:, 1:], axis=1)
    ends = np.ones((len(above), 1))
    steps = np.concatenate([ends, above, ends * 0], axis=1)
    return np.asarray(steps[:, :-1] - steps[:, 1:])


def halves(grades: Floats) -> Floats:
    """Sum grade probabilities (n, 5) to those of not referable and referable (n, 2)."""
    low, high = grades[:, :REFERABLE_FROM], grades[:, REFERABLE_FROM:]
    return np.stack([low.sum(axis=1), high.sum(axis=1)], axis=1)


class RetinaNet:
    """The loaded reference with its card.

    Attributes:
        card: The model card, as JSON gives it.
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
        self._mean, self._scale = arrays["mean"], arrays["scale"]
        self._dust = arrays["dust"].astype(np.float32)
        self._heads = {
            task: [_head(arrays, f"{task}{level}") for level in levels]
            for task, levels in TASKS.items()
        }

    def canary(self, picture: NDArray[np.uint8]) -> Floats:
        """Return the level probabilities of a strip of a picture; see `specialists.canary`."""
        read = self.read(picture[: len(picture) // 3])
        return np.concatenate([read.probabilities[task] for task in TASKS])

    def read(self, picture: ArrayLike) -> Retina:
        """Grade a photograph.

        Args:
            picture: Shape (rows, columns, 3), uint8 sRGB.

        Raises:
            ValueError: If it is not such an array, or shows no lit field.
        """
        fundus = preprocess(picture)
        quality = measure(fundus)
        if not any(quality.values()):
            raise ValueError("no lit field")
        fundus = clean(fundus, self._dust)
        maps = find_lesions(fundus)
        found = describe(fundus, maps)
        if list(found) != self.card["features"]:
            raise ValueError("the features are not those that the weights were fitted to")
        rows = standardise([list(found.values())], self._mean, self._scale)
        probabilities = {task: self._probabilities(task, rows) for task in TASKS}
        probabilities["referable"] = halves(probabilities["grade"])
        known = quality["field"] <= MOST_FIELD and self._near(rows)
        sets = {task: self._set(task, values) & known for task, values in probabilities.items()}
        return Retina(fundus, maps, quality, {t: p[0] for t, p in probabilities.items()}, sets)

    def _probabilities(self, task: str, rows: Floats) -> Floats:
        scores = np.stack([raw_score(head, rows) for head in self._heads[task]], axis=1)
        return classes_of(scores, self.card["calibration"][task])

    def _near(self, rows: Floats) -> bool:
        """Whether the standardised features lie where those of the training lie."""
        return bool((rows**2).mean() <= self.card["guard"]["limit"])

    def _set(self, task: str, probabilities: Floats) -> NDArray[np.bool_]:
        thresholds = self.card["conformal"]["thresholds"][task]
        return np.asarray(prediction_sets(probabilities, thresholds)[0])


def _head(arrays: Mapping[str, Any], name: str) -> Head:
    own = {part: arrays[f"{name}.{part}"] for part in Head.__dataclass_fields__}
    return Head(**own | {part: float(own[part].item()) for part in ("bias", "start")})
