"""How the recogniser's pictures are varied in training, and in one half of its measurements."""

import io
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional

from specialists.recogniser.preprocess import SIZE
from specialists.training import augment
from specialists.training.sources import CLASSES, STORED

FILM, HAND, HE, SKIN, OTHER = (
    CLASSES.index(name)
    for name in (
        *("chest X-ray", "other radiograph", "H&E tissue"),
        *("skin image", "not a medical image"),
    )
)
GREY = len([name for name in CLASSES if name.endswith(("X-ray", "radiograph", "slice"))])


def recompress(images: Tensor, part: NDArray[np.intp], rng: np.random.Generator) -> None:
    """Pass half of the training images through a smaller JPEG, in place."""
    for index in part[rng.random(len(part)) < 0.5].tolist():
        image = Image.fromarray(images[index].permute(1, 2, 0).numpy())
        side, stored = int(rng.integers(48, STORED + 1)), io.BytesIO()
        image.resize((side, side)).save(stored, "JPEG", quality=int(rng.integers(25, 95)))
        again = Image.open(stored).convert("RGB").resize((STORED, STORED))
        images[index] = torch.from_numpy(np.array(again)).permute(2, 0, 1)


def floats(images: Tensor) -> Tensor:
    """Map uint8 to the network's range, as `preprocess` does."""
    return (images.float() / 255 - 0.5) * 4


def pick(chance: Tensor | float, n: int, rng: Generator) -> Tensor:
    """Return (n,) booleans, each true with its chance."""
    return torch.rand(n, generator=rng) < chance


def among(images: Tensor, chosen: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change the chosen images in place; `chosen` is (n,) booleans."""
    places = chosen.nonzero().flatten()
    if len(places):
        images[places] = change(images[places])
    return images


def lens(labels: Tensor, rng: Generator) -> Tensor:
    """Return (n, 3, 3) from the view's coordinates to the image's: turn, zoom, stretch, tilt."""
    n = len(labels)
    texture = (labels == HE) | (labels == SKIN)

    def between(low: float, high: float) -> Tensor:
        return augment.uniform(n, low, high, rng).flatten()

    angle = between(-0.3, 0.3) * torch.where(pick(0.15, n, rng), 5.0, 1.0)
    least = torch.where(texture, 0.3, 0.5).log()
    scale = torch.exp(-(least + between(0, 1) * (torch.where(texture, 0.47, 0.53) - least)))
    scale = torch.where((labels == HAND) & pick(0.4, n, rng), between(0.25, 0.5), scale)
    stretch = torch.exp(between(-0.3, 0.3))
    mirror = torch.where(pick(0.3, n, rng), -1.0, 1.0)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    tilted = pick(0.2, n, rng).float()
    room = (1 - scale).abs().clamp_min(0.15)
    rows = [
        *(cosine * stretch * mirror, -sine * stretch, between(-0.6, 0.6) * room),
        *(sine / stretch * mirror, cosine / stretch, between(-0.6, 0.6) * room),
        *(between(-0.25, 0.25) * tilted, between(-0.25, 0.25) * tilted, torch.ones(n)),
    ]
    return torch.stack(rows, 1).view(n, 3, 3)


def surround(n: int, rng: Generator) -> Tensor:
    """Return (n, 3, 1, 1): black, white, grey or coloured borders."""
    kind = torch.rand((n, 1, 1, 1), generator=rng)
    colour = torch.rand((n, 3, 1, 1), generator=rng) * 4 - 2
    colour = torch.where(kind < 0.9, colour[:, :1], colour)
    colour = torch.where(kind < 0.7, torch.tensor(2.0), colour)
    return torch.where(kind < 0.6, torch.tensor(-2.0), colour)


def frame(images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """Look at images through `lens`: textures may go on mirrored, others end in a border."""
    n = len(images)
    line = (torch.arange(SIZE) * 2 + 1) / SIZE - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], -1).view(1, -1, 3)
    seen = points @ lens(labels, rng).transpose(1, 2)
    grid = seen[..., :2] / seen[..., 2:].clamp_min(0.2)
    endless = ((labels == HE) | (labels == SKIN)) & pick(0.7, n, rng)
    folded = 1 - ((grid - 1).remainder(4) - 2).abs()
    grid = torch.where(endless.view(-1, 1, 1), folded * 0.99, grid).view(n, SIZE, SIZE, 2)
    fill = surround(n, rng)
    return functional.grid_sample(images - fill, grid, align_corners=False) + fill


def light(images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """Change brightness, contrast, gamma and casts; invert some films; make photographs grey."""
    n, grey = len(images), labels < GREY
    among(images, (labels == OTHER) & pick(0.4, n, rng), lambda x: x.mean(1, keepdim=True))
    gamma = torch.exp(augment.uniform(n, -0.6, 0.6, rng))
    bent = pick(0.6, n, rng)
    images = (images + 2).clamp_(0, 4)
    if bent.any():
        images[bent] = 4 * (images[bent] / 4).clamp_min(1e-4) ** gamma[bent]
    # Phones and stainers differ in colour more than scanners do.
    spread = torch.where((labels == HE) | (labels == SKIN), 1.6, 1.0).view(-1, 1, 1, 1)
    shade = torch.randn((n, 3, 1, 1), generator=rng) * 0.14 * spread
    gain = 1 + torch.randn((n, 3, 1, 1), generator=rng) * 0.07 * spread
    plain = (grey & ~pick(0.12, n, rng)).view(-1, 1, 1, 1)
    shade = torch.where(plain, augment.uniform(n, -0.25, 0.25, rng), shade)
    gain = torch.where(plain, torch.tensor(1.0), gain) * augment.uniform(n, 0.7, 1.35, rng)
    gain = torch.where(pick(0.25, n, rng).view(-1, 1, 1, 1), torch.tensor(1.0), gain)
    turned = ((labels <= HAND) & pick(0.1, n, rng)).view(-1, 1, 1, 1)
    images = (images - 2) * torch.where(turned, -gain, gain) + shade
    slope = torch.linspace(-1, 1, SIZE)
    slope = slope * augment.uniform(n, -0.5, 0.5, rng) + slope[:, None] * augment.uniform(
        n, -0.5, 0.5, rng
    )
    return images.add_(slope * pick(0.3, n, rng).view(-1, 1, 1, 1))


def glass(images: Tensor, rng: Generator) -> Tensor:
    """Leave tissue in irregular islands on white glass."""
    n = len(images)
    field = torch.randn((n, 1, 6, 6), generator=rng)
    field = functional.interpolate(field, (SIZE, SIZE), mode="bicubic")
    white = augment.uniform(n, 1.6, 2.0, rng)
    return torch.where(field > augment.uniform(n, -0.2, 1.0, rng), white, images)


def screen(images: Tensor, rng: Generator) -> Tensor:
    """Add the stripes of a photographed screen."""
    n = len(images)
    y, x = torch.arange(SIZE).view(1, 1, -1, 1), torch.arange(SIZE).view(1, 1, 1, -1)
    wave = x * augment.uniform(n, -1.2, 1.2, rng) + y * augment.uniform(n, -1.2, 1.2, rng)
    return images + torch.sin(wave) * augment.uniform(n, 0.03, 0.25, rng)


def vary(images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """Augment a batch.

    Frame, background, colours, contrast, resolution, a screen's stripes, hidden parts, noise.

    Args:
        images: Shape (n, 3, STORED, STORED), uint8.
        labels: Shape (n,), class indices.
        rng: The generator.

    Returns:
        Shape (n, 3, SIZE, SIZE), -2.2 to 2.2.
    """
    n = len(images)
    varied = frame(floats(images), labels, rng)
    among(varied, (labels == HE) & pick(0.33, n, rng), lambda x: glass(x, rng))
    varied = light(varied, labels, rng)
    among(varied, pick(0.5, n, rng), lambda x: augment.coarsen(x, rng, 20, SIZE))
    among(varied, pick(0.4, n, rng), lambda x: augment.sharpen_or_blur(x, rng, 3))
    among(varied, pick(0.08, n, rng), lambda x: screen(x, rng))
    varied = augment.mask_rectangles(varied, rng, 0.3, border=True)
    varied = augment.mask_rectangles(varied, rng, 0.2, border=False, largest=0.4)
    among(varied, pick(0.5, n, rng), lambda x: augment.speckle(x, rng, 0.2))
    return varied.clamp_(-2.2, 2.2)
