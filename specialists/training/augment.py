"""Augmentation on whole batches of images; every function takes and returns (n, c, rows, columns).

Random numbers come from the generator that is passed in, so that a run can be repeated.
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional


def uniform(n: int, low: float, high: float, rng: Generator) -> Tensor:
    """Return (n, 1, 1, 1) values between `low` and `high`."""
    return torch.rand((n, 1, 1, 1), generator=rng) * (high - low) + low


def sometimes(changed: Tensor, unchanged: Tensor, chance: float, rng: Generator) -> Tensor:
    """Take each image of `changed` with the given chance, otherwise that of `unchanged`."""
    return torch.where(uniform(len(changed), 0, 1, rng) < chance, changed, unchanged)


def place(
    images: Tensor,
    size: int,
    rng: Generator,
    *,
    degrees: float = 10,
    zoom: tuple[float, float] = (0.85, 1.15),
    aspect: float = 0.12,
    shift: float = 0.08,
    padding: str = "border",
) -> Tensor:
    """Rotate, zoom, stretch and shift, and sample at `size`.

    Args:
        images: Shape (n, c, rows, columns).
        size: Rows and columns of the result.
        rng: The generator.
        degrees: Largest rotation.
        zoom: Smallest and largest magnification.
        aspect: Largest logarithm of the stretch.
        shift: Largest shift as a share of the image.
        padding: What lies outside: "border", "zeros" or "reflection".
    """
    n = len(images)
    angle = uniform(n, -degrees, degrees, rng).flatten() * math.pi / 180
    scale = 1 / uniform(n, *zoom, rng).flatten()
    stretch = torch.exp(uniform(n, -aspect, aspect, rng).flatten())
    move = uniform(2 * n, -2 * shift, 2 * shift, rng).view(2, n)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [
        torch.stack([cosine * stretch, -sine * stretch, move[0]], 1),
        torch.stack([sine / stretch, cosine / stretch, move[1]], 1),
    ]
    grid = functional.affine_grid(
        torch.stack(rows, 1), [n, images.shape[1], size, size], align_corners=False
    )
    return functional.grid_sample(images, grid, padding_mode=padding, align_corners=False)


def bend(images: Tensor, rng: Generator, strength: float = 0.5) -> Tensor:
    """Apply a random gamma between the least and the greatest value of each image."""
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    span = (high - low).clamp_min(1e-4)
    gamma = torch.exp(uniform(len(images), -strength, strength, rng))
    return ((images - low) / span).clamp(1e-4, 1) ** gamma * span + low


def smooth(images: Tensor, width: int) -> Tensor:
    """Blur with a box of odd `width` pixels."""
    padded = functional.pad(images, [width // 2] * 4, mode="replicate")
    return functional.avg_pool2d(padded, width, 1)


def sharpen_or_blur(images: Tensor, rng: Generator, width: int = 5) -> Tensor:
    """Blend with a blurred copy, positively or negatively."""
    return torch.lerp(images, smooth(images, width), uniform(len(images), -0.7, 1.0, rng))


def even_out(images: Tensor, rng: Generator) -> Tensor:
    """Take away a random part of the slow changes of brightness."""
    small = functional.interpolate(images, (24, 24), mode="area")
    slow = functional.interpolate(smooth(small, 9), images.shape[-2:], mode="bilinear")
    return images - uniform(len(images), 0, 0.6, rng) * slow


def coarsen(images: Tensor, rng: Generator, least: int, most: int) -> Tensor:
    """Pass the batch through a lower resolution, between `least` and `most` pixels."""
    size = int(torch.randint(least, most + 1, (1,), generator=rng))
    small = functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    return functional.interpolate(small, images.shape[-2:], mode="bilinear")


def speckle(images: Tensor, rng: Generator, strength: float = 0.1) -> Tensor:
    """Add normal noise of a random deviation up to `strength`."""
    noise = torch.randn(images.shape, generator=rng)
    return images + noise * uniform(len(images), 0, strength, rng)


def mask_rectangles(
    images: Tensor, rng: Generator, chance: float, *, border: bool, largest: float = 0.22
) -> Tensor:
    """Hide one rectangle an image under one of its own values.

    Args:
        images: Shape (n, c, rows, columns).
        rng: The generator.
        chance: Share of images changed.
        border: Whether the rectangle lies at a corner, where markers stand; otherwise anywhere.
        largest: Greatest side as a share of the image.
    """
    n, channels, rows, columns = images.shape
    result = images.clone()
    draws = torch.rand((n, 7), generator=rng).tolist()
    for index, (take, height, width, y, x, py, px) in enumerate(draws):
        if take >= chance:
            continue
        h, w = 1 + int(height * largest * rows), 1 + int(width * largest * columns)
        top, left = (round(y), round(x)) if border else (y, x)
        y0, x0 = int(top * (rows - h)), int(left * (columns - w))
        fill = images[index, :, int(py * (rows - 1)), int(px * (columns - 1))]
        result[index, :, y0 : y0 + h, x0 : x0 + w] = fill.view(channels, 1, 1)
    return result


def standardise(images: Tensor) -> Tensor:
    """Give each image zero mean and unit deviation."""
    mean = images.mean((1, 2, 3), keepdim=True)
    return (images - mean) / images.std((1, 2, 3), keepdim=True).clamp_min(1e-3)
