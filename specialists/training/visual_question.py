"""Trains the reference for questions about an image, on VQA-RAD.

    python -m specialists.training.visual_question --data DIR --out DIR

The folder has `images/` and `trainset.json`. Every figure is over left-out images: the official
test questions are about images that are also in training.
"""

import argparse
import hashlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save
from sklearn.linear_model import LogisticRegression

from specialists.calibration import fit_temperature, fit_thresholds, prediction_sets, softmax
from specialists.measures import Floats, bootstrap_weights, evaluate_predictions, interval
from specialists.training.card import command, write_card
from specialists.training.loop import start
from specialists.training.split import split_groups
from specialists.training.visual_question_facts import FACTS
from specialists.visual_question.predict import Eye, context
from specialists.visual_question.questions import READ, Vocabulary, learn_vocabulary, wording

REGIONS = {"chest": "CHEST", "abdomen": "ABD", "head": "HEAD"}
FOLDS, REPEATS = 5, 5
"""Accuracies are means over repeats with other folds; all else is of the first."""
COVERAGE, LEVEL = 0.9, 0.92
STRENGTH = {"closed": 1.0, "regions": 0.02}
"""Ridge penalty of the answers; inverse penalty of the regions."""


@dataclass(frozen=True)
class Data:
    """Images, and the yes-or-no questions about them."""

    features: Floats
    """Shape (images, features)."""
    regions: NDArray[np.intp]
    questions: list[str]
    answers: NDArray[np.intp]
    images: NDArray[np.intp]
    """For each question: 1 for yes, and which image."""


def read_data(folder: Path) -> Data:
    """Read VQA-RAD."""
    rows = json.loads((folder / "trainset.json").read_text(encoding="utf-8"))
    names = sorted({row["image_name"] for row in rows})
    eye = Eye()
    looks = []
    for name in names:
        with Image.open(folder / "images" / name) as opened:
            looks.append(eye.look(np.asarray(opened.convert("RGB")))[0])
    region = {row["image_name"]: list(REGIONS.values()).index(row["image_organ"]) for row in rows}
    said = [re.sub(r"[^a-z]", "", str(row["answer"]).lower()) for row in rows]
    kept = [i for i, answer in enumerate(said) if answer in ("yes", "no")]
    return Data(
        np.stack(looks),
        np.array([region[name] for name in names], dtype=np.intp),
        # The set's own marks of the kind of question must not help.
        [re.sub(r"-\s*(open|closed)\s*$", "", rows[i]["question"]) for i in kept],
        np.array([said[i] == "yes" for i in kept], dtype=np.intp),
        np.array([names.index(rows[i]["image_name"]) for i in kept], dtype=np.intp),
    )


def image_folds(data: Data, seed: int) -> NDArray[np.intp]:
    """Which fold each image is in, regions spread evenly."""
    shares = {str(i): 1 / FOLDS for i in range(FOLDS)}
    groups = [f"{i:03d}" for i in range(len(data.regions))]
    fold = np.zeros(len(groups), np.intp)
    for name, part in split_groups(groups, data.regions.tolist(), seed, shares).items():
        fold[part] = int(name)
    return fold


def fit_regions(data: Data, chosen: NDArray[np.bool_]) -> dict[str, Floats]:
    """Fit the regions on some images."""
    rows = data.features[chosen]
    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 0.02)
    model = LogisticRegression(C=STRENGTH["regions"], max_iter=3000)
    model.fit((rows - mean) / scale, data.regions[chosen])
    return {
        "region_mean": mean, "region_scale": scale, "region_weight": model.coef_,
        "region_bias": model.intercept_,
    }  # fmt: skip


def region_logits(arrays: dict[str, Floats], features: Floats) -> Floats:
    """Apply `fit_regions`: shape (n, regions)."""
    standard = (features - arrays["region_mean"]) / arrays["region_scale"]
    return np.asarray(standard @ arrays["region_weight"].T + arrays["region_bias"])


def ridge(words: Floats, contexts: Floats, answers: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return weights (contexts, terms) and bias (1,) for the log-odds of yes.

    Ridge regression to -1 and 1, solved over questions, which are fewer than the weights.
    """
    aims = answers * 2.0 - 1
    alike = (words @ words.T) * (contexts @ contexts.T)
    penalty = STRENGTH["closed"] * np.eye(len(aims))
    shares = np.linalg.solve(alike + penalty, aims - aims.mean())
    return (contexts * shares[:, None]).T @ words, np.array([aims.mean()])


def left_out(data: Data, contexts: Floats, fold: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return log-odds of yes, each from a model that saw nothing of the question's image.

    Returns:
        From image and question, and from the question alone; shape (questions,).
    """
    both, alone = np.zeros(len(data.answers)), np.zeros(len(data.answers))
    for number in range(FOLDS):
        held = fold[data.images] == number
        words, _ = read_words(data, ~held)
        for result, crossed in ((both, contexts), (alone, contexts[:, :1])):
            weight, bias = ridge(words[~held], crossed[~held], data.answers[~held])
            result[held] = (words[held] @ weight.T * crossed[held]).sum(axis=1) + bias[0]
    return both, alone


def read_words(data: Data, chosen: NDArray[np.bool_]) -> tuple[Floats, list[Vocabulary]]:
    """Learn words on some questions; all questions' words (questions, terms), and the words."""
    known = [data.questions[i] for i in np.flatnonzero(chosen)]
    vocabularies = [learn_vocabulary(known, kind) for kind in READ]
    return wording(vocabularies, data.questions).astype(np.float32), vocabularies


@dataclass(frozen=True)
class Run:
    """What was said of images that were left out once."""

    fold: NDArray[np.intp]
    """Of each image."""
    region: Floats
    """Logits of each image's region, shape (images, regions)."""
    contexts: Floats
    """Of each question."""
    both: Floats
    """Log-odds of yes from image and question, shape (questions,)."""
    alone: Floats
    """The same from the question alone."""


def run(data: Data, seed: int) -> Run:
    """Leave images out once."""
    fold = image_folds(data, seed)
    region = np.zeros((len(data.regions), len(REGIONS)))
    for number in range(FOLDS):
        arrays = fit_regions(data, fold != number)
        region[fold == number] = region_logits(arrays, data.features[fold == number])
    contexts = context(region[data.images])
    return Run(fold, region, contexts, *left_out(data, contexts, fold))


def two(logit: Floats) -> Floats:
    """Log-odds as (n, 2) logits."""
    return np.stack([-logit / 2, logit / 2], axis=1)


def crossed_sets(
    logits: Floats, labels: NDArray[np.intp], fold: NDArray[np.intp]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Probabilities and sets of each fold, calibrated on all other folds."""
    probabilities, sets = np.zeros(logits.shape), np.zeros(logits.shape, np.bool_)
    for number in range(FOLDS):
        held = fold == number
        temperature = fit_temperature(logits[~held], labels[~held])
        rows = softmax(logits, temperature)
        thresholds = fit_thresholds(rows[~held], labels[~held], LEVEL)
        probabilities[held] = rows[held]
        sets[held] = prediction_sets(rows[held], thresholds)
    return probabilities, sets


def calibrate(logits: Floats, labels: NDArray[np.intp]) -> dict[str, Any]:
    """What ships: temperature and thresholds from all left-out predictions."""
    temperature = fit_temperature(logits, labels)
    thresholds = fit_thresholds(softmax(logits, temperature), labels, LEVEL)
    return {"temperature": temperature, "thresholds": thresholds.tolist(), "level": LEVEL}


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(words)


def shipped(data: Data, contexts: Floats) -> bytes:
    """Fit to all images and questions: the content of the weights' file."""
    words, vocabularies = read_words(data, np.ones(len(data.answers), np.bool_))
    weight, bias = ridge(words, contexts, data.answers)
    arrays = fit_regions(data, np.ones(len(data.regions), np.bool_))
    arrays |= {"closed_weight": weight, "closed_bias": bias}
    arrays |= {f"{known.kind}_weights": known.weights for known in vocabularies}
    terms = {
        known.kind: np.frombuffer("\n".join(known.terms).encode("ascii"), np.uint8)
        for known in vocabularies
    }
    return save({name: np.ascontiguousarray(a, np.float32) for name, a in arrays.items()} | terms)


def metrics(data: Data, runs: Sequence[Run], seed: int) -> dict[str, Any]:
    """Measure on left-out images, bootstrapping images."""
    first, labels, groups = runs[0], data.answers, data.images.tolist()
    weights = bootstrap_weights(len(labels), groups, seed)

    def share(hits: Floats) -> dict[str, float | None]:
        return interval(lambda w: np.asarray(w @ hits.astype(np.float64) / w.sum(axis=1)), weights)

    correct = np.mean([two(one.both).argmax(1) == labels for one in runs], axis=0)
    guessed = np.mean([two(one.alone).argmax(1) == labels for one in runs], axis=0)
    rows, sets = crossed_sets(two(first.both), labels, first.fold[data.images])
    closed = evaluate_predictions(rows, labels, sets, [1], groups)
    rows, sets = crossed_sets(first.region, data.regions, first.fold)
    regions = evaluate_predictions(rows, data.regions, sets, [0])
    return {
        "closed": {"n": len(labels), **closed, "accuracy": share(correct)},
        "closed, from the question alone": {"n": len(labels), "accuracy": share(guessed)},
        "closed, gain over the question alone": share(correct - guessed),
        "regions": {"n": len(data.regions), **regions},
    }


def calibrated(data: Data, first: Run) -> dict[str, Any]:
    """What the card says of calibration and of the split."""
    closed = calibrate(two(first.both), data.answers)
    regions = calibrate(first.region, data.regions)
    return {
        "regions": {"classes": list(REGIONS), **regions},
        "closed": closed,
        "calibration": {"closed": closed["temperature"], "regions": regions["temperature"]},
        "conformal": {
            "coverage_target": COVERAGE,
            "kind": "split-conformal by class, calibrated on left-out images; measured on each "
            "fold with thresholds of the others",
        },
        "split": {
            "grouped_by": "image",
            "folds": FOLDS,
            "repeats": REPEATS,
            "images": len(data.regions),
            "closed questions": len(data.answers),
        },
    }


def main() -> None:
    """Train, measure, and write weights and card."""
    options, began = arguments(), time.monotonic()
    start(options.seed)
    data = read_data(options.data)
    runs = [run(data, options.seed + repeat) for repeat in range(REPEATS)]
    content = shipped(data, runs[0].contexts)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "reference.safetensors").write_bytes(content)
    told = {
        "metrics": metrics(data, runs, options.seed),
        "recogniser_sha256": Eye().sha256,
        "training": {"seconds": round(time.monotonic() - began)},
        "seed": options.seed,
        "command": command("specialists.training.visual_question"),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    card = FACTS | calibrated(data, runs[0]) | told
    write_card(card, options.out / "reference.json")


if __name__ == "__main__":
    main()
