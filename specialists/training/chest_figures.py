"""Calibrates the chest reference and measures it: the figures of its card."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from specialists.calibration import fit_temperature, fit_thresholds, softmax
from specialists.chest_xray.heat import laid
from specialists.chest_xray.model import ChestModel
from specialists.chest_xray.odds import (
    POPULATIONS,
    combine,
    conformal_sets,
    probabilities,
    two_logits,
)
from specialists.chest_xray.preprocess import SIZE
from specialists.measures import (
    Floats,
    bootstrap_weights,
    evaluate_predictions,
    interval,
    roc_auc,
)
from specialists.training.chest_checks import (
    baseline,
    halves,
    membership,
    occlusion,
    said_by_others,
)
from specialists.training.chest_facts import CLASSES
from specialists.training.films import Films, Parts, of_population

COVERAGE, CONFIDENCE = 0.9, 0.9
LEVELS = {"paediatric": 0.97, "adult": 0.9}
"""Above the stated coverage where a margin against another scanner costs few larger sets."""
DARKEST = 0.01
"""Of the adults' normal films learnt from: so many are darker than a film may be."""
INFERRED = 0.99
"""How often the population that a film is of must be among those that its look leaves."""
MAPPED = 40
Cases = NDArray[np.intp]


def fit_answer(said: Floats, films: Films, parts: Parts, own: Cases) -> dict[str, Any]:
    """Fit mixing, temperatures and thresholds on films that were not learnt from.

    Args:
        said: Shape (every film, outputs of `ChestModel`).
        films: The cases.
        parts: Who taught the network: how dark a normal film may be is learnt from them.
        own: Which of them to fit on.

    Returns:
        The card's `mixing` and `conformal`.
    """
    mixing, populations = {}, {}
    for population in POPULATIONS:
        part = of_population(films, own, population)
        mixing[population] = {
            name: 0.5 / fit_temperature(two_logits(odds[part]), films.labels[part])
            for name, odds in halves(said, population).items()
        }
    logits = combine(said, mixing)
    for place, population in enumerate(POPULATIONS):
        part = of_population(films, own, population)
        temperature = fit_temperature(logits[part, place], films.labels[part])
        rows, level = softmax(logits[part, place], temperature), LEVELS[population]
        populations[population] = {
            "temperature": temperature,
            "thresholds": fit_thresholds(rows, films.labels[part], level, CONFIDENCE).tolist(),
            "level": level,
            "n": len(part),
        }
    grown = np.array([films.populations[i] == "adult" for i in own]).astype(np.intp)
    temperature = fit_temperature(logits[own, 2], grown)
    thresholds = fit_thresholds(softmax(logits[own, 2], temperature), grown, INFERRED)
    inferred = {"temperature": temperature, "thresholds": thresholds.tolist(), "level": INFERRED}
    well = [i for i in of_population(films, parts.taught, "adult") if films.labels[i] == 0]
    conformal = {
        "populations": populations,
        "inferred": inferred,
        "darkest_normal": float(np.quantile(films.darkness[well], DARKEST)),
    }
    return {"mixing": mixing, "conformal": conformal}


def crosswise(said: Floats, films: Films, parts: Parts) -> dict[str, tuple[Floats, Any]]:
    """Answer for each fold of unseen adults by what is fitted on the other folds.

    Returns:
        For a known and an unknown population, probabilities and sets of every film; meaningless
        but for unseen adults.
    """
    count = len(films.labels)
    known: dict[str, tuple[Floats, Any]] = {
        name: (np.zeros((count, 2)), np.zeros((count, 2), np.bool_))
        for name in ("adult", "unknown")
    }
    for fold in parts.folds:
        part = np.intersect1d(fold, parts.unseen)
        fitted = fit_answer(said, films, parts, np.setdiff1d(parts.unseen, part))
        answered = answers(said[part], fitted, "adult", films.darkness[part])
        for name, (rows, sets) in known.items():
            rows[part], sets[part] = answered[name]
    return known


def answers(
    said: Floats, fitted: Mapping[str, Any], population: str, darkness: Floats
) -> dict[str, Any]:
    """Return probabilities and sets, for the known population and for none."""
    logits, dark = combine(said, fitted["mixing"]), darkness < fitted["conformal"]["darkest_normal"]
    return {
        name: (
            probabilities(logits, fitted["conformal"], known),
            conformal_sets(logits, fitted["conformal"], known, dark),
        )
        for name, known in ((population, population), ("unknown", None))
    }


def figures(rows: Floats, sets: Any, films: Films, own: Cases) -> dict[str, Any]:
    """Measure cases, bootstrapping whole people; arguments of every film, `own` are measured."""
    people, ill = [films.people[i] for i in own], films.labels[own] == 1
    weights, chance = bootstrap_weights(len(own), people), rows[own, 1]

    def brier(w: Floats) -> Floats:
        return np.asarray(w @ np.square(chance - ill) / w.sum(axis=1))

    def sensitivity(w: Floats) -> Floats:
        return np.array([_sensitivity(chance, ill, row) for row in w])

    return {
        "n": len(own),
        "people": len(set(people)),
        **evaluate_predictions(rows[own], films.labels[own], sets[own], [1], people),
        "sensitivity_at_90_specificity": interval(sensitivity, weights),
        "brier": interval(brier, weights),
    }


def _sensitivity(score: Floats, ill: NDArray[np.bool_], weights: Floats) -> float:
    """Return the weighted sensitivity above the score that nine in ten of the well stay under."""
    order = np.argsort(score[~ill], kind="stable")
    below = np.cumsum(weights[~ill][order])
    if not below.size or not below[-1] or not weights[ill].sum():
        return float("nan")
    least = score[~ill][order][np.searchsorted(below, 0.9 * below[-1])]
    return float(weights[ill][score[ill] > least].sum() / weights[ill].sum())


def measure(said: Floats, films: Films, parts: Parts) -> dict[str, Any]:
    """Measure children of the test part, fitted on those of the other, and adults crosswise."""
    children = of_population(films, parts.test, "paediatric")
    adults = of_population(films, parts.unseen, "adult")
    fitted = fit_answer(said, films, parts, np.setdiff1d(parts.unseen, children))
    result = {}
    for population, own, answered in (
        ("paediatric", children, answers(said, fitted, "paediatric", films.darkness)),
        ("adult", adults, crosswise(said, films, parts)),
    ):
        for name, (rows, sets) in answered.items():
            told = population if name == population else f"{population}, taken as unknown"
            result[told] = figures(rows, sets, films, own)
    return result


def sizes(films: Films, parts: Parts) -> dict[str, dict[str, int]]:
    """Return images by part, population and class."""
    strata = films.strata()
    named = {name: getattr(parts, name) for name in ("train", "validation", "calibration", "test")}
    named |= {f"adult fold {index + 1}": fold for index, fold in enumerate(parts.folds)}
    return {
        name: {
            f"{population} {label}": sum(strata[i] == (population, index) for i in part)
            for population in POPULATIONS
            for index, label in enumerate(CLASSES)
        }
        for name, part in named.items()
    }


@torch.inference_mode()
def strongest(model: ChestModel, films: Films, own: Cases, mixing: Mapping[str, Any]) -> float:
    """Return the median over pneumonias of the strongest place of the evidence."""
    peaks = []
    for population in POPULATIONS:
        weights = [mixing[population]["network"], *[0.0] * (model.folds + 2)]
        adult = population == "adult"
        places = range(1, model.folds + 1) if adult else (model.folds + 1,)
        for place in places:
            weights[place] = mixing[population]["texture"] / len(places)
        ill = [i for i in of_population(films, own, population) if films.labels[i] == 1]
        for i in ill[:MAPPED]:
            seen, felt = model.maps(films.inputs[i : i + 1], weights)
            peaks.append(float(laid(seen.numpy(), felt.numpy(), (SIZE, SIZE)).max()))
    return float(np.median(peaks))


def dark_films(films: Films, parts: Parts, conformal: Mapping[str, Any]) -> dict[str, Any]:
    """Count adults' films that are darker than normal ones: how the film was made, not illness."""
    own = np.concatenate(parts.folds)
    dark, ill = films.darkness[own] < conformal["darkest_normal"], films.labels[own] == 1
    return {
        "normal": {"n": int((~ill).sum()), "darker": int((dark & ~ill).sum())},
        "pneumonia": {"n": int(ill.sum()), "darker": int((dark & ill).sum())},
        "auc of brightness alone": roc_auc(-films.darkness[own], ill),
    }


def describe(model: ChestModel, films: Films, parts: Parts) -> dict[str, Any]:
    """Calibrate and measure: the card's figures."""
    asked = np.union1d(parts.unseen, np.concatenate(parts.folds))
    said = said_by_others(model, films.inputs, parts, asked)
    fitted = fit_answer(said, films, parts, parts.unseen)
    shares = fitted["conformal"]
    return {
        "split": {
            "grouped_by": "person (paediatric) or patient (adult)",
            "how": "the network learns from train and stops by validation, and so do the linear "
            "models of children; each linear model of adults learns from all folds but one, and "
            "judges that one. Paediatric figures: test. Adult figures: calibration and test, "
            "each person by the linear model that left them out, with calibration fitted on the "
            "other folds. What ships is calibrated on all of calibration and test",
            "images": sizes(films, parts),
        },
        "mixing": fitted["mixing"],
        "calibration": {
            p: {"temperature": c["temperature"]} for p, c in shares["populations"].items()
        },
        "conformal": {
            "coverage_target": COVERAGE,
            "confidence": CONFIDENCE,
            "kind": "split-conformal by population and class, each fitted at its level; where the "
            "population is not told the union is taken over those that the film's look does not "
            "rule out, itself a conformal set; an adult's film darker than `darkest_normal` keeps "
            "normal",
            **shares,
        },
        "map": {"full": strongest(model, films, parts.unseen, fitted["mixing"])},
        "metrics": measure(said, films, parts),
        "baseline": baseline(said, films, parts),
        "shortcut_checks": {
            "adults darker than the darkest normal": dark_films(films, parts, shares),
            "auc with regions hidden": occlusion(model, said, films, parts, fitted["mixing"]),
            "auc of output for set within label": membership(
                combine(said, fitted["mixing"]), films, parts
            ),
        },
    }
