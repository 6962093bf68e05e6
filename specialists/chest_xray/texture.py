"""Hand-made and learnt features of a chest film for linear models: brightness, edges, patterns.

A few hundred adult films teach a linear model on these more than they teach a network.
Imported only by a backend that is about to run it, because it imports torch at the top.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from specialists.chest_xray.heat import INSIDE

FINE, COARSE, DIRECTIONS = 96, 48, 8
WIDTHS = (5, 9, 17)
PATTERNS, PATCH, LEAST = 64, 7, 0.5
GRIDS = ((1, 16), (DIRECTIONS, 8), (DIRECTIONS, 12), (1, 12), (len(WIDTHS), 12), (2 * PATTERNS, 6))
"""Of each kind of feature: how many a cell, and cells a side."""
COUNT = sum(channels * side * side for channels, side in GRIDS)


class Texture(nn.Module):
    """Features of a film, and linear models on them.

    Brightness stands on a 16 x 16 grid, edge directions on 8 x 8 and 12 x 12 cells, the strength
    of edges and the contrast at three widths on 12 x 12, and how strongly each learnt pattern
    occurs, and its negative, on 6 x 6. The patterns are centres of whitened patches of films,
    found without any label.

    Source: Dalal and Triggs 2005, Histograms of Oriented Gradients; Coates, Lee and Ng 2011, An
    Analysis of Single-Layer Networks in Unsupervised Feature Learning.
    """

    patterns: Tensor
    offset: Tensor
    mean: Tensor

    def __init__(self, outputs: int) -> None:
        """Build with so many linear models."""
        super().__init__()
        self.register_buffer("patterns", torch.zeros(PATTERNS, 1, PATCH, PATCH))
        self.register_buffer("offset", torch.zeros(PATTERNS))
        self.register_buffer("mean", torch.zeros(COUNT))
        self.linear = nn.Linear(COUNT, outputs)

    def features(self, films: Tensor) -> Tensor:
        """Return (n, COUNT) for squares of shape (n, 1, rows, columns), of any scale."""
        film = inside(films)
        coarse, _ = _edges(_shrunk(film, COARSE), COARSE // 8)
        fine, strength = _edges(film, FINE // 12)
        contrast = [_shrunk(_contrast(film, width), 12) for width in WIDTHS]
        parts = [_shrunk(film, 16), coarse, fine, strength, *contrast, self._occurrence(film)]
        return torch.cat([part.flatten(1) for part in parts], dim=1)

    def forward(self, films: Tensor) -> Tensor:
        """Return (n, outputs) for films and their mirror images on average."""
        both = self.features(films) + self.features(films.flip(-1))
        return torch.as_tensor(self.linear(both / 2 - self.mean))

    def contributions(self, film: Tensor, weights: Sequence[float]) -> Tensor:
        """Show where a weighted sum of the linear models comes from.

        Args:
            film: Shape (1, 1, rows, columns).
            weights: One for each output.

        Returns:
            Shape (FINE, FINE), over the film without its rim; the mean is the weighted sum, less
            the bias.
        """
        row = torch.tensor(weights) @ self.linear.weight
        both = [self.features(view)[0] - self.mean for view in (film, film.flip(-1))]
        upright, mirrored = (_laid_out(row * features) for features in both)
        return (upright + mirrored.flip(-1)) / 2

    def _occurrence(self, film: Tensor) -> Tensor:
        """Return (n, 2 * PATTERNS, 6, 6): the root of how much patches look like patterns."""
        mean = functional.avg_pool2d(film, PATCH, 1)
        power = functional.avg_pool2d(film.square(), PATCH, 1)
        deviation = ((power - mean.square()).clamp_min(0) + 0.01).sqrt()
        raw = functional.conv2d(film, self.patterns)
        raw = raw - mean * self.patterns.sum((1, 2, 3)).view(1, -1, 1, 1)
        likeness = raw / deviation - self.offset.view(1, -1, 1, 1)
        both = torch.cat([likeness - LEAST, -likeness - LEAST], dim=1).clamp_min(0)
        return functional.adaptive_avg_pool2d(both, 6).sqrt()


def inside(films: Tensor) -> Tensor:
    """Return (n, 1, FINE, FINE): films without their rim, zero mean and unit deviation."""
    edge = int(films.shape[-1] * INSIDE)
    small = _shrunk(films[..., edge:-edge, edge:-edge], FINE)
    centred = small - small.mean((2, 3), keepdim=True)
    return centred / small.std((2, 3), keepdim=True).clamp_min(1e-3)


def _laid_out(parts: Tensor) -> Tensor:
    """Spread (COUNT,) parts of a sum over the places that they come from; the mean is the sum."""
    result, first = torch.zeros(FINE, FINE), 0
    for channels, side in GRIDS:
        grid = parts[first : first + channels * side * side].view(channels, side, side).sum(0)
        result += functional.interpolate(grid[None, None], (FINE, FINE))[0, 0] * side * side
        first += channels * side * side
    return result


def _shrunk(films: Tensor, size: int) -> Tensor:
    return functional.interpolate(films, (size, size), mode="bilinear", antialias=True)


def _edges(films: Tensor, cell: int) -> tuple[Tensor, Tensor]:
    """Return (n, DIRECTIONS, k, k) shares of directions and (n, 1, k, k) log strength."""
    padded = functional.pad(films, [1] * 4, mode="replicate")
    across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    strength = (across.square() + down.square() + 1e-12).sqrt()
    angle = torch.atan2(down, across).remainder(math.pi) / math.pi * DIRECTIONS
    gap = (angle - torch.arange(DIRECTIONS).view(1, -1, 1, 1)).remainder(DIRECTIONS)
    share = (1 - torch.minimum(gap, DIRECTIONS - gap)).clamp_min(0)
    cells = functional.avg_pool2d(share * strength, cell)
    around = _mean(cells.square().sum(1, keepdim=True), 3).sqrt()
    return cells / (around + 1e-3), (around + 1e-6).log()


def _contrast(films: Tensor, width: int) -> Tensor:
    """Return the log of the local deviation in a window of odd `width` pixels."""
    return (_mean((films - _mean(films, width)).square(), width) + 1e-4).sqrt().log()


def _mean(films: Tensor, width: int) -> Tensor:
    padded = functional.pad(films, [width // 2] * 4, mode="replicate")
    return functional.avg_pool2d(functional.avg_pool2d(padded, (width, 1), 1), (1, width), 1)
