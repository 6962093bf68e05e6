"""Trains the reference chest film classifier.

    python -m specialists.training.chest_xray --kermany DIR --nih DIR --out DIR

Each data folder has `images/` and `labels.csv`: `image_id,label` for the paediatric set, whose
file names hold the person, and `image_id,patient_id,label` for the adult set. A network learns
from both sets; linear models on texture learn from each apart. Of the adults there are few, so
their linear model is fitted once for each fold left out, and all of these together are shipped.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional

from specialists.chest_xray.model import ChestModel, close_ups
from specialists.chest_xray.preprocess import SIZE
from specialists.chest_xray.texture import Texture
from specialists.network import load_weights
from specialists.training import augment
from specialists.training.card import JOIN, command, halve, write_card, write_weights
from specialists.training.chest_facts import FACTS
from specialists.training.chest_figures import describe
from specialists.training.chest_texture import both_sides, find_patterns, weigh
from specialists.training.films import Films, Parts, divide, read_films
from specialists.training.loop import Recipe, fit, infer, start
from specialists.training.split import balanced_draw

ARCHITECTURE = {
    "kind": "ChestModel",
    "channels": 1,
    "classes": 2,
    "widths": [32, 48, 96, 192],
    "depths": [1, 2, 2],
    "folds": 5,
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


def balanced_loss(network: nn.Module, films: Films, part: NDArray[np.intp]) -> float:
    """Return the mean over populations and classes of the cross-entropy."""
    logits = infer(network, films.inputs[part])
    losses = functional.cross_entropy(
        logits, torch.from_numpy(films.labels[part]), reduction="none"
    )
    strata = np.array([f"{p}{label}" for p, label in films.strata()])[part]
    means = [losses[torch.from_numpy(strata == s)].mean().item() for s in np.unique(strata)]
    return float(np.mean(means))


def teach(model: ChestModel, films: Films, parts: Parts, epochs: int, seed: int) -> list[float]:
    """Train the network on varied films; returns the validation loss of each epoch."""
    strata, own = films.strata(), parts.train
    network, losses = fit(
        model.network,
        Recipe(epochs=epochs, seed=seed),
        lambda rng: own[balanced_draw([strata[i] for i in own], 2400, rng)],
        lambda part, rng: (vary(films.images[part], rng), torch.from_numpy(films.labels[part])),
        lambda average: balanced_loss(average, films, parts.validation),
    )
    model.network.load_state_dict(network.state_dict())
    return losses


def fit_texture(model: ChestModel, films: Films, parts: Parts, seed: int) -> None:
    """Find patterns, and fit the linear models of children, of adults, and of who it is."""
    texture, grown = model.texture, np.array([p == "adult" for p in films.populations])
    children, adults = parts.taught[~grown[parts.taught]], parts.taught[grown[parts.taught]]
    some, ill = np.concatenate([adults, children[::4]]), films.labels == 1
    find_patterns(texture, films.inputs[some], seed)
    halve(texture)
    both = both_sides(texture, films.inputs)
    texture.mean.copy_(torch.from_numpy(np.mean([b[some].mean(0) for b in both], axis=0)))
    halve(texture)
    rows = [(parts.adults_without(index), ill) for index in range(len(parts.folds))]
    rows += [(children, ill), (some, grown)]
    for row, (part, truth) in enumerate(rows):
        weigh(texture, row, [b[part] for b in both], truth[part])


def fit_close(close: Texture, films: Films, parts: Parts, seed: int) -> None:
    """Find the patterns of lungs, and fit the adults' linear models on close-ups."""
    adults = np.sort(np.concatenate(parts.folds))
    cut = close_ups(films.inputs[adults])
    find_patterns(close, cut, seed)
    halve(close)
    both = both_sides(close, cut)
    close.mean.copy_(torch.from_numpy(np.mean([b.mean(0) for b in both], axis=0)))
    halve(close)
    ill = films.labels[adults] == 1
    for row in range(len(parts.folds)):
        own = np.searchsorted(adults, parts.adults_without(row))
        weigh(close, row, [b[own] for b in both], ill[own])


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("kermany", "nih", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="DIR")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep-network", action="store_true", help="take the network that DIR holds"
    )
    parser.add_argument(
        "--keep-texture",
        action="store_true",
        help="take the network that DIR holds, and its linear models on whole films",
    )
    parser.add_argument("--every", type=int, help="take every n-th film only, for a trial")
    return parser.parse_args(words)


def reload(model: ChestModel, folder: Path, *, texture: bool) -> dict[str, Any]:
    """Load the network that a folder holds, and the linear models on whole films if told to.

    Returns:
        What the folder's card says of the network's training, and the commands so far.
    """
    card = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    weights = folder / "reference.safetensors"
    load_weights(model.network, weights, card["sha256"], prefix="network.")
    if texture:
        load_weights(model.texture, weights, card["sha256"], prefix="texture.")
    kept = {name: card[name] for name in ("training", "validation_loss", "seed")}
    earlier = card["command"].split(JOIN)
    steps = [*(earlier if texture else earlier[:1]), command("specialists.training.chest_xray")]
    return kept | {"command": JOIN.join(steps)}


def train(model: ChestModel, films: Films, parts: Parts, options: argparse.Namespace) -> Any:
    """Train the network; returns what the card says of the run."""
    began = time.monotonic()
    losses = teach(model, films, parts, options.epochs, options.seed)
    return {
        "training": {"epochs": len(losses), "seconds": round(time.monotonic() - began)},
        "validation_loss": losses,
        "seed": options.seed,
        "command": command("specialists.training.chest_xray"),
    }


def main() -> None:
    """Train, measure, and write weights and card."""
    options = arguments()
    start(options.seed)
    films = read_films({"paediatric": options.kermany, "adult": options.nih}, options.every)
    model = ChestModel(ARCHITECTURE)
    parts = divide(films, model.folds, options.seed)
    if options.keep_network or options.keep_texture:
        told = reload(model, options.out, texture=options.keep_texture)
    else:
        told = train(model, films, parts, options)
    halve(model.eval())
    if not options.keep_texture:
        fit_texture(model, films, parts, options.seed)
    fit_close(model.close, films, parts, options.seed)
    halve(model)
    parameters = sum(p.numel() for p in model.parameters())
    about = FACTS | {"architecture": ARCHITECTURE | {"parameters": parameters}}
    figures = describe(model, films, parts)
    options.out.mkdir(parents=True, exist_ok=True)
    digest = write_weights(model, options.out / "reference.safetensors")
    write_card(about | figures | told | {"sha256": digest}, options.out / "reference.json")


if __name__ == "__main__":
    main()
