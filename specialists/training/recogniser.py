"""Trains the recogniser: what kind of picture is this?

    python -m specialists.training.recogniser --mednist DIR --kermany DIR --nih DIR
        --iq-othnccd DIR --idrid DIR --ham10000 DIR --nct-crc DIR --osteosarcoma DIR
        --lc25000 DIR --vqa-rad DIR --out DIR

Each data folder has `images/` and `labels.csv` (`vqa-rad`: `trainset.json`); see `sources.py`.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional

from specialists.calibration import (
    evaluate_predictions,
    fit_temperature,
    fit_thresholds,
    prediction_sets,
    softmax,
)
from specialists.network import SmallNetwork, build_network, load_network
from specialists.recogniser.preprocess import SIZE
from specialists.training.card import command, halve, write_card, write_weights
from specialists.training.loop import Recipe, fit, infer, start
from specialists.training.recogniser_facts import FACTS
from specialists.training.recogniser_views import floats, recompress, vary
from specialists.training.sources import CLASSES, Pictures, read_pictures
from specialists.training.split import balanced_draw, split_groups

COVERAGE, CONFIDENCE = 0.95, 0.9
FLOOR, QUANTILE = 0.9, 0.99
# Chest X-ray opens a door that no other film may pass; CT and MR were the pair most often confused.
STRICT = {"chest X-ray": 0.97, "MR slice": 0.97}
FOLDERS = (
    *("mednist", "kermany", "nih", "iq_othnccd", "idrid"),
    *("ham10000", "nct_crc", "osteosarcoma", "lc25000", "vqa_rad"),
)
ARCHITECTURE = {
    "kind": "SmallNetwork",
    "channels": 3,
    "classes": len(CLASSES),
    "widths": [32, 48, 96, 160],
    "depths": [1, 2, 2],
    "guard": True,
}


def middle(images: Tensor) -> Tensor:
    """Bring stored images to the network's input."""
    return functional.interpolate(floats(images), (SIZE, SIZE), mode="bilinear", antialias=True)


def draw(
    pictures: Pictures, part: NDArray[np.intp], each: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw `each` cases of every class, its sources equally."""
    chosen = []
    for label in range(len(CLASSES)):
        own = part[pictures.labels[part] == label]
        chosen.append(own[balanced_draw([pictures.sources[i] for i in own], each, rng)])
    return rng.permutation(np.concatenate(chosen))


def class_loss(logits: Tensor, labels: NDArray[np.intp]) -> float:
    """Return the mean over classes of the cross-entropy."""
    losses = functional.cross_entropy(logits, torch.from_numpy(labels), reduction="none").numpy()
    return float(np.mean([losses[labels == c].mean() for c in np.unique(labels)]))


@torch.no_grad()
def fit_guard(network: SmallNetwork, embeddings: Tensor, labels: NDArray[np.intp]) -> None:
    """Store class means and a shared whitening of training features in the network."""
    truth = torch.from_numpy(labels)
    centres = torch.stack([embeddings[truth == c].mean(0) for c in range(len(CLASSES))])
    residuals = (embeddings - centres[truth]).double()
    covariance = residuals.T @ residuals / len(residuals)
    values, vectors = torch.linalg.eigh(covariance)
    values = values + 0.02 * values.mean()
    network.centres.copy_(centres)
    network.whitening.copy_((vectors * values.rsqrt()) @ vectors.T)


def varied_pass(
    pictures: Pictures, part: NDArray[np.intp], seed: int
) -> tuple[Tensor, NDArray[np.intp]]:
    """Return the plain and once varied inputs of a part, and their labels."""
    rng, labels = Generator().manual_seed(seed), torch.from_numpy(pictures.labels[part])
    plain = middle(pictures.images[part])
    pieces = zip(torch.split(pictures.images[part], 64), torch.split(labels, 64), strict=True)
    varied = torch.cat([vary(images, truth, rng) for images, truth in pieces])
    return torch.cat([plain, varied]), np.tile(pictures.labels[part], 2)


def set_limits(
    network: SmallNetwork, embeddings: Tensor, labels: NDArray[np.intp], plain: int
) -> dict[str, Any]:
    """Choose, for each class, the distance beyond which a picture is unknown.

    The first `plain` rows are of pictures as they are; they alone set the limit of chest X-ray.
    """
    distances, limits = infer(network.distance, embeddings).numpy(), []
    for index, name in enumerate(CLASSES):
        rows = slice(plain) if name == "chest X-ray" else slice(None)
        own = distances[rows, index][labels[rows] == index]
        limits.append(float(np.quantile(own, QUANTILE)))
    return {
        "probability_floors": [STRICT.get(name, FLOOR) for name in CLASSES],
        "distance_quantile": QUANTILE,
        "distance_limits": limits,
    }


def accept(
    probabilities: NDArray[np.float64], distances: NDArray[np.float32], guard: Mapping[str, Any]
) -> NDArray[np.bool_]:
    """Return (n,): whether a picture is near enough to its likeliest class and likely enough."""
    best, limits = probabilities.argmax(axis=1), np.array(guard["distance_limits"])
    near = distances[np.arange(len(best)), best] <= limits[best]
    likely = probabilities.max(axis=1) >= np.array(guard["probability_floors"])[best]
    return np.asarray(near & likely)


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


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in (*FOLDERS, "out"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, required=True, metavar="DIR")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="measure the weights that DIR holds")
    parser.add_argument("--every", type=int, default=1, help="take every n-th case, for a trial")
    return parser.parse_args(words)


def train(
    pictures: Pictures, parts: Mapping[str, NDArray[np.intp]], epochs: int, seed: int
) -> tuple[SmallNetwork, list[float]]:
    """Train on varied images, choosing the epoch on varied validation images."""
    recompress(pictures.images, parts["train"], np.random.default_rng(seed))
    held, held_labels = varied_pass(pictures, parts["validation"], seed)

    def batch(part: NDArray[np.intp], rng: Generator) -> tuple[Tensor, Tensor]:
        labels = torch.from_numpy(pictures.labels[part])
        return vary(pictures.images[part], labels, rng), labels

    def validate(network: nn.Module) -> float:
        return class_loss(infer(network, held), held_labels)

    network, losses = fit(
        build_network(ARCHITECTURE),
        Recipe(epochs=epochs, seed=seed, batch_size=64),
        lambda rng: draw(pictures, parts["train"], 320, rng),
        batch,
        validate,
    )
    return cast(SmallNetwork, network), losses


def reload(folder: Path) -> tuple[SmallNetwork, dict[str, Any]]:
    """Return the network that a folder holds, and what its card says of its training."""
    card = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    kept = {name: card[name] for name in ("training", "validation_loss", "seed", "command")}
    return load_network(folder / "reference.safetensors", card), kept


def make(
    pictures: Pictures, parts: Mapping[str, NDArray[np.intp]], epochs: int, seed: int
) -> tuple[SmallNetwork, dict[str, Any]]:
    """Train network and guard; returns them and what the card says of the run."""
    began = time.monotonic()
    network, losses = train(pictures, parts, epochs, seed)
    inputs, labels = varied_pass(pictures, parts["train"], seed + 1)
    fit_guard(network, infer(network.embed, inputs), labels)
    halve(network)
    run = {"epochs": len(losses), "seconds": round(time.monotonic() - began)}
    return network, {
        "training": run,
        "validation_loss": losses,
        "seed": seed,
        "command": command("specialists.training.recogniser"),
    }


def calibrate(
    network: SmallNetwork, pictures: Pictures, part: NDArray[np.intp], seed: int
) -> dict[str, Any]:
    """Fit temperature, sets and distance limits on plain and varied pictures."""
    inputs, labels = varied_pass(pictures, part, seed)
    embeddings = infer(network.embed, inputs)
    logits = infer(network.head, embeddings).numpy()
    temperature = fit_temperature(logits, labels)
    thresholds = fit_thresholds(softmax(logits, temperature), labels, COVERAGE, CONFIDENCE)
    return {
        "calibration": {"temperature": temperature},
        "conformal": {
            "coverage_target": COVERAGE,
            "confidence": CONFIDENCE,
            "kind": "split-conformal by class, calibrated on plain and varied images",
            "thresholds": thresholds.tolist(),
        },
        "guard": set_limits(network, embeddings, labels, len(part)),
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
    sets = prediction_sets(probabilities, fitted["conformal"]["thresholds"])
    medical, groups = list(range(len(CLASSES) - 1)), [pictures.groups[i] for i in part]
    halves = {"plain": slice(len(part)), "varied": slice(len(part), None)}
    return {
        name: {
            "n": len(part),
            **evaluate_predictions(probabilities[h], labels[h], sets[h], medical, groups),
            "by_source": by_source(pictures, part, probabilities[h], accepted[h]),
        }
        for name, h in halves.items()
    }


def main() -> None:
    """Train, measure, and write weights and card."""
    options = arguments()
    start(seed := options.seed)
    folders = {name: getattr(options, name) for name in FOLDERS}
    pictures = read_pictures(folders, seed, options.every)
    strata = list(zip(pictures.labels.tolist(), pictures.sources, strict=True))
    parts = split_groups(pictures.groups, strata, seed)
    if options.again:
        network, run = reload(options.out)
    else:
        network, run = make(pictures, parts, options.epochs, seed)
    fitted = calibrate(network, pictures, parts["calibration"], seed + 2)
    parameters = sum(p.numel() for p in network.parameters())
    figures = {
        "architecture": ARCHITECTURE | {"parameters": parameters},
        "split": {
            "grouped_by": "patient, person, lesion, case, tile, or twenty consecutive slices",
            "images": {
                name: dict(Counter(CLASSES[pictures.labels[i]] for i in part))
                for name, part in parts.items()
            },
        },
        "metrics": measure(network, pictures, parts["test"], fitted, seed + 3),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    digest = write_weights(network, options.out / "reference.safetensors")
    card = FACTS | figures | fitted | run | {"sha256": digest}
    write_card(card, options.out / "reference.json")


if __name__ == "__main__":
    main()
