"""Calibrates the skin reference: what a person's data add, temperature, prediction sets, guard."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from specialists.calibration import fit_thresholds
from specialists.measures import Floats
from specialists.network import SmallNetwork
from specialists.skin.capture import standardise
from specialists.skin.person import ITEMS, Person, evidence_of
from specialists.skin.predict import DERMOSCOPY, KNOWN, PHOTOGRAPH, UNKNOWN, combine, halves

COVERAGE = 0.9
LEVEL = 0.91
"""What the sets are fitted at: the coverage with a margin."""
MALIGNANT_LEVEL = 0.95
"""A malignant lesion that is told to be none is the worse fault."""
SOFTENING, LOWERING = 1.5, 0.5
"""On plain photographs, which the network never saw: by what the probabilities are softened and
the thresholds multiplied. A rule of thumb."""
PRIOR_POWER = 0.0
"""0: every class taken as equally common; 1: as common as in the set."""
PENALTY = 0.03
"""Of the head's weights."""
SPECIFICITY = 0.95
FARTHEST = 1.1
SHRINKAGE = 8.0

Labels = NDArray[np.intp]


def count_tables(
    people: Sequence[Person], labels: Labels, classes: int
) -> dict[str, dict[str, list[float]]]:
    """Return log p(value | class) / p(value) by item and value, drawn towards 0 where rare."""
    sizes = np.bincount(labels, minlength=classes)
    tables: dict[str, dict[str, list[float]]] = {}
    for item in ITEMS:
        values = sorted({person[item] for person in people if item in person})
        known = np.array([person.get(item, "") for person in people])
        total = max(1, sum(known != ""))
        tables[item] = {}
        for value in values:
            own = np.bincount(labels[known == value], minlength=classes)
            share = own.sum() / total
            ratio = (own + SHRINKAGE * share) / ((sizes + SHRINKAGE) * share)
            tables[item][value] = [float(each) for each in np.log(ratio)]
    return tables


def items_of(
    people: Sequence[Person], tables: Mapping[str, Mapping[str, Sequence[float]]], classes: int
) -> Floats:
    """Return (n, items, classes) evidence."""
    rows = [evidence_of(person, tables, classes) for person in people]
    return np.array([[row[item] for item in ITEMS] for row in rows])


def fit_mixture(
    evidence: Floats, items: Floats, labels: Labels, shares: Floats, *, known: bool
) -> dict[str, Any]:
    """Fit temperature and the items' weights by the least negative log-likelihood.

    The classes are weighted as the prior has them, so that power 0 is all alike and 1 as counted.
    """
    prior = shares**PRIOR_POWER / (shares**PRIOR_POWER).sum()
    weight = torch.from_numpy((prior / shares)[labels])
    inputs, added = torch.from_numpy(evidence), torch.from_numpy(items)
    truth, log_prior = torch.from_numpy(labels), torch.from_numpy(np.log(prior))
    free = torch.zeros(1 + len(ITEMS), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([free], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = inputs * torch.exp(-free[0]) + log_prior
        if known:
            logits = logits + torch.einsum("nic,i->nc", added, free[1:])
        losses = functional.cross_entropy(logits, truth, reduction="none")
        loss = (losses * weight).sum() / weight.sum() + 1e-3 * (free[1:] - 0.5).square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    values = free.detach().tolist()
    weights = [max(0.0, value) if known else 0.0 for value in values[1:]]
    return {
        "temperature": float(np.exp(values[0])),
        "weights": dict(zip(ITEMS, weights, strict=True)),
        "prior": prior.tolist(),
    }


def fit_sets(
    evidence: Floats,
    items: Floats,
    labels: Labels,
    mixture: Mapping[str, Any],
    image_type: str,
    malignant: Sequence[int],
) -> dict[str, Any]:
    """Add softening and class-conditional thresholds of both questions."""
    softening, lowering = (SOFTENING, LOWERING) if image_type == PHOTOGRAPH else (1.0, 1.0)
    calibration = {**mixture, "softening": softening, "lowering": lowering, "level": LEVEL}
    rows = combine(evidence, items, calibration)
    two, truth = halves(rows, malignant), np.isin(labels, malignant).astype(np.intp)
    limits = fit_thresholds(two, truth, LEVEL)[0], fit_thresholds(two, truth, MALIGNANT_LEVEL)[1]
    return {
        **calibration,
        "thresholds": (fit_thresholds(rows, labels, LEVEL) * lowering).tolist(),
        "malignancy_level": {"benign": LEVEL, "malignant": MALIGNANT_LEVEL},
        "malignancy_thresholds": [float(limit) * lowering for limit in limits],
    }


def calibrate(
    evidence: Floats, items: Floats, labels: Labels, shares: Floats, malignant: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """Return calibrations by image type and by whether the person is known."""
    result: dict[str, dict[str, Any]] = {DERMOSCOPY: {}, PHOTOGRAPH: {}}
    for name, added in ((KNOWN, items), (UNKNOWN, np.zeros_like(items))):
        mixture = fit_mixture(evidence, added, labels, shares, known=name == KNOWN)
        for image_type, own in result.items():
            own[name] = fit_sets(evidence, added, labels, mixture, image_type, malignant)
    return result


def fit_head(network: SmallNetwork, embeddings: Tensor, labels: Labels) -> None:
    """Fit the head anew to the features of pictures as they are, with a penalty.

    Training sees crops of varied pictures; this moves the head to what will be read. As before,
    its logits are evidence, as if every class were equally common.
    """
    mean, deviation = embeddings.mean(0).double(), embeddings.std(0).double().clamp_min(1e-4)
    inputs, truth = (embeddings.double() - mean) / deviation, torch.from_numpy(labels)
    counted = torch.bincount(truth, minlength=network.head.out_features) / len(truth)
    free = torch.zeros(inputs.shape[1] + 1, len(counted), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([free], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = inputs @ free[1:] + free[0] + torch.log(counted)
        loss = functional.cross_entropy(logits, truth) + PENALTY / 2 * free[1:].square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        weight = free[1:] / deviation[:, None]
        network.head.weight.copy_(weight.T)
        network.head.bias.copy_(free[0] - mean @ weight)


def fit_image_type(dermoscopy: Floats, photographs: Floats) -> dict[str, Any]:
    """Fit a linear rule that tells photographs from dermoscopy.

    Args:
        dermoscopy: Shape (n, features), of the training.
        photographs: Shape (m, features); very few, so that only their mean is used.
    """
    low, centre, high = np.percentile(dermoscopy, (16, 50, 84), axis=0)
    spread = (high - low) / 2
    rows, others = (standardise(one, centre, spread) for one in (dermoscopy, photographs))
    covariance = np.cov(rows.T)
    covariance = 0.8 * covariance + 0.2 * np.diag(np.diag(covariance))
    weights = np.linalg.solve(covariance, others.mean(axis=0) - rows.mean(axis=0))
    limit = float(np.quantile(rows @ weights, SPECIFICITY))
    return {
        "centre": centre.tolist(),
        "spread": spread.tolist(),
        "weights": weights.tolist(),
        "limit": limit,
    }


def left_out(dermoscopy: Floats, photographs: Floats) -> list[bool]:
    """Return for each photograph whether a rule made without it finds it."""
    found = []
    for index in range(len(photographs)):
        rule = fit_image_type(dermoscopy, np.delete(photographs, index, axis=0))
        row = standardise(photographs[index], np.array(rule["centre"]), np.array(rule["spread"]))
        found.append(bool(row @ np.array(rule["weights"]) > rule["limit"]))
    return found
