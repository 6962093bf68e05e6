"""Trains the recogniser: what kind of picture is this?

    python -m specialists.training.recogniser --mednist DIR --kermany DIR --nih DIR
        --iq-othnccd DIR --idrid DIR --ham10000 DIR --nct-crc DIR --osteosarcoma DIR
        --lc25000 DIR --vqa-rad DIR --out DIR

Each data folder has `images/` and `labels.csv` (`vqa-rad`: `trainset.json`); see `sources.py`.
"""

import argparse
import io
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Generator, Tensor, nn
from torch.nn import functional

from specialists.calibration import (
    evaluate_predictions,
    fit_temperature,
    fit_thresholds,
    prediction_sets,
    softmax,
)
from specialists.network import SmallNetwork, build_network
from specialists.recogniser.preprocess import SIZE, shrink
from specialists.training.card import command, halve, write_card, write_weights
from specialists.training.loop import Recipe, fit, infer, start
from specialists.training.recogniser_facts import FACTS
from specialists.training.recogniser_views import floats, vary
from specialists.training.sources import CLASSES, every_case
from specialists.training.split import balanced_draw, split_groups

STORED = 128
COVERAGE, CONFIDENCE = 0.95, 0.9
FLOOR, QUANTILE = 0.8, 0.99
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


@dataclass(frozen=True)
class Pictures:
    """All cases: images (n, 3, STORED, STORED) uint8, labels (n,), source and group names."""

    images: Tensor
    labels: NDArray[np.intp]
    sources: list[str]
    groups: list[str]


def read_pictures(folders: Mapping[str, Path], seed: int, every: int = 1) -> Pictures:
    """Read every source, or every n-th case for a trial."""
    images, labels, sources, groups = [], [], [], []
    for index, (picture, label, source, group) in enumerate(every_case(folders, seed)):
        if index % every:
            continue
        images.append(shrink(picture, STORED))
        labels.append(CLASSES.index(label))
        sources.append(source)
        groups.append(group)
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    return Pictures(stacked, np.array(labels), sources, groups)


def recompress(images: Tensor, part: NDArray[np.intp], rng: np.random.Generator) -> None:
    """Pass half of the training images through a smaller JPEG, in place."""
    for index in part[rng.random(len(part)) < 0.5].tolist():
        image = Image.fromarray(images[index].permute(1, 2, 0).numpy())
        side, stored = int(rng.integers(48, STORED + 1)), io.BytesIO()
        image.resize((side, side)).save(stored, "JPEG", quality=int(rng.integers(25, 95)))
        again = Image.open(stored).convert("RGB").resize((STORED, STORED))
        images[index] = torch.from_numpy(np.array(again)).permute(2, 0, 1)


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
    network: SmallNetwork, embeddings: Tensor, labels: NDArray[np.intp]
) -> dict[str, Any]:
    """Choose, for each class, the distance beyond which a picture is unknown."""
    distances = infer(network.distance, embeddings).numpy()
    limits = [float(np.quantile(distances[labels == c, c], QUANTILE)) for c in range(len(CLASSES))]
    return {"probability_floor": FLOOR, "distance_quantile": QUANTILE, "distance_limits": limits}


def accept(
    probabilities: NDArray[np.float64], distances: NDArray[np.float32], guard: Mapping[str, Any]
) -> NDArray[np.bool_]:
    """Return (n,): whether a picture is near enough to its likeliest class and likely enough."""
    best, limits = probabilities.argmax(axis=1), np.array(guard["distance_limits"])
    near = distances[np.arange(len(best)), best] <= limits[best]
    return np.asarray(near & (probabilities.max(axis=1) >= guard["probability_floor"]))


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


def main() -> None:
    """Train, measure, and write weights and card."""
    options, began = arguments(), time.monotonic()
    start(options.seed)
    folders = {name: getattr(options, name) for name in FOLDERS}
    pictures = read_pictures(folders, options.seed, options.every)
    strata = list(zip(pictures.labels.tolist(), pictures.sources, strict=True))
    parts = split_groups(pictures.groups, strata, options.seed)
    network, losses = train(pictures, parts, options.epochs, options.seed)
    inputs, labels = varied_pass(pictures, parts["train"], options.seed + 1)
    fit_guard(network, infer(network.embed, inputs), labels)
    halve(network)
    inputs, labels = varied_pass(pictures, parts["calibration"], options.seed + 2)
    embeddings = infer(network.embed, inputs)
    logits = infer(network.head, embeddings).numpy()
    temperature = fit_temperature(logits, labels)
    guard = set_limits(network, embeddings, labels)
    thresholds = fit_thresholds(softmax(logits, temperature), labels, COVERAGE, CONFIDENCE)
    inputs, labels = varied_pass(pictures, parts["test"], options.seed + 3)
    embeddings = infer(network.embed, inputs)
    probabilities = softmax(infer(network.head, embeddings).numpy(), temperature)
    accepted = accept(probabilities, infer(network.distance, embeddings).numpy(), guard)
    count, test = len(parts["test"]), parts["test"]
    tables, groups = {}, [pictures.groups[i] for i in test]
    for name, chosen in (("plain", slice(count)), ("varied", slice(count, None))):
        rows, sets = probabilities[chosen], prediction_sets(probabilities[chosen], thresholds)
        positive = list(range(len(CLASSES) - 1))
        figures = evaluate_predictions(rows, labels[chosen], sets, positive, groups)
        sources = by_source(pictures, test, rows, accepted[chosen])
        tables[name] = {"n": count, **figures, "by_source": sources}
    options.out.mkdir(parents=True, exist_ok=True)
    digest = write_weights(network, options.out / "reference.safetensors")
    card = FACTS | {
        "architecture": ARCHITECTURE | {"parameters": sum(p.numel() for p in network.parameters())},
        "split": {
            "grouped_by": "patient, person, lesion, case, tile, or twenty consecutive slices",
            "images": {
                name: dict(Counter(CLASSES[pictures.labels[i]] for i in part))
                for name, part in parts.items()
            },
        },
        "calibration": {"temperature": temperature},
        "conformal": {
            "coverage_target": COVERAGE,
            "confidence": CONFIDENCE,
            "kind": "split-conformal by class, calibrated on plain and varied images",
            "thresholds": thresholds.tolist(),
        },
        "guard": guard,
        "metrics": tables,
        "training": {"epochs": len(losses), "seconds": round(time.monotonic() - began)},
        "validation_loss": losses,
        "sha256": digest,
        "seed": options.seed,
        "command": command("specialists.training.recogniser"),
    }
    write_card(card, options.out / "reference.json")


if __name__ == "__main__":
    main()
