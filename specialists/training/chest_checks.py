"""What the chest reference is compared with, and what carries its decision."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from specialists.chest_xray.model import ChestModel
from specialists.chest_xray.odds import combine
from specialists.chest_xray.preprocess import SIZE
from specialists.measures import Floats, evaluate_predictions, roc_auc
from specialists.training.chest_facts import CLASSES
from specialists.training.films import Films, Parts, of_population
from specialists.training.loop import infer

BATCH = 8


def regress(features: Tensor, labels: Tensor, decay: float = 1e-2) -> Callable[[Tensor], Tensor]:
    """Fit a logistic regression; returns the scoring function of features (n, d)."""
    mean, deviation = features.mean(0), features.std(0).clamp_min(1e-3)
    weight = torch.zeros(features.shape[1] + 1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight], max_iter=200)

    def score(x: Tensor) -> Tensor:
        return ((x - mean) / deviation) @ weight[1:] + weight[0]

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(score(features), labels)
        loss = loss + decay * weight[1:].square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return lambda x: score(x).detach()


def said_by_others(
    model: ChestModel, inputs: Tensor, parts: Parts, asked: NDArray[np.intp]
) -> Floats:
    """Return what the model says of films, each adult judged by the linear model that left them.

    Args:
        model: In evaluation mode.
        inputs: Shape (every film, 1, rows, columns).
        parts: Of adults in `train` and `validation` the network's part is not to be used.
        asked: Which films; the rest is NaN.

    Returns:
        Shape (every film, outputs of `ChestModel`).
    """
    said = np.full((len(inputs), 3 + model.folds), np.nan)
    said[asked] = infer(model, inputs[asked], BATCH).double().numpy()
    for index, fold in enumerate(parts.folds):
        said[fold, 2:-1] = said[fold, 2 + index][:, None]
    return said


def halves(said: Floats, population: str) -> dict[str, Floats]:
    """Return the log odds by the network and by the texture models of a population."""
    texture = said[:, 1] if population == "paediatric" else said[:, 2:-1].mean(axis=1)
    return {"network": said[:, 0], "texture": texture}


def coarse(films: Films, train: NDArray[np.intp], test: NDArray[np.intp]) -> Floats:
    """Return the scores of `test` by a logistic regression on 16 x 16 pixels."""
    small = functional.interpolate(films.inputs, (16, 16), mode="bilinear", antialias=True)
    score = regress(small[train].flatten(1), torch.from_numpy(films.labels[train]).float())
    return score(small[test].flatten(1)).double().numpy()


def baseline(said: Floats, films: Films, parts: Parts) -> dict[str, Any]:
    """Compare with 16 x 16 pixels, and the halves of the model with each other, by AUC."""
    children = of_population(films, parts.test, "paediatric")
    unseen = of_population(films, parts.unseen, "adult")
    pixels = np.full(len(films.labels), np.nan)
    pixels[children] = coarse(films, of_population(films, parts.taught, "paediatric"), children)
    for index, fold in enumerate(parts.folds):
        pixels[fold] = coarse(films, parts.adults_without(index), fold)
    everyone = np.concatenate(parts.folds)
    told: dict[str, Any] = {
        "what": "AUC of a logistic regression on 16 x 16 pixels, and of the model's parts, on the "
        "same people; all adults are measured with the linear models only, fold by fold"
    }
    for name, own, population in (
        ("paediatric", children, "paediatric"),
        ("adult", unseen, "adult"),
        ("all adults", everyone, "adult"),
    ):
        scores = {"16 x 16 pixels": pixels, **halves(said, population)}
        if own is everyone:
            del scores["network"]
        told[name] = {"n": len(own)} | {
            part: _area(odds, films, own) for part, odds in scores.items()
        }
    texture = halves(said, "adult")["texture"]
    for part, odds in (("16 x 16 pixels", pixels), ("texture", texture)):
        areas = [roc_auc(odds[fold], films.labels[fold] == 1) for fold in parts.folds]
        told["all adults"][f"{part}, each fold"] = areas
    return told


def _area(odds: Floats, films: Films, own: NDArray[np.intp]) -> Any:
    """Return the AUC with its interval, bootstrapping people."""
    rows = np.exp(-np.logaddexp(0, -np.stack([-odds, odds], axis=1)[own]))
    people = [films.people[i] for i in own]
    sets = np.ones(rows.shape, np.bool_)
    return evaluate_predictions(rows, films.labels[own], sets, [1], people)["auc_binary"]


def hide(images: Tensor, *, centre: bool) -> Tensor:
    """Hide the middle (lungs and heart) or the outer seventh (markers, borders) under grey."""
    edge = SIZE // 7
    inner = torch.zeros((SIZE, SIZE), dtype=torch.bool)
    inner[edge:-edge, edge:-edge] = True
    return torch.where(inner if centre else ~inner, torch.zeros(()), images)


def occlusion(
    model: ChestModel,
    said: Floats,
    films: Films,
    parts: Parts,
    mixing: Mapping[str, Mapping[str, float]],
) -> dict[str, Any]:
    """Return the AUC by population with parts of the film hidden, together and by half."""
    children = of_population(films, parts.test, "paediatric")
    people = {"paediatric": children, "adult": of_population(films, parts.unseen, "adult")}
    asked = np.concatenate(list(people.values()))
    shown = {"nothing hidden": said}
    for name, centre in (("outer seventh hidden", False), ("middle hidden", True)):
        shown[name] = said_by_others(model, hide(films.inputs, centre=centre), parts, asked)
    result: dict[str, Any] = {name: {} for name in people}
    for name, told in shown.items():
        logits = combine(told, mixing)
        for place, (population, own) in enumerate(people.items()):
            odds = {"both": np.diff(logits[:, place])[:, 0], **halves(told, population)}
            result[population][name] = {
                part: roc_auc(values[own], films.labels[own] == 1) for part, values in odds.items()
            }
    return result


def membership(logits: Floats, films: Films, parts: Parts) -> dict[str, Any]:
    """Ask whether the pneumonia output tells the sets apart among films of one label."""
    own = parts.unseen
    adult = np.array([films.populations[i] == "adult" for i in own])
    odds = np.where(adult, *(np.diff(logits[own, place])[:, 0] for place in (1, 0)))
    labels = films.labels[own]
    areas = {
        name: roc_auc(odds[labels == index], adult[labels == index])
        for index, name in enumerate(CLASSES)
    }
    looks = roc_auc(np.diff(logits[own, 2])[:, 0], adult)
    return areas | {
        "set by the look of the film": looks,
        "reading": "0.5 would be no difference between the sets; adult scores lie nearer the "
        "middle than paediatric ones, so adults rank higher among normals and lower among "
        "pneumonias. The look tells the sets apart on purpose, to choose whose calibration "
        "and whose models answer",
    }
