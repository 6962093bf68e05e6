"""How the recogniser's pictures are varied in training, and in one half of its measurements."""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional

from specialists.recogniser.preprocess import SIZE
from specialists.training import augment
from specialists.training.sources import CLASSES, STORED

HE, SKIN, OTHER = (CLASSES.index(n) for n in ("H&E tissue", "skin image", "not a medical image"))
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


def frame(images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """Place images in their frame: tissue and skin may fill it mirrored, others leave a border."""
    n = len(images)
    turned = torch.where(augment.uniform(n, 0, 1, rng) < 0.3, images.flip(3), images)
    turned = torch.where(augment.uniform(n, 0, 1, rng) < 0.12, turned.transpose(2, 3), turned)
    fill = augment.uniform(n, -2, 2, rng)
    fill = torch.where(augment.uniform(n, 0, 1, rng) < 0.6, torch.tensor(-2.0), fill)
    options = {"degrees": 18.0, "aspect": 0.25, "shift": 0.1}
    framed = augment.place(turned - fill, SIZE, rng, zoom=(0.6, 1.7), padding="zeros", **options)
    filled = augment.place(turned, SIZE, rng, zoom=(0.3, 1.6), padding="reflection", **options)
    texture = ((labels == HE) | (labels == SKIN)).view(-1, 1, 1, 1)
    mirrored = texture & (augment.uniform(n, 0, 1, rng) < 0.7)
    return torch.where(mirrored, filled, framed + fill)


def tint(images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """Change colours: casts, a light from one side, grey photographs, inverted films."""
    n = len(images)
    shade = torch.randn((n, 3, 1, 1), generator=rng) * 0.12
    gain = 1 + torch.randn((n, 3, 1, 1), generator=rng) * 0.06
    coloured = (images * gain + shade) * augment.uniform(n, 0.7, 1.2, rng)
    grey = (labels < GREY).view(-1, 1, 1, 1)
    chance = torch.where(grey, torch.tensor(0.15), torch.tensor(0.8))
    images = torch.where(augment.uniform(n, 0, 1, rng) < chance, coloured, images)
    plain = (labels == OTHER).view(-1, 1, 1, 1) & (augment.uniform(n, 0, 1, rng) < 0.35)
    images = torch.where(plain, images.mean(1, keepdim=True), images)
    slope = torch.linspace(-1, 1, SIZE) * augment.uniform(n, -0.5, 0.5, rng)
    images = torch.where(augment.uniform(n, 0, 1, rng) < 0.3, images + slope, images)
    film = (labels < 2).view(-1, 1, 1, 1) & (augment.uniform(n, 0, 1, rng) < 0.05)
    return torch.where(film, -images, images)


def whiten_background(images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """Leave tissue in irregular islands on white glass, in a third of the H&E images."""
    n = len(images)
    field = torch.randn((n, 1, 6, 6), generator=rng)
    field = functional.interpolate(field, (SIZE, SIZE), mode="bicubic")
    glass = (field > augment.uniform(n, -0.2, 1.0, rng)) & (labels == HE).view(-1, 1, 1, 1)
    glass = glass & (augment.uniform(n, 0, 1, rng) < 0.33)
    return torch.where(glass, augment.uniform(n, 1.6, 2.0, rng), images)


def vary(images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """Augment a batch: frame, background, colours, contrast, resolution, noise, hidden parts."""
    varied = frame(floats(images), labels, rng)
    varied = whiten_background(varied, labels, rng)
    varied = augment.sometimes(augment.bend(varied, rng, 0.6), varied, 0.7, rng)
    varied = tint(varied, labels, rng)
    varied = augment.sometimes(augment.coarsen(varied, rng, 20, SIZE), varied, 0.6, rng)
    varied = augment.sometimes(augment.sharpen_or_blur(varied, rng, 3), varied, 0.4, rng)
    varied = augment.mask_rectangles(varied, rng, 0.3, border=True)
    varied = augment.mask_rectangles(varied, rng, 0.2, border=False, largest=0.4)
    return augment.speckle(varied, rng, 0.15).clamp(-2.2, 2.2)
