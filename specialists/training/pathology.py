"""Trains the reference pathology heads and their network.

    python -m specialists.training.pathology --lung DIR --colon DIR --bone DIR --out DIR

Each data folder has `images/` and `labels.csv`: `image_id,label`, and for lung `group`, which
names the original of augmented copies. Bone tiles have their case and block in the file name.
The lung head mixes the network with a linear discriminant on hand-made features; colon and bone,
with a few dozen images each, have the discriminant alone, measured by leaving out.
"""

import argparse
import csv
import hashlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from safetensors.torch import save
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Generator, Tensor, nn
from torch.nn import functional

from specialists.calibration import (
    conformal_rank,
    fit_temperature,
    fit_thresholds,
    prediction_sets,
    softmax,
)
from specialists.measures import Booleans, Floats, evaluate_predictions
from specialists.network import build_network
from specialists.pathology.features import SIZE, STAINS, UNMIXING, describe, preprocess
from specialists.pathology.predict import CLIP, COLOURS, LinearHead, network_input
from specialists.pathology.spec import HEADS
from specialists.training import augment
from specialists.training.card import command, halve, write_card
from specialists.training.loop import Recipe, fit, infer, start
from specialists.training.pathology_facts import FACTS
from specialists.training.split import balanced_draw, split_groups

COVERAGE, LEVEL = 0.9, 0.92
NETWORK_SIZE: int = FACTS["input"]["network_size"]
PARTS = {"train": 0.68, "validation": 0.08, "calibration": 0.14, "test": 0.10}
ARCHITECTURE = {
    "kind": "SmallNetwork",
    "channels": 3,
    "classes": 3,
    "widths": [32, 64, 128, 192],
    "depths": [1, 1, 1],
}


@dataclass(frozen=True)
class Tiles:
    """One organ's tiles."""

    pixels: NDArray[np.uint8]
    """Shape (n, SIZE, SIZE, 3)."""
    features: Floats
    labels: NDArray[np.intp]
    names: list[str]
    groups: list[str]


def prepare(path: Path) -> tuple[NDArray[np.uint8], Floats]:
    """Read one tile and describe it."""
    with Image.open(path) as opened:
        tile = preprocess(np.asarray(opened.convert("RGB")), SIZE)
    return tile, describe(tile)


def read_tiles(folder: Path, organ: str) -> Tiles:
    """Read a data folder."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    classes = HEADS[organ].classes  # type: ignore[index]
    numbers = {alias: i for i, known in enumerate(classes.values()) for alias in known}
    paths = [folder / "images" / row["image_id"] for row in rows]
    paths = [path if path.is_file() else path.with_name(path.name + ".jpg") for path in paths]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        tiles, features = zip(*pool.map(prepare, paths, chunksize=8), strict=True)
    return Tiles(
        np.stack(tiles),
        np.stack(features),
        np.array([numbers[row["label"]] for row in rows], dtype=np.intp),
        [path.stem for path in paths],
        [row.get("group") or path.stem for row, path in zip(rows, paths, strict=True)],
    )


def restain(images: Tensor, rng: Generator) -> Tensor:
    """Change the strength of each stain (Tellez et al. 2018); images 0 to 255."""
    unmixing = torch.tensor(UNMIXING, dtype=torch.float32)
    mixing = torch.tensor(STAINS, dtype=torch.float32)
    density = -torch.log((images.clamp(0, 255) + 1) / 256)
    stains = torch.einsum("nchw,cd->ndhw", density, unmixing)
    shape = (len(images), 3, 1, 1)
    strength = torch.rand(shape, generator=rng) * 0.5 + 0.75
    offset = (torch.rand(shape, generator=rng) - 0.5) * 0.08
    density = torch.einsum("ndhw,dc->nchw", stains * strength + offset, mixing)
    return (torch.exp(-density) * 256 - 1).clamp(0, 255)


def vary(images: Tensor, rng: Generator) -> Tensor:
    """Augment a batch of 0..255: position, mirroring, stain, sharpness; map to -2..2."""
    images = augment.place(
        images, NETWORK_SIZE, rng, degrees=180, zoom=(0.85, 1.3), padding="reflection"
    )
    images = augment.sometimes(images.flip(3), images, 0.5, rng)
    images = restain(images, rng)
    sharper = augment.sharpen_or_blur(images, rng, 3).clamp(0, 255)
    return (augment.sometimes(sharper, images, 0.3, rng) / 255 - 0.5) * 4


def train_network(
    tiles: Tiles, inputs: Tensor, parts: Mapping[str, NDArray[np.intp]], epochs: int, seed: int
) -> tuple[nn.Module, list[float]]:
    """Train the lung network on varied tiles."""
    labels, own, held = torch.from_numpy(tiles.labels), parts["train"], parts["validation"]
    strata = [int(tiles.labels[i]) for i in own]

    def loss(network: nn.Module) -> float:
        return functional.cross_entropy(infer(network, inputs[held]), labels[held]).item()

    network, losses = fit(
        build_network(ARCHITECTURE),
        Recipe(epochs=epochs, batch_size=32, decay=0.98, patience=20, seed=seed),
        lambda rng: own[balanced_draw(strata, 720, rng)],
        lambda part, rng: (vary((inputs[part] / 4 + 0.5) * 255, rng), labels[part]),
        loss,
    )
    return halve(network), losses


def fit_head(features: ArrayLike, labels: NDArray[np.intp]) -> LinearHead:
    """Fit a linear discriminant with a shrunk covariance (Ledoit and Wolf 2004)."""
    rows = np.asarray(features, np.float64)
    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    standard = np.clip((rows - mean) / scale, -CLIP, CLIP)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    model.fit(standard, labels)
    return LinearHead(mean, scale, model.coef_, model.intercept_)


def left_out(tiles: Tiles, groups: Sequence[str], classes: int) -> Floats:
    """Return (n, classes) logits of each tile from a head that saw no tile of its group."""
    logits = np.full((len(groups), classes), -30.0)
    members = np.array(groups)
    for group in np.unique(members):
        held = members == group
        head = fit_head(tiles.features[~held], tiles.labels[~held])
        logits[np.ix_(held, np.unique(tiles.labels[~held]))] = head.logits(tiles.features[held])
    return logits


def marginal_threshold(true: Floats) -> float:
    """One threshold for all classes, from the probabilities of the true ones."""
    rank = conformal_rank(len(true), LEVEL)
    return 0.0 if rank > len(true) else float(np.sort(true)[::-1][rank - 1])


def small_sets(probabilities: Floats, labels: NDArray[np.intp]) -> Booleans:
    """Prediction sets of each tile with a threshold from all other tiles."""
    true = probabilities[np.arange(len(labels)), labels]
    limits = [marginal_threshold(np.delete(true, i)) for i in range(len(true))]
    return np.asarray(probabilities >= np.array(limits)[:, None])


def figures(
    probabilities: ArrayLike,
    tiles: Tiles,
    chosen: ArrayLike,
    sets: ArrayLike,
    organ: str,
    groups: Sequence[str],
) -> dict[str, Any]:
    """Measure some tiles, bootstrapping whole groups."""
    head, indices = HEADS[organ], np.asarray(chosen)  # type: ignore[index]
    positive = [list(head.classes).index(name) for name in head.positive]
    own = [groups[i] for i in indices]
    measured = evaluate_predictions(probabilities, tiles.labels[indices], sets, positive, own)
    return {"n": len(indices), "groups": len(set(own)), **measured}


def guard(tiles: Tiles, chosen: ArrayLike) -> tuple[Floats, Floats, float]:
    """Mean, whitening and limit of the training tiles' colours."""
    rows = tiles.features[np.asarray(chosen)][:, COLOURS]
    covariance = np.cov(rows.T)
    covariance = 0.9 * covariance + 0.1 * np.diag(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance)
    whitening = vectors / np.sqrt(values)
    distances = np.linalg.norm((rows - rows.mean(axis=0)) @ whitening, axis=1)
    return rows.mean(axis=0), whitening, float(distances.max() * 1.25)


def lung_head(
    tiles: Tiles, network: nn.Module, inputs: Tensor, parts: Mapping[str, NDArray[np.intp]]
) -> tuple[LinearHead, dict[str, Any], dict[str, Any]]:
    """Fit, mix, calibrate and measure; returns the head, its calibration and the figures."""
    labels, held, kept, test = (
        tiles.labels, parts["validation"], parts["calibration"], parts["test"],
    )  # fmt: skip
    head = fit_head(tiles.features[parts["train"]], labels[parts["train"]])
    linear, seen = head.logits(tiles.features), infer(network, inputs).double().numpy()
    mixing = {
        "linear": 0.5 / fit_temperature(linear[held], labels[held]),
        "network": 0.5 / fit_temperature(seen[held], labels[held]),
    }
    logits = mixing["linear"] * linear + mixing["network"] * seen
    temperature = fit_temperature(logits[kept], labels[kept])
    probabilities = softmax(logits, temperature)
    thresholds = fit_thresholds(probabilities[kept], labels[kept], LEVEL)
    sets = prediction_sets(probabilities, thresholds)
    colours = fit_head(tiles.features[parts["train"]][:, COLOURS], labels[parts["train"]])
    guess = colours.logits(tiles.features[test][:, COLOURS]).argmax(axis=1)

    def accuracy(values: Floats) -> float:
        return float((values[test].argmax(axis=1) == labels[test]).mean())

    calibration = {
        "mixing": mixing, "temperature": temperature, "thresholds": thresholds.tolist(),
        "level": LEVEL,
    }  # fmt: skip
    measured = {
        "test": figures(probabilities[test], tiles, test, sets[test], "lung", tiles.groups),
        "accuracy of the linear part alone": accuracy(linear),
        "accuracy of the network alone": accuracy(seen),
        "accuracy from the colours alone": float((guess == labels[test]).mean()),
        "five folds by original, linear part alone": folds(tiles),
    }
    return head, calibration, measured


def folds(tiles: Tiles) -> float:
    """Accuracy of the linear part over five folds of whole groups."""
    names = {f"fold {i}": 0.2 for i in range(5)}
    parts = split_groups(tiles.groups, tiles.labels.tolist(), 0, names)
    fold = np.empty(len(tiles.labels), dtype=object)
    for name, part in parts.items():
        fold[part] = name
    logits = left_out(tiles, fold.tolist(), 3)
    return float((logits.argmax(axis=1) == tiles.labels).mean())


def small_head(
    tiles: Tiles, organ: str, ways: Mapping[str, Sequence[str]]
) -> tuple[LinearHead, dict[str, Any], dict[str, Any]]:
    """Fit on all tiles; calibrate and measure by leaving out, the first way being the stricter."""
    classes = len(HEADS[organ].classes)  # type: ignore[index]
    measured: dict[str, Any] = {}
    calibration: dict[str, Any] = {}
    everything = np.arange(len(tiles.labels))
    for way, groups in ways.items():
        logits = left_out(tiles, groups, classes)
        temperature = fit_temperature(logits, tiles.labels)
        probabilities = softmax(logits, temperature)
        sets = small_sets(probabilities, tiles.labels)
        measured[way] = figures(probabilities, tiles, everything, sets, organ, groups)
        threshold = marginal_threshold(probabilities[everything, tiles.labels])
        calibration = calibration or {
            "mixing": {"linear": 1.0, "network": 0.0},
            "temperature": temperature,
            "thresholds": [threshold] * classes,
            "level": LEVEL,
            "calibrated_on": way,
        }
    return fit_head(tiles.features, tiles.labels), calibration, measured


def bone_groups(tiles: Tiles) -> dict[str, list[str]]:
    """Case and block of each bone tile, from names such as `Viable___Case-48-P5-C20-51615-14123`.

    Source: the file names of the TCIA collection.
    """
    own = [re.sub(r"_\d+$", "", name.split("___")[-1]) for name in tiles.names]
    cases = [m[0] if (m := re.match(r"Case-\d+|P\d+", name)) else name for name in own]
    blocks = [re.sub(r"-\d+-\d+$", "", name) for name in own]
    return {"left-out cases": cases, "left-out blocks": blocks}


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("lung", "colon", "bone", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="DIR")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(words)


def heads_of(
    tiles: Mapping[str, Tiles],
    network: nn.Module,
    inputs: Tensor,
    parts: Mapping[str, NDArray[np.intp]],
) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]]:
    """Fit all heads; returns tensors to ship, the card's `heads` and the figures."""
    fitted = {
        "lung": lung_head(tiles["lung"], network, inputs, parts),
        "colon": small_head(tiles["colon"], "colon", {"left-out images": tiles["colon"].names}),
        "bone": small_head(tiles["bone"], "bone", bone_groups(tiles["bone"])),
    }
    tensors: dict[str, Tensor] = {}
    described, measured = {}, {}
    for organ, (head, calibration, found) in fitted.items():
        own = parts["train"] if organ == "lung" else np.arange(len(tiles[organ].labels))
        mean, whitening, limit = guard(tiles[organ], own)
        for name, array in {
            **vars(head), "colour_mean": mean, "colour_whitening": whitening,
        }.items():  # fmt: skip
            tensors[f"{organ}.{name}"] = torch.from_numpy(np.ascontiguousarray(array)).float()
        classes = list(HEADS[organ].classes)  # type: ignore[index]
        described[organ] = {"classes": classes, **calibration, "colour_limit": limit}
        measured[organ] = found
    return tensors, described, measured


def main() -> None:
    """Train, measure, and write weights and card."""
    options, began = arguments(), time.monotonic()
    tiles: dict[str, Tiles] = {organ: read_tiles(getattr(options, organ), organ) for organ in HEADS}
    start(options.seed)
    lung = tiles["lung"]
    parts = split_groups(lung.groups, lung.labels.tolist(), options.seed, PARTS)
    inputs = torch.from_numpy(network_input(list(lung.pixels), NETWORK_SIZE))
    network, losses = train_network(lung, inputs, parts, options.epochs, options.seed)
    tensors, described, measured = heads_of(tiles, network, inputs, parts)
    tensors |= {
        f"network.{name}": (t.half() if t.is_floating_point() else t).contiguous().clone()
        for name, t in network.state_dict().items()
    }
    content = save(tensors)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "reference.safetensors").write_bytes(content)
    parameters = sum(p.numel() for p in network.parameters())
    card = FACTS | {
        "classes": [name for head in described.values() for name in head["classes"]],
        "architecture": ARCHITECTURE | {"parameters": parameters},
        "heads": described,
        "split": {
            "lung": {"grouped_by": "original tile", **{n: len(p) for n, p in parts.items()}},
            "colon": "left-out images (no patient is named)",
            "bone": "left-out cases, and left-out blocks",
        },
        "calibration": {organ: {"temperature": h["temperature"]} for organ, h in described.items()},
        "conformal": {
            "coverage_target": COVERAGE,
            "kind": "split-conformal: by class for lung; one threshold for all classes for colon "
            "and bone, from left-out predictions, measured with each tile's own left out",
        },
        "metrics": measured,
        "training": {"epochs": len(losses), "seconds": round(time.monotonic() - began)},
        "validation_loss": losses,
        "seed": options.seed,
        "command": command("specialists.training.pathology"),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_card(card, options.out / "reference.json")


if __name__ == "__main__":
    main()
