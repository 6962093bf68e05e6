"""Trains the recogniser: what kind of picture is this?

    python -m specialists.training.recogniser --mednist DIR --kermany DIR --nih DIR
        --iq-othnccd DIR --idrid DIR --ham10000 DIR --nct-crc DIR --osteosarcoma DIR
        --lc25000 DIR --vqa-rad DIR --everyday DIR --out DIR

Each data folder has `images/` and `labels.csv` (`vqa-rad`: `trainset.json`; `everyday`: the columns
image_id, kind and group); see `sources.py`.
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

from specialists.network import SmallNetwork, build_network, load_network
from specialists.training.card import JOIN, command, halve, write_card, write_weights
from specialists.training.guard import fit_guard
from specialists.training.loop import Recipe, fit, infer, start
from specialists.training.recogniser_facts import FACTS
from specialists.training.recogniser_figures import calibrate, measure, middle, varied_pass
from specialists.training.recogniser_views import OTHER, pick, recompress, vary
from specialists.training.sources import CLASSES, Pictures, read_pictures
from specialists.training.split import split_groups

EACH, VALIDATED, GUARDED = 320, 700, 3000
"""Pictures of a class in an epoch; validation pictures; training pictures for the guard."""
HEAD = 0.3
"""Inverse penalty of the last layer, where it is fitted alone."""
PLAIN = 0.3
"""Share of the pictures that are learned from as they are."""
FOLDERS = (
    *("mednist", "kermany", "nih", "iq_othnccd", "idrid"),
    *("ham10000", "nct_crc", "osteosarcoma", "lc25000", "vqa_rad", "everyday"),
)
ARCHITECTURE = {
    "kind": "SmallNetwork",
    "channels": 3,
    "classes": len(CLASSES),
    "widths": [32, 48, 96, 160],
    "depths": [1, 2, 2],
    "guard": True,
}


def draw(
    pictures: Pictures, part: NDArray[np.intp], each: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw `each` cases of every class, twice as many that are not medical.

    A source counts by the root of its size: small ones are not drowned, nor worn out.
    """
    sources, chosen = np.array([pictures.sources[i] for i in part]), []
    for label in range(len(CLASSES)):
        own = np.flatnonzero(pictures.labels[part] == label)
        _, kind, counts = np.unique(sources[own], return_inverse=True, return_counts=True)
        chance = counts[kind] ** -0.5
        size = each * 2 if label == OTHER else each
        chosen.append(part[rng.choice(own, size, p=chance / chance.sum())])
    return rng.permutation(np.concatenate(chosen))


def class_loss(logits: Tensor, labels: NDArray[np.intp]) -> float:
    """Return the mean over classes of the cross-entropy."""
    losses = functional.cross_entropy(logits, torch.from_numpy(labels), reduction="none").numpy()
    return float(np.mean([losses[labels == c].mean() for c in np.unique(labels)]))


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in (*FOLDERS, "out"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, required=True, metavar="DIR")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="measure the weights that DIR holds")
    parser.add_argument(
        "--start",
        type=Path,
        metavar="DIR",
        help="go on from the weights of DIR; with --epochs 0 fit their last layer anew",
    )
    parser.add_argument("--every", type=int, default=1, help="take every n-th case, for a trial")
    return parser.parse_args(words)


def train(
    network: SmallNetwork,
    recipe: Recipe,
    pictures: Pictures,
    parts: Mapping[str, NDArray[np.intp]],
) -> tuple[SmallNetwork, list[float]]:
    """Train on varied images, choosing the epoch on plain and varied validation images."""
    seed = recipe.seed
    rng = np.random.default_rng(seed)
    recompress(pictures.images, parts["train"], rng)
    few = rng.permutation(parts["validation"])[:VALIDATED]
    held, held_labels = varied_pass(pictures, few, seed)

    def batch(part: NDArray[np.intp], rng: Generator) -> tuple[Tensor, Tensor]:
        labels = torch.from_numpy(pictures.labels[part])
        varied = vary(pictures.images[part], labels, rng)
        plain = pick(PLAIN, len(part), rng)
        varied[plain] = middle(pictures.images[part[plain.numpy()]])
        return varied, labels

    def validate(network: nn.Module) -> float:
        with torch.autocast("cpu", torch.bfloat16):
            return class_loss(infer(network, held), held_labels)

    best, losses = fit(
        network, recipe, lambda rng: draw(pictures, parts["train"], EACH, rng), batch, validate
    )
    return cast(SmallNetwork, best), losses


def beginning(start_from: Path | None) -> tuple[SmallNetwork, dict[str, Any]]:
    """Return a new network, or an earlier one with what the card says of it.

    An earlier one must have been trained on the same split: same seed, and no set that sorts
    before those it knew.
    """
    if start_from is None:
        return build_network(ARCHITECTURE), {}
    card = json.loads((start_from / "reference.json").read_text(encoding="utf-8"))
    earlier = {name: card[name] for name in ("version", "sha256", "training", "seed")}
    return load_network(start_from / "reference.safetensors", card), {"continued_from": earlier}


def weigh(pictures: Pictures, part: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return weights for a plain and a varied pass: sources by the root of their size."""
    names = np.array([pictures.sources[i] for i in part])
    _, kind, counts = np.unique(names, return_inverse=True, return_counts=True)
    weights = counts[kind] ** -0.5
    for label in range(len(CLASSES)):
        own = pictures.labels[part] == label
        weights[own] *= (2 if label == OTHER else 1) / weights[own].sum()
    return np.tile(weights * len(part) / weights.sum(), 2)


@torch.no_grad()
def fit_head(
    network: SmallNetwork,
    embeddings: Tensor,
    labels: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> None:
    """Fit the last layer anew on features of an unchanged network."""
    from sklearn.linear_model import LogisticRegression

    spread = embeddings.std(0).clamp_min(1e-3)
    model = LogisticRegression(C=HEAD, max_iter=400)
    model.fit((embeddings / spread).numpy(), labels, sample_weight=weights)
    network.head.weight.copy_(torch.from_numpy(model.coef_).float() / spread)
    network.head.bias.copy_(torch.from_numpy(model.intercept_).float())


def reload(folder: Path) -> tuple[SmallNetwork, dict[str, Any]]:
    """Return the network that a folder holds, and what its card says of its training."""
    card = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    kept = {name: card[name] for name in ("training", "validation_loss", "seed")}
    first, again = card["command"].split(JOIN)[0], command("specialists.training.recogniser")
    network = load_network(folder / "reference.safetensors", card)
    return network, kept | {"command": f"{first}{JOIN}{again}"}


def make(
    pictures: Pictures, parts: Mapping[str, NDArray[np.intp]], options: argparse.Namespace
) -> tuple[SmallNetwork, dict[str, Any]]:
    """Train network and guard; returns them and what the card says of the run."""
    began, seed = time.monotonic(), options.seed
    network, earlier = beginning(options.start)
    rate = 1e-3 if earlier else 2e-3
    losses: list[float] = []
    if options.epochs:
        recipe = Recipe(epochs=options.epochs, seed=seed, batch_size=48, learning_rate=rate)
        network, losses = train(network, recipe, pictures, parts)
    few = np.random.default_rng(seed).permutation(parts["train"])[: GUARDED if losses else None]
    inputs, labels = varied_pass(pictures, few, seed + 1)
    with torch.autocast("cpu", torch.bfloat16):
        embeddings = infer(network.embed, inputs.contiguous(memory_format=torch.channels_last))
    if not losses:
        fit_head(network, embeddings, labels, weigh(pictures, few))
    fit_guard(network, embeddings, labels)
    halve(network)
    run = {"epochs": len(losses), "seconds": round(time.monotonic() - began), **earlier}
    return network, {
        "training": run,
        "validation_loss": losses,
        "seed": seed,
        "command": command("specialists.training.recogniser"),
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
        network, run = make(pictures, parts, options)
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
