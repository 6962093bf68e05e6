"""What the skin network sees in training: which pictures, how varied, and what its loss adds."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from specialists.network import SmallNetwork
from specialists.training import augment
from specialists.training.skin_facts import CLASSES

CROP = 128


class Adjusted(nn.Module):
    """A network whose logits get the drawn classes' log shares while it trains.

    What the network itself then gives is evidence, as if every class were equally common.

    Source: Menon et al. 2021, Long-tail learning via logit adjustment.
    """

    shares: Tensor

    def __init__(self, network: SmallNetwork, shares: NDArray[np.float64]) -> None:
        """Wrap `network`; `shares` has shape (classes,)."""
        super().__init__()
        self.network = network
        self.register_buffer("shares", torch.from_numpy(shares).float())

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, classes): adjusted in training, the network's own otherwise."""
        logits: Tensor = self.network(images)
        return logits + torch.log(self.shares) if self.training else logits


def inner(network: nn.Module) -> SmallNetwork:
    """Return what `Adjusted` wraps."""
    if not isinstance(network, Adjusted):
        raise TypeError("not an Adjusted network")
    return network.network


def illuminate(images: Tensor, rng: Generator) -> Tensor:
    """Change the light of images in 0..1: its colour, strength, saturation and direction."""
    n = len(images)
    gains = 1 + (torch.rand((n, 3, 1, 1), generator=rng) - 0.5) * 0.2
    images = images * gains * augment.uniform(n, 0.85, 1.15, rng)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * augment.uniform(n, 0.75, 1.3, rng)
    ramp = torch.linspace(-1, 1, images.shape[-1])
    slope = augment.uniform(n, -0.15, 0.15, rng) * ramp.view(1, 1, 1, -1)
    slope = slope + augment.uniform(n, -0.15, 0.15, rng) * ramp.view(1, 1, -1, 1)
    return (images * (1 + slope)).clamp(0, 1)


def vary(stored: Tensor, rng: Generator) -> Tensor:
    """Augment a batch of 0..255 bytes: position, mirroring, light, sharpness; map to -2..2.

    The crop is taken at about the stored scale, so that the whole picture can be read at that
    scale afterwards.
    """
    images = stored.float() / 255
    images = augment.place(
        images, CROP, rng, degrees=180, zoom=(0.95, 1.65), shift=0.1, padding="reflection"
    )
    images = illuminate(augment.sometimes(images.flip(3), images, 0.5, rng), rng)
    changed = augment.sharpen_or_blur(images, rng, 3).clamp(0, 1)
    images = augment.sometimes(changed, images, 0.3, rng)
    images = augment.mask_rectangles(images, rng, 0.4, border=False, largest=0.4)
    return (images - 0.5) * 4


def shares(labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how often each class is drawn: in proportion to the root of its cases."""
    roots = np.sqrt(np.bincount(labels, minlength=len(CLASSES)))
    return np.asarray(roots / roots.sum())


def draw(
    labels: NDArray[np.intp], part: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw as many cases as `part` has, by `shares`, without repeats while they last."""
    wanted = np.rint(shares(labels[part]) * len(part)).astype(int)
    drawn = []
    for index, size in enumerate(wanted):
        own = part[labels[part] == index]
        rounds = -(-size // len(own))
        drawn.append(np.concatenate([rng.permutation(own) for _ in range(rounds)])[:size])
    return np.asarray(rng.permutation(np.concatenate(drawn)))
