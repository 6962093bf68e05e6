"""Calibrates and measures the recogniser on pictures as they are, and varied as in training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn import functional

from specialists.calibration import fit_temperature, fit_thresholds, prediction_sets, softmax
from specialists.measures import Booleans, Floats, evaluate_predictions
from specialists.network import SmallNetwork
from specialists.recogniser.predict import CHEST, SECTIONS
from specialists.recogniser.preprocess import SIZE
from specialists.training.loop import infer
from specialists.training.recogniser_views import floats, vary
from specialists.training.sources import CLASSES, Pictures

COVERAGE, CONFIDENCE = 0.95, 0.9
QUANTILE, STRANGERS = 0.99, 0.998
"""Share of a class's own pictures within its limit of distance; share of other classes' pictures
below its floor of probability."""
LEAST, MOST = 0.8, 0.9
# Chest X-ray opens a door that no other film may pass.
STRICT = {CHEST: 0.95}


def middle(images: Tensor) -> Tensor:
    """Bring stored images to the network's input."""
    return functional.interpolate(floats(images), (SIZE, SIZE), mode="bilinear", antialias=True)


def varied_pass(
    pictures: Pictures, part: NDArray[np.intp], seed: int
) -> tuple[Tensor, NDArray[np.intp]]:
    """Return the plain and once varied inputs of a part, and their labels."""
    rng, labels = Generator().manual_seed(seed), torch.from_numpy(pictures.labels[part])
    plain = middle(pictures.images[part])
    pieces = zip(torch.split(pictures.images[part], 64), torch.split(labels, 64), strict=True)
    varied = torch.cat([vary(images, truth, rng) for images, truth in pieces])
    return torch.cat([plain, varied]), np.tile(pictures.labels[part], 2)


def floors(probabilities: NDArray[np.float64], labels: NDArray[np.intp]) -> list[float]:
    """Choose, for each class, the probability below which a picture is unknown."""
    found = []
    for index, name in enumerate(CLASSES):
        strange = float(np.quantile(probabilities[labels != index, index], STRANGERS))
        found.append(max(LEAST, STRICT.get(name, 0), min(strange, MOST)))
    return found


def set_limits(
    network: SmallNetwork,
    embeddings: Tensor,
    probabilities: NDArray[np.float64],
    labels: NDArray[np.intp],
    plain: int,
) -> dict[str, Any]:
    """Choose, for each class, the distance and the probability beyond which it is unknown.

    The first `plain` rows are of pictures as they are; they alone set the distance of chest X-ray.
    """
    distances, limits = infer(network.distance, embeddings).numpy(), []
    for index, name in enumerate(CLASSES):
        rows = slice(plain) if name == CHEST else slice(None)
        own = distances[rows, index][labels[rows] == index]
        limits.append(float(np.quantile(own, QUANTILE)))
    return {
        "probability_floors": floors(probabilities, labels),
        "distance_quantile": QUANTILE,
        "distance_limits": limits,
    }


def calibrate(
    network: SmallNetwork, pictures: Pictures, part: NDArray[np.intp], seed: int
) -> dict[str, Any]:
    """Fit temperature, sets and distance limits on plain and varied pictures."""
    inputs, labels = varied_pass(pictures, part, seed)
    embeddings = infer(network.embed, inputs)
    logits = infer(network.head, embeddings).numpy()
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits, temperature)
    thresholds = fit_thresholds(probabilities, labels, COVERAGE, CONFIDENCE)
    return {
        "calibration": {"temperature": temperature},
        "conformal": {
            "coverage_target": COVERAGE,
            "confidence": CONFIDENCE,
            "kind": "split-conformal by class, calibrated on plain and varied images",
            "thresholds": thresholds.tolist(),
        },
        "guard": set_limits(network, embeddings, probabilities, labels, len(part)),
    }


def accept(
    probabilities: NDArray[np.float64], distances: NDArray[np.float32], guard: Mapping[str, Any]
) -> NDArray[np.bool_]:
    """Return (n,): whether a picture is near enough to its likeliest class and likely enough."""
    best, limits = probabilities.argmax(axis=1), np.array(guard["distance_limits"])
    near = distances[np.arange(len(best)), best] <= limits[best]
    likely = probabilities.max(axis=1) >= np.array(guard["probability_floors"])[best]
    return np.asarray(near & likely)


def films_in_negative(
    network: SmallNetwork,
    inputs: Tensor,
    probabilities: Floats,
    accepted: Booleans,
    fitted: Mapping[str, Any],
) -> Booleans:
    """Return (n,): which were taken for a section, though their negative is a chest film."""
    names = np.array(CLASSES)[probabilities.argmax(axis=1)]
    sections = np.flatnonzero(accepted & np.isin(names, SECTIONS))
    found = np.zeros(len(names), np.bool_)
    if sections.size:
        embeddings = infer(network.embed, -inputs[torch.from_numpy(sections)])
        logits = infer(network.head, embeddings).numpy()
        rows = softmax(logits, fitted["calibration"]["temperature"])
        taken = accept(rows, infer(network.distance, embeddings).numpy(), fitted["guard"])
        found[sections] = taken & (rows.argmax(axis=1) == CLASSES.index(CHEST))
    return found


def by_source(
    pictures: Pictures,
    part: NDArray[np.intp],
    probabilities: NDArray[np.float64],
    accepted: NDArray[np.bool_],
) -> dict[str, dict[str, float]]:
    """Return per source: cases, share recognised rightly, unknown, and wrongly."""
    right = probabilities.argmax(axis=1) == pictures.labels[part]
    names = np.array([pictures.sources[i] for i in part])
    return {
        name: {
            "n": int((own := names == name).sum()),
            "right": float((right & accepted)[own].mean()),
            "unknown": float((~accepted)[own].mean()),
            "wrong": float((~right & accepted)[own].mean()),
        }
        for name in sorted(set(names.tolist()))
    }


def measure(
    network: SmallNetwork,
    pictures: Pictures,
    part: NDArray[np.intp],
    fitted: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Measure on the test pictures as they are and varied as in training."""
    inputs, labels = varied_pass(pictures, part, seed)
    embeddings = infer(network.embed, inputs)
    temperature = fitted["calibration"]["temperature"]
    probabilities = softmax(infer(network.head, embeddings).numpy(), temperature)
    accepted = accept(probabilities, infer(network.distance, embeddings).numpy(), fitted["guard"])
    accepted &= ~films_in_negative(network, inputs, probabilities, accepted, fitted)
    sets = prediction_sets(probabilities, fitted["conformal"]["thresholds"])
    medical, groups = list(range(len(CLASSES) - 1)), [pictures.groups[i] for i in part]
    halves = {"plain": slice(len(part)), "varied": slice(len(part), None)}
    figures: dict[str, Any] = {
        name: {
            "n": len(part),
            **evaluate_predictions(probabilities[h], labels[h], sets[h], medical, groups),
            "by_source": by_source(pictures, part, probabilities[h], accepted[h]),
        }
        for name, h in halves.items()
    }
    own = np.flatnonzero(labels[: len(part)] < len(medical))
    taken, right = accepted[own], probabilities[own].argmax(axis=1) == labels[own]
    figures["medical, plain"] = {
        "n": len(own),
        **evaluate_predictions(
            probabilities[own], labels[own], sets[own], [0], [groups[i] for i in own]
        ),
        "accepted": {
            "right": float((taken & right).mean()),
            "unknown": float((~taken).mean()),
            "wrong": float((taken & ~right).mean()),
        },
    }
    return figures
