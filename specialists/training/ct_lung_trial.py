"""Does a learned lung reading hold from one block of cases to the next? Trains nothing that ships.

    python -m specialists.training.ct_lung_trial --data DIR [--card specialists/ct/reference.json]

The IQ-OTH/NCCD slices (normal, benign, malignant) come without patient ids, several slices from
each of 110 people in a row. Two plain models are cross-validated over five folds, once with slices
drawn at random and then with blocks of consecutive numbers kept together, the widest also with
the neighbours of the test slices left out of the training: what is learned of disease stays,
what is recognised of a person goes. The figures are printed, and `--card` adds them to a card.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.feature import hog
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from specialists.measures import Floats, Interval, bootstrap_weights, interval
from specialists.training.card import tidy

FOLDS, SEED, RESAMPLES = 5, 7, 1000
SPLITS: dict[str, tuple[int, int]] = {
    "slices at random": (1, 0),
    "blocks of 5": (5, 0),
    "blocks of 10": (10, 0),
    "blocks of 20": (20, 0),
    "blocks of 40": (40, 0),
    "blocks of 40, 20 neighbours left out": (40, 20),
}
"""Name to the length of a block, and how many neighbours of a block are kept from training."""
LAST = "blocks of 40, 20 neighbours left out"
LEAST, LARGEST_DROP = 0.85, 0.05
"""What would let a reading into the product: the lower bound of its balanced accuracy on the
last split, and how much of the accuracy on slices at random it may lose there."""

Features = NDArray[np.float32]
Codes = NDArray[np.intp]


def read(folder: Path) -> tuple[Features, Codes, Codes, list[str]]:
    """Features (n, d), class codes, numbers within the class, and the names of the classes."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["label"] for row in rows})
    numbers = [int(Path(row["image_id"]).stem.rsplit("_", 1)[1]) for row in rows]
    pictures = [folder / "images" / row["image_id"] for row in rows]
    features = np.stack([describe(path) for path in pictures])
    return features, np.array([names.index(r["label"]) for r in rows]), np.array(numbers), names


def describe(path: Path) -> Features:
    """Coarse grey levels, their histogram and oriented gradients of one slice."""
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L").resize((128, 128)), np.float32) / 255.0
    coarse = grey.reshape(32, 4, 32, 4).mean(axis=(1, 3)).ravel()
    levels = np.histogram(grey, bins=32, range=(0, 1))[0] / grey.size
    edges = hog(grey, orientations=8, pixels_per_cell=(16, 16), cells_per_block=(2, 2))
    return np.concatenate([coarse, levels, edges]).astype(np.float32)


def models() -> dict[str, Any]:
    """A model that can only recognise, and one that can learn."""
    return {
        "nearest slice": make_pipeline(StandardScaler(), KNeighborsClassifier(1)),
        "logistic regression": make_pipeline(
            StandardScaler(),
            PCA(80, random_state=SEED),
            LogisticRegression(C=0.1, max_iter=2000, class_weight="balanced"),
        ),
    }


def folds(codes: Codes, numbers: Codes, length: int, gap: int) -> Iterator[tuple[Codes, Codes]]:
    """Training and test indices; blocks of each class are dealt to the folds at random."""
    block = (numbers - 1) // length
    rng = np.random.default_rng(SEED)
    fold = np.zeros(len(codes), np.intp)
    for code in np.unique(codes):
        own = np.unique(block[codes == code])
        dealt = dict(zip(rng.permutation(own), np.arange(len(own)) % FOLDS, strict=True))
        fold[codes == code] = [dealt[each] for each in block[codes == code]]
    for turn in range(FOLDS):
        test = np.flatnonzero(fold == turn)
        far = fold != turn
        for code in np.unique(codes) if gap else ():
            tested = numbers[(fold == turn) & (codes == code)]
            near = np.abs(numbers[:, None] - tested[None]).min(axis=1, initial=10**6) <= gap
            far &= ~((codes == code) & near)
        yield np.flatnonzero(far), test


def predicted(model: Any, features: Features, codes: Codes, split: tuple[Codes, int, int]) -> Codes:
    """What each slice was taken for by a model that was not trained on its fold."""
    numbers, length, gap = split
    answers = np.full(len(codes), -1, np.intp)
    for train, test in folds(codes, numbers, length, gap):
        answers[test] = model.fit(features[train], codes[train]).predict(features[test])
    return answers


def figures(
    answers: Codes, codes: Codes, groups: Codes, malignant: int
) -> dict[str, dict[str, float]]:
    """Accuracy of three classes and of malignant or not; intervals resample whole groups."""
    weights = bootstrap_weights(len(codes), groups.tolist(), SEED, RESAMPLES)
    hits = (answers == codes).astype(np.float64)
    told = ((answers == malignant) == (codes == malignant)).astype(np.float64)
    classes = [codes == code for code in np.unique(codes)]
    sides = [codes == malignant, codes != malignant]
    return {
        "accuracy": shown(interval(lambda w: rate(w, hits), weights)),
        "balanced_accuracy": shown(interval(lambda w: balanced(w, hits, classes), weights)),
        "balanced_accuracy_malignant_or_not": shown(
            interval(lambda w: balanced(w, told, sides), weights)
        ),
    }


def rate(weights: Floats, hits: Floats) -> Floats:
    """Weighted share of hits, for each row of weights; 0 where nothing was drawn."""
    return np.asarray(weights @ hits / np.maximum(weights.sum(axis=1), 1e-9))


def balanced(weights: Floats, hits: Floats, classes: list[NDArray[np.bool_]]) -> Floats:
    """Mean over the classes of the share of hits."""
    return np.asarray(np.mean([rate(weights[:, own], hits[own]) for own in classes], axis=0))


def shown(found: Interval) -> dict[str, float]:
    """Value and 95% interval, three digits."""
    return {key: round(float(value or 0.0), 3) for key, value in found.items()}


def trial(folder: Path) -> dict[str, Any]:
    """All splits and models, and whether a reading holds."""
    features, codes, numbers, names = read(folder)
    results: dict[str, dict[str, Any]] = {}
    for split, (length, gap) in SPLITS.items():
        sys.stderr.write(f"{split}\n")
        groups = codes * 10_000 + (numbers - 1) // length
        results[split] = {
            name: figures(
                predicted(model, features, codes, (numbers, length, gap)),
                codes,
                groups,
                names.index("malignant"),
            )
            for name, model in models().items()
        }
    return {
        "data": "IQ-OTH/NCCD chest CT slices (CC BY 4.0), no patient ids",
        "slices": {name: int((codes == code).sum()) for code, name in enumerate(names)},
        "folds": FOLDS,
        "seed": SEED,
        "results": results,
        **verdict(results),
        "command": "python -m specialists.training.ct_lung_trial --data DIR --card FILE",
    }


def verdict(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Whether the better model holds on the last split, and the reason in words."""
    name = max(results[LAST], key=lambda each: _value(results[LAST][each]["balanced_accuracy"]))
    random, last = results["slices at random"][name], results[LAST][name]
    drop = _value(random["balanced_accuracy"]) - _value(last["balanced_accuracy"])
    holds = last["balanced_accuracy"]["low"] >= LEAST and drop <= LARGEST_DROP
    told = [
        f"{words} {_words(random[figure])} on slices at random and {_words(last[figure])} on {LAST}"
        for words, figure in (
            ("three classes", "balanced_accuracy"),
            ("malignant or not", "balanced_accuracy_malignant_or_not"),
        )
    ]
    why = (
        "It holds."
        if holds
        else "Much of what looks like skill is a person recognised in a neighbouring slice, so no "
        "learned reading of the lungs is part of report_ct."
    )
    return {"holds": holds, "reason": f"Balanced accuracy of {name}: {'; '.join(told)}. {why}"}


def _value(figure: dict[str, float]) -> float:
    return figure["value"]


def _words(figure: dict[str, float]) -> str:
    return f"{figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m specialists.training.ct_lung_trial")
    parser.add_argument("--data", type=Path, required=True, help="folder: images/ and labels.csv")
    parser.add_argument("--card", type=Path, help="card to add the figures to")
    given = parser.parse_args()
    found = tidy(trial(given.data))
    if given.card:
        card = json.loads(given.card.read_text(encoding="utf-8"))
        card["learned_reading_left_out"] = found
        text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
        given.card.write_text(text, encoding="utf-8")
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
