"""From what the chest reference's parts say to probabilities and sets, by population.

Training and inference share this file, so that they can't drift apart. Logits here have shape
(n, 3, 2): normal and pneumonia as in children, the same as in adults, and at last whether the
film looks like a child's or an adult's.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from specialists.calibration import population_sets, prediction_sets, softmax
from specialists.measures import Booleans, Floats

NORMAL = 0
POPULATIONS = ("paediatric", "adult")


def combine(said: ArrayLike, mixing: Mapping[str, Mapping[str, float]]) -> Floats:
    """Weigh network and texture for each population.

    Args:
        said: Shape (n, 2 + folds + 1), as `ChestModel` returns.
        mixing: By population, the weights of `network` and `texture`.

    Returns:
        Logits, shape (n, 3, 2).
    """
    rows = np.asarray(said, dtype=np.float64)
    felt = {"paediatric": rows[:, 1], "adult": rows[:, 2:-1].mean(axis=1)}
    odds = [
        mixing[name]["network"] * rows[:, 0] + mixing[name]["texture"] * felt[name]
        for name in POPULATIONS
    ]
    return two_logits(np.stack([*odds, rows[:, -1]], axis=1))


def two_logits(odds: Floats) -> Floats:
    """Return logits (..., 2) for log odds of the second class (...)."""
    return np.stack([-odds / 2, odds / 2], axis=-1)


def looks(logits: ArrayLike, conformal: Mapping[str, Any]) -> tuple[Floats, Booleans]:
    """Return probabilities (n, 2) of the populations, and those that the film doesn't rule out."""
    inferred = conformal["inferred"]
    chances = softmax(np.asarray(logits)[:, 2], inferred["temperature"])
    return chances, prediction_sets(chances, inferred["thresholds"])


def probabilities(
    logits: ArrayLike, conformal: Mapping[str, Any], population: str | None
) -> Floats:
    """Return (n, 2) calibrated probabilities of normal and pneumonia.

    Args:
        logits: Shape (n, 3, 2).
        conformal: The card's part of that name.
        population: One of `POPULATIONS`; None weighs each by how much the film looks like it.
    """
    rows, fitted = np.asarray(logits, dtype=np.float64), conformal["populations"]
    each = [softmax(rows[:, i], fitted[name]["temperature"]) for i, name in enumerate(POPULATIONS)]
    if population is not None:
        return each[POPULATIONS.index(population)]
    chances, _ = looks(rows, conformal)
    return np.asarray(chances[:, :1] * each[0] + chances[:, 1:] * each[1])


def conformal_sets(
    logits: ArrayLike,
    conformal: Mapping[str, Any],
    population: str | None,
    dark: ArrayLike | None = None,
) -> Booleans:
    """Return (n, 2) sets; None takes the union over what the film doesn't rule out.

    Args:
        logits: Shape (n, 3, 2).
        conformal: The card's part of that name.
        population: As of `probabilities`.
        dark: Shape (n,), which films are darker than adults' normal films are. Of the adults'
            films so dark, nearly all that were learnt from are ill, so that it can't be told
            whether the model sees the illness or how the film was made: normal stays.
    """
    rows, fitted = np.asarray(logits, dtype=np.float64), conformal["populations"]
    each = [population_sets(rows[:, i], fitted, name) for i, name in enumerate(POPULATIONS)]
    if dark is not None:
        each[POPULATIONS.index("adult")][:, NORMAL] |= np.asarray(dark, dtype=np.bool_)
    if population is not None:
        return each[POPULATIONS.index(population)]
    _, likely = looks(rows, conformal)
    return np.asarray((each[0] & likely[:, :1]) | (each[1] & likely[:, 1:]))
