"""What the chest reference is compared with, and what carries its decision."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from specialists.calibration import roc_auc
from specialists.chest_xray.preprocess import SIZE
from specialists.training.chest_facts import CLASSES
from specialists.training.films import Films, of_population
from specialists.training.loop import infer


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


def baseline(films: Films, parts: Mapping[str, NDArray[np.intp]], population: str) -> float:
    """Return the test AUC of a logistic regression on 16 x 16 pixels."""
    small = functional.interpolate(films.images, (16, 16), mode="bilinear", antialias=True)
    train, test = (of_population(films, parts[name], population) for name in ("train", "test"))
    labels = torch.from_numpy(films.labels[train]).float()
    score = regress(small[train].flatten(1), labels)
    return roc_auc(score(small[test].flatten(1)).numpy(), films.labels[test] == 1)


def hide(images: Tensor, *, centre: bool) -> Tensor:
    """Hide the middle (lungs and heart) or the outer seventh (markers, borders) under grey."""
    edge = SIZE // 7
    inner = torch.zeros((SIZE, SIZE), dtype=torch.bool)
    inner[edge:-edge, edge:-edge] = True
    return torch.where(inner if centre else ~inner, torch.zeros(()), images)


def shortcuts(
    network: nn.Module, inputs: Tensor, films: Films, test: NDArray[np.intp]
) -> dict[str, Any]:
    """Ask what carries the decision: regions hidden, and set membership within a label."""
    margin = {
        "nothing hidden": infer(network, inputs[test]),
        "outer seventh hidden": infer(network, hide(inputs[test], centre=False)),
        "middle hidden": infer(network, hide(inputs[test], centre=True)),
    }
    scores = {name: (logits[:, 1] - logits[:, 0]).numpy() for name, logits in margin.items()}
    labels, adult = films.labels[test], np.array([films.populations[i] == "adult" for i in test])
    occlusion = {
        population: {
            name: roc_auc(score[adult == grown], labels[adult == grown] == 1)
            for name, score in scores.items()
        }
        for population, grown in (("adult", True), ("paediatric", False))
    }
    plain = scores["nothing hidden"]
    membership = {
        name: roc_auc(plain[labels == index], adult[labels == index])
        for index, name in enumerate(CLASSES)
    }
    return {
        "auc with regions hidden": occlusion,
        "auc of output for set within label": membership,
        "reading": "0.5 would be no difference between the sets; adult scores lie nearer the "
        "middle than paediatric ones, so adults rank higher among normals and lower among "
        "pneumonias",
    }
