"""Trains the reference skin lesion classifier.

    python -m specialists.training.skin --data DIR --photographs DIR --out DIR

The data folder has `images/` and `labels.csv`: `image_id,lesion_id,dx` and, where known,
`age,sex,localization`. The other folder's `images/` are photographs by telephone: what dermoscopy
is told from.
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
from torch import Tensor
from torch.nn import functional

from specialists.measures import Floats
from specialists.network import SmallNetwork, build_network, load_network
from specialists.skin.capture import describe, standardise
from specialists.skin.predict import DERMOSCOPY, KNOWN, UNKNOWN, turn
from specialists.training.card import command, halve, write_card, write_weights
from specialists.training.guard import fit_guard
from specialists.training.lesions import Lesions, read_lesions, read_picture
from specialists.training.loop import Recipe, fit, start
from specialists.training.skin_calibration import (
    COVERAGE,
    FARTHEST,
    calibrate,
    count_tables,
    fit_head,
    fit_image_type,
    items_of,
    left_out,
)
from specialists.training.skin_facts import CLASSES, FACTS, VIEWS
from specialists.training.skin_figures import figures
from specialists.training.skin_views import Adjusted, draw, inner, shares, vary
from specialists.training.split import split_groups

PARTS = {"train": 0.74, "validation": 0.04, "calibration": 0.12, "test": 0.1}
ARCHITECTURE = {
    "kind": "SmallNetwork",
    "channels": 3,
    "classes": len(CLASSES),
    "widths": [32, 64, 128, 256],
    "depths": [1, 2, 2],
    "guard": True,
}
MALIGNANT, MELANOMA = FACTS["malignant"], CLASSES.index("melanoma")

Parts = Mapping[str, NDArray[np.intp]]


@torch.no_grad()
def features(network: SmallNetwork, images: Tensor, views: int = 1) -> Tensor:
    """Return (n, features): the mean over views of the pooled features, before the head.

    The head is linear, so that its logits of the mean are the mean of the logits.
    """
    found = []
    for part in torch.split(images, 64):
        inputs = ((part.float() / 255 - 0.5) * 4).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            each = [network.embed(turn(inputs, view)).float() for view in range(views)]
        found.append(torch.stack(each).mean(0))
    return torch.cat(found)


def balanced_loss(network: SmallNetwork, lesions: Lesions, part: NDArray[np.intp]) -> float:
    """Return the mean over classes of the cross-entropy."""
    truth = lesions.labels[part]
    with torch.no_grad():
        logits = network.head(features(network, lesions.images[part]))
    losses = functional.cross_entropy(logits, torch.from_numpy(truth), reduction="none").numpy()
    return float(np.mean([losses[truth == c].mean() for c in np.unique(truth)]))


def train(
    lesions: Lesions, parts: Parts, epochs: int, seed: int
) -> tuple[SmallNetwork, dict[str, Any]]:
    """Train on varied pictures; returns the network and what the card says of the run."""
    began, own, labels = time.monotonic(), parts["train"], torch.from_numpy(lesions.labels)
    network, losses = fit(
        Adjusted(build_network(ARCHITECTURE), shares(lesions.labels[own])),
        Recipe(epochs=epochs, batch_size=64, decay=0.997, patience=15, seed=seed),
        lambda rng: draw(lesions.labels, own, rng),
        lambda part, rng: (vary(lesions.images[part], rng), labels[part]),
        lambda average: balanced_loss(inner(average), lesions, parts["validation"]),
    )
    return inner(network), {
        "training": {"epochs": len(losses), "seconds": round(time.monotonic() - began)},
        "validation_loss": losses,
        "seed": seed,
        "command": command("specialists.training.skin"),
    }


def reload(folder: Path) -> tuple[SmallNetwork, dict[str, Any]]:
    """Return the network that a folder holds, and what its card says of its training."""
    card = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    kept = {name: card[name] for name in ("training", "validation_loss", "seed", "command")}
    return load_network(folder / "reference.safetensors", card), kept


def sizes(lesions: Lesions, parts: Parts) -> dict[str, dict[str, int]]:
    """Return pictures by part and class, and the lesions of each part."""
    return {
        name: {
            **{c: int((lesions.labels[part] == i).sum()) for i, c in enumerate(CLASSES)},
            "lesions": len({lesions.groups[i] for i in part}),
        }
        for name, part in parts.items()
    }


def image_type(lesions: Lesions, parts: Parts, photographs: Path) -> dict[str, Any]:
    """Fit and measure the rule that tells photographs from dermoscopy."""
    pixels = lesions.images.permute(0, 2, 3, 1).numpy()
    seen, held = (
        np.array([describe(pixels[i]) for i in chosen])
        for chosen in (parts["train"][::4], parts["test"])
    )
    pictures = sorted((photographs / "images").iterdir())
    others = np.array([describe(read_picture(path)) for path in pictures])
    rule = fit_image_type(seen, others)
    rows = standardise(held, np.array(rule["centre"]), np.array(rule["spread"]))
    return rule | {
        "photographs": len(others),
        "found_when_left_out": sum(left_out(seen, others)),
        "test_dermoscopy_taken_for_photograph": float(
            (rows @ np.array(rule["weights"]) > rule["limit"]).mean()
        ),
    }


def guard(network: SmallNetwork, embeddings: Tensor, parts: Parts) -> dict[str, Any]:
    """Choose the distance beyond which a picture is unlike those of the training."""
    nearest = network.distance(embeddings).min(dim=1).values
    limit = FARTHEST * float(nearest[torch.from_numpy(parts["calibration"])].max())
    test = nearest[torch.from_numpy(parts["test"])]
    return {"limit": limit, "test_pictures_beyond": float((test > limit).float().mean())}


def describe_run(
    network: SmallNetwork, lesions: Lesions, parts: Parts, embeddings: Tensor
) -> dict[str, Any]:
    """Calibrate and measure: the card's figures."""
    with torch.inference_mode():
        evidence: Floats = network.head(embeddings).double().numpy()
    own, kept, test = parts["train"], parts["calibration"], parts["test"]
    labels, people = lesions.labels, lesions.people
    tables = count_tables([people[i] for i in own], labels[own], len(CLASSES))
    items = items_of(people, tables, len(CLASSES))
    counted = np.bincount(labels[own], minlength=len(CLASSES)) / len(own)
    calibrations = calibrate(evidence[kept], items[kept], labels[kept], counted, MALIGNANT)
    groups = [lesions.groups[i] for i in test]
    names = (CLASSES, MALIGNANT, MELANOMA)
    return {
        "person": {"tables": tables},
        "conformal": {
            "coverage_target": COVERAGE,
            "kind": "split-conformal by class, fitted at `level`; on photographs probabilities "
            "are softened and thresholds lowered by rule of thumb; a set holds at least the "
            "likeliest class, unless the picture is beyond the guard, where it is empty",
            "populations": calibrations,
        },
        "metrics": {
            known: figures(
                evidence[test],
                items[test] * (known == KNOWN),
                labels[test],
                groups,
                calibrations[DERMOSCOPY][known],
                names,
            )
            for known in (KNOWN, UNKNOWN)
        },
    }


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "photographs", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="DIR")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="measure the weights that DIR holds")
    parser.add_argument("--every", type=int, default=1, help="take every n-th only, for a trial")
    return parser.parse_args(words)


def main() -> None:
    """Train, measure, and write weights and card."""
    options = arguments()
    start(options.seed)
    lesions = read_lesions(options.data, options.every)
    parts = split_groups(lesions.groups, lesions.labels.tolist(), options.seed, PARTS)
    if options.again:
        network, run = reload(options.out)
    else:
        network, run = train(lesions, parts, options.epochs, options.seed)
    embeddings = features(network, lesions.images, VIEWS)
    own = parts["train"]
    fit_head(network, embeddings[own], lesions.labels[own])
    fit_guard(network, embeddings[own], lesions.labels[own])
    halve(network)
    told = {
        "architecture": ARCHITECTURE | {"parameters": sum(p.numel() for p in network.parameters())},
        "split": {"grouped_by": "lesion", "pictures": sizes(lesions, parts)},
        "guard": guard(network, embeddings, parts),
        "image_type": image_type(lesions, parts, options.photographs),
        **describe_run(network, lesions, parts, embeddings),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    digest = write_weights(network, options.out / "reference.safetensors")
    write_card(FACTS | told | run | {"sha256": digest}, options.out / "reference.json")


if __name__ == "__main__":
    main()
