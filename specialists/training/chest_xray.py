"""Trains the reference chest film classifier.

    python -m specialists.training.chest_xray --kermany DIR --nih DIR --out DIR

Each data folder has `images/` and `labels.csv`: `image_id,label` for the paediatric set, whose
file names hold the person, and `image_id,patient_id,label` for the adult set.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional

from specialists.calibration import (
    evaluate_predictions,
    fit_temperature,
    fit_thresholds,
    population_sets,
    softmax,
)
from specialists.chest_xray.preprocess import SIZE
from specialists.network import build_network, load_network
from specialists.training import augment
from specialists.training.card import command, halve, write_card, write_weights
from specialists.training.chest_checks import baseline, shortcuts
from specialists.training.chest_facts import CLASSES, FACTS, POPULATIONS
from specialists.training.films import Films, of_population, read_films
from specialists.training.loop import Recipe, fit, infer, start
from specialists.training.split import balanced_draw, split_groups

COVERAGE, CONFIDENCE = 0.9, 0.9
# Above the stated coverage where a margin against another scanner costs few larger sets.
LEVELS = {"paediatric": 0.95, "adult": 0.9}
ARCHITECTURE = {
    "kind": "SmallNetwork",
    "channels": 1,
    "classes": 2,
    "widths": [32, 48, 96, 192],
    "depths": [1, 2, 2],
}


def vary(images: Tensor, rng: Generator) -> Tensor:
    """Augment a batch: position, contrast, sharpness, noise, markers."""
    images = augment.place(images, SIZE, rng, zoom=(0.88, 1.25))
    images = augment.bend(images, rng)
    images = augment.sometimes(augment.even_out(images, rng), images, 0.3, rng)
    images = augment.sometimes(augment.sharpen_or_blur(images, rng), images, 0.5, rng)
    images = augment.mask_rectangles(images, rng, 0.5, border=True)
    images = augment.mask_rectangles(images, rng, 0.25, border=False)
    images = augment.speckle(images, rng, 0.15)
    return augment.standardise(images)


def balanced_loss(
    network: nn.Module, inputs: Tensor, films: Films, part: NDArray[np.intp]
) -> float:
    """Return the mean over populations and classes of the cross-entropy."""
    logits = infer(network, inputs[part])
    losses = functional.cross_entropy(
        logits, torch.from_numpy(films.labels[part]), reduction="none"
    )
    strata = np.array([f"{p}{label}" for p, label in films.strata()])[part]
    means = [losses[torch.from_numpy(strata == s)].mean().item() for s in np.unique(strata)]
    return float(np.mean(means))


def calibrate(
    logits: NDArray[np.float32], films: Films, part: NDArray[np.intp]
) -> dict[str, dict[str, Any]]:
    """Fit temperature and thresholds for each population on the calibration cases."""
    result = {}
    for population in POPULATIONS:
        own = of_population(films, part, population)
        temperature = fit_temperature(logits[own], films.labels[own])
        probabilities = softmax(logits[own], temperature)
        thresholds = fit_thresholds(
            probabilities, films.labels[own], LEVELS[population], CONFIDENCE
        )
        result[population] = {
            "temperature": temperature,
            "thresholds": thresholds.tolist(),
            "level": LEVELS[population],
            "n": len(own),
        }
    return result


def measure(
    logits: NDArray[np.float32],
    films: Films,
    part: NDArray[np.intp],
    calibrations: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Measure each population of `part`, bootstrapping whole people."""
    result = {}
    for population in POPULATIONS:
        own = of_population(films, part, population)
        probabilities = softmax(logits[own], calibrations[population]["temperature"])
        people, truth = [films.people[i] for i in own], films.labels[own]
        for name, known in ((population, population), (f"{population}, taken as unknown", None)):
            sets = population_sets(logits[own], calibrations, known)
            figures = evaluate_predictions(probabilities, truth, sets, [1], people)
            result[name] = {"n": len(own), "people": len(set(people)), **figures}
    return result


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("kermany", "nih", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="DIR")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="measure the weights that DIR holds")
    parser.add_argument("--every", type=int, help="take every n-th film only, for a trial")
    return parser.parse_args(words)


def train(
    films: Films, inputs: Tensor, parts: Mapping[str, NDArray[np.intp]], epochs: int, seed: int
) -> tuple[nn.Module, dict[str, Any]]:
    """Train on varied films; returns the network and what the card says of the run."""
    began, strata, own = time.monotonic(), films.strata(), parts["train"]
    network, losses = fit(
        build_network(ARCHITECTURE),
        Recipe(epochs=epochs, seed=seed),
        lambda rng: own[balanced_draw([strata[i] for i in own], 2400, rng)],
        lambda part, rng: (vary(films.images[part], rng), torch.from_numpy(films.labels[part])),
        lambda average: balanced_loss(average, inputs, films, parts["validation"]),
    )
    run = {"epochs": len(losses), "seconds": round(time.monotonic() - began)}
    return halve(network), {
        "training": run,
        "validation_loss": losses,
        "seed": seed,
        "command": command("specialists.training.chest_xray"),
    }


def reload(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the network that a folder holds, and what its card says of its training."""
    card = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    kept = {name: card[name] for name in ("training", "validation_loss", "seed", "command")}
    return load_network(folder / "reference.safetensors", card), kept


def sizes(films: Films, parts: Mapping[str, NDArray[np.intp]]) -> dict[str, dict[str, int]]:
    """Return images by part, population and class."""
    strata = films.strata()
    return {
        name: {
            f"{population} {label}": sum(strata[i] == (population, index) for i in part)
            for population in POPULATIONS
            for index, label in enumerate(CLASSES)
        }
        for name, part in parts.items()
    }


def describe(
    network: nn.Module, inputs: Tensor, films: Films, parts: Mapping[str, NDArray[np.intp]]
) -> dict[str, Any]:
    """Calibrate and measure: the card's figures."""
    logits = infer(network, inputs).numpy()
    calibrations = calibrate(logits, films, parts["calibration"])
    parameters = sum(p.numel() for p in network.parameters())
    return {
        "architecture": ARCHITECTURE | {"parameters": parameters},
        "split": {
            "grouped_by": "person (paediatric) or patient (adult)",
            "images": sizes(films, parts),
        },
        "calibration": {p: {"temperature": c["temperature"]} for p, c in calibrations.items()},
        "conformal": {
            "coverage_target": COVERAGE,
            "confidence": CONFIDENCE,
            "kind": "split-conformal by population and class, each fitted at its level; where the "
            "population is unknown the union is taken",
            "populations": calibrations,
        },
        "metrics": measure(logits, films, parts["test"], calibrations),
        "baseline": {
            "what": "AUC of a logistic regression on 16 x 16 pixels, same split",
            **{population: baseline(films, parts, population) for population in POPULATIONS},
        },
        "shortcut_checks": shortcuts(network, inputs, films, parts["test"]),
    }


def main() -> None:
    """Train, measure, and write weights and card."""
    options = arguments()
    start(options.seed)
    films = read_films({"paediatric": options.kermany, "adult": options.nih}, options.every)
    parts = split_groups(films.people, films.strata(), options.seed)
    inputs = films.inputs
    if options.again:
        network, run = reload(options.out)
    else:
        network, run = train(films, inputs, parts, options.epochs, options.seed)
    figures = describe(network, inputs, films, parts)
    options.out.mkdir(parents=True, exist_ok=True)
    digest = write_weights(network, options.out / "reference.safetensors")
    write_card(FACTS | figures | run | {"sha256": digest}, options.out / "reference.json")


if __name__ == "__main__":
    main()
