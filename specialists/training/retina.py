"""Trains the reference retinopathy grader.

    python -m specialists.training.retina --data DIR --out DIR

The folder has `images/` and `labels.csv` with `image_id`, `dr_grade` and `macular_edema_risk`;
or IDRiD's own grading table, whose columns are `Image name`, `Retinopathy grade` and
`Risk of macular edema`.
"""

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from specialists.calibration import fit_thresholds
from specialists.retina.predict import (
    REFERABLE_FROM,
    TASKS,
    Head,
    classes_of,
    halves,
    raw_score,
    standardise,
)
from specialists.training.card import command, write_card
from specialists.training.retina_facts import FACTS
from specialists.training.retina_figures import baseline, figures
from specialists.training.retina_photographs import Photographs, read_photographs

COVERAGE = 0.9
# Above the stated coverage where a margin against other photographs costs few larger sets.
LEVELS = {"grade": 0.92, "edema": 0.92, "referable": 0.92}
BLOCKS = 12
PENALTY = 0.02
TREES: dict[str, Any] = {
    "n_estimators": 120,
    "max_depth": 2,
    "learning_rate": 0.05,
    "subsample": 0.6,
    "max_features": 0.2,
    "min_samples_leaf": 8,
}
Floats = NDArray[np.float64]
Labels = dict[str, NDArray[np.intp]]


def fit_head(rows: Floats, positive: NDArray[np.bool_], seed: int) -> Head:
    """Fit one question: a penalised logistic regression and boosted shallow trees."""
    line = LogisticRegression(C=PENALTY, max_iter=3000).fit(rows, positive)
    boost = GradientBoostingClassifier(random_state=seed, **TREES).fit(rows, positive)
    trees = [tree.tree_ for tree in boost.estimators_[:, 0]]
    nodes = max(tree.node_count for tree in trees)

    def packed(name: str, kind: type[Any], empty: float) -> NDArray[Any]:
        table = np.full((len(trees), nodes), empty, kind)
        for number, tree in enumerate(trees):
            table[number, : tree.node_count] = np.ravel(getattr(tree, name))
        return table

    share = float(positive.mean())
    left = packed("children_left", np.int16, 0)
    return Head(
        np.asarray(line.coef_[0], np.float64),
        float(line.intercept_[0]),
        np.where(left < 0, -1, packed("feature", np.int16, -1)).astype(np.int16),
        packed("threshold", np.float32, 0),
        left,
        packed("children_right", np.int16, 0),
        (packed("value", np.float64, 0) * TREES["learning_rate"]).astype(np.float32),
        float(np.log(share / (1 - share))),
    )


def scaling(features: Floats) -> tuple[Floats, Floats]:
    """Return mean and deviation of each feature; 1 where it does not vary."""
    deviation = features.std(axis=0)
    return features.mean(axis=0), np.where(deviation > 1e-9, deviation, 1.0)


def fit_heads(rows: Floats, labels: Labels, seed: int) -> dict[str, list[Head]]:
    """Fit every question of every task on standardised rows."""
    return {
        task: [fit_head(rows, labels[task] >= level, seed) for level in levels]
        for task, levels in TASKS.items()
    }


def out_of_fold(cases: Photographs, fold: NDArray[np.intp], seed: int) -> dict[str, Floats]:
    """Score every case by a model that saw none of its fold: by task (n, questions)."""
    scores = {task: np.zeros((len(fold), len(levels))) for task, levels in TASKS.items()}
    for number in np.unique(fold):
        seen, held = fold != number, fold == number
        mean, scale = scaling(cases.features[seen])
        rows = standardise(cases.features, mean, scale)
        labels = {task: values[seen] for task, values in cases.labels.items()}
        for task, heads in fit_heads(rows[seen], labels, seed).items():
            scores[task][held] = np.stack([raw_score(h, rows[held]) for h in heads], axis=1)
    return scores


def platt(scores: Floats, positive: NDArray[np.bool_]) -> list[float]:
    """Fit slope and intercept of a calibrated probability, slightly held to the score itself."""
    line = LogisticRegression(C=10.0).fit(scores[:, None], positive)
    return [float(line.coef_[0, 0]), float(line.intercept_[0])]


def calibrate(scores: Mapping[str, Floats], labels: Labels) -> tuple[dict[str, Any], Any]:
    """Fit calibrations and conformal thresholds on scores of cases not trained on."""
    calibration = {
        task: [platt(scores[task][:, i], labels[task] >= level) for i, level in enumerate(levels)]
        for task, levels in TASKS.items()
    }
    rows = {task: classes_of(scores[task], calibration[task]) for task in TASKS}
    rows["referable"] = halves(rows["grade"])
    truth = {**labels, "referable": (labels["grade"] >= REFERABLE_FROM).astype(np.intp)}
    thresholds = {
        task: fit_thresholds(rows[task], truth[task], level) for task, level in LEVELS.items()
    }
    return calibration, {task: values.tolist() for task, values in thresholds.items()}


def write(heads: Mapping[str, list[Head]], shared: Mapping[str, NDArray[Any]], path: Path) -> str:
    """Write all arrays as safetensors; returns their SHA-256."""
    arrays = dict(shared)
    for task, levels in TASKS.items():
        for level, head in zip(levels, heads[task], strict=True):
            for part in Head.__dataclass_fields__:
                array = np.ascontiguousarray(getattr(head, part))
                arrays[f"{task}{level}.{part}"] = array
    content = save(arrays)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def limits(cases: Photographs) -> dict[str, dict[str, float]]:
    """Return below which quality is warned about (about 1 in 100 of the set) or refused."""
    least = {name: float(values.min()) for name, values in cases.quality.items()}
    low = {name: 0.97 * float(np.quantile(v, 0.01)) for name, v in cases.quality.items()}
    return {"warn": low, "refuse": {name: 0.75 * value for name, value in least.items()}}


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="take every n-th only, for a trial")
    return parser.parse_args(words)


def main() -> None:
    """Train, measure, and write weights and card."""
    options = arguments()
    cases = read_photographs(options.data, options.every)
    n = len(cases.features)
    folds = {
        "blocks": np.arange(n) * BLOCKS // n,
        "random": np.random.default_rng(options.seed).permutation(n) % 5,
    }
    scores = {name: out_of_fold(cases, fold, options.seed) for name, fold in folds.items()}
    measured = {
        name: figures(scores[name], cases.labels, fold, calibrate) for name, fold in folds.items()
    }
    mean, scale = scaling(cases.features)
    rows = standardise(cases.features, mean, scale)
    heads = fit_heads(rows, cases.labels, options.seed)
    calibration, thresholds = calibrate(scores["blocks"], cases.labels)
    options.out.mkdir(parents=True, exist_ok=True)
    shared: dict[str, NDArray[Any]] = {"mean": mean, "scale": scale}
    shared["dust"] = cases.dust.astype(np.float16)
    digest = write(heads, shared, options.out / "reference.safetensors")
    card = {
        "features": cases.names,
        "calibration": calibration,
        "conformal": {"coverage_target": COVERAGE, "levels": LEVELS, "thresholds": thresholds},
        "quality": limits(cases),
        "guard": {"limit": 1.3 * float((rows**2).mean(axis=1).max())},
        "metrics": measured["blocks"],
        "metrics_random_folds": measured["random"],
        "baseline": baseline(cases.names, cases.features, cases.labels),
        "training": {"images": n},
        "seed": options.seed,
        "command": command("specialists.training.retina"),
        "sha256": digest,
    }
    write_card(FACTS | card, options.out / "reference.json")


if __name__ == "__main__":
    main()
