"""Finds the chest reference's patterns and fits its linear models."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from specialists.chest_xray.texture import FINE, PATCH, PATTERNS, Texture, inside
from specialists.measures import Floats
from specialists.training.loop import infer

PATCHES, ROUNDS = 60_000, 8
PENALTY = 3.0
BATCH = 8
WEIGHT = 1200.0
"""What the films of a model weigh together, against the penalty."""


def find_patterns(texture: Texture, films: Tensor, seed: int) -> None:
    """Set the patterns: centres of whitened patches of films, by spherical k-means.

    Args:
        texture: Changed in place.
        films: Shape (n, 1, rows, columns); no label is used.
        seed: Of which patches are drawn.
    """
    rng = np.random.default_rng(seed)
    patches = _patches(torch.cat([inside(part) for part in torch.split(films, 64)]), rng)
    patches = patches - patches.mean(1, keepdim=True)
    patches = patches / (patches.square().mean(1, keepdim=True) + 0.01).sqrt()
    middle = patches.mean(0)
    centred = patches - middle
    axes, spread, _ = torch.linalg.svd(centred.T @ centred / PATCHES)
    whiten = axes @ torch.diag((spread + 0.1).rsqrt()) @ axes.T
    filters = _centres(centred @ whiten, rng) @ whiten
    texture.patterns.copy_(filters.view_as(texture.patterns))
    texture.offset.copy_(filters @ middle)


def _patches(films: Tensor, rng: np.random.Generator) -> Tensor:
    """Return (PATCHES, PATCH * PATCH) places of films."""
    drawn = [rng.integers(0, most, PATCHES) for most in (len(films), FINE - PATCH, FINE - PATCH)]
    film, row, column = (torch.from_numpy(numbers)[:, None, None] for numbers in drawn)
    along = torch.arange(PATCH)
    return films[film, 0, row + along[:, None], column + along].flatten(1)


def _centres(points: Tensor, rng: np.random.Generator) -> Tensor:
    """Return (PATTERNS, d) directions that points lie along, either way."""
    centres = points[torch.from_numpy(rng.permutation(len(points))[:PATTERNS])]
    centres = centres / centres.norm(dim=1, keepdim=True)
    for _ in range(ROUNDS):
        likeness = points @ centres.T
        nearest = likeness.abs().argmax(1)
        pulled = likeness.gather(1, nearest[:, None]) * points
        moved = centres.index_add(0, nearest, pulled)
        centres = torch.as_tensor(moved / moved.norm(dim=1, keepdim=True))
    return torch.as_tensor(centres)


def both_sides(texture: Texture, films: Tensor) -> tuple[Floats, Floats]:
    """Return the features (n, COUNT) of films and of their mirror images."""
    upright = infer(texture.features, films, BATCH)
    mirrored = infer(texture.features, films.flip(-1), BATCH)
    return upright.double().numpy(), mirrored.double().numpy()


def weigh(texture: Texture, row: int, both: Sequence[Floats], truth: NDArray[np.bool_]) -> None:
    """Fit one linear model by ridge regression on -1 and 1, both classes weighing alike.

    Args:
        texture: Changed in place; `mean` must be set.
        row: Which model.
        both: Features (n, COUNT) of films and of their mirror images.
        truth: Shape (n,).
    """
    x, signs = np.concatenate(both), np.tile(np.where(truth, 1.0, -1.0), len(both))
    mean, scale = x.mean(0), (x.std(0) + 1e-3) * np.sqrt(x.shape[1])
    x = (x - mean) / scale
    share = np.where(signs > 0, truth.mean(), 1 - truth.mean())
    weights = WEIGHT / (2 * len(x) * share)
    kernel = x @ x.T + np.diag(PENALTY / weights)
    coefficients = x.T @ np.linalg.solve(kernel, signs) / scale
    _set(texture.linear, row, coefficients, (texture.mean.double().numpy() - mean) @ coefficients)


@torch.no_grad()
def _set(linear: nn.Linear, row: int, weights: Floats, bias: float) -> None:
    linear.weight[row] = torch.from_numpy(weights)
    linear.bias[row] = float(bias)
