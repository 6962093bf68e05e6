"""The one small convolutional classifier that the chest and recogniser references share.

Imported only by a backend that is about to run it, because it imports torch at the top.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor, nn

from specialists.reference import read_weights


class SqueezeExcite(nn.Module):
    """Reweight channels by a summary of the whole image."""

    def __init__(self, channels: int) -> None:
        """Build for (n, channels, rows, columns)."""
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // 8, 1)
        self.expand = nn.Conv2d(channels // 8, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape, each channel scaled by 0 to 1."""
        summary = torch.relu(self.reduce(x.mean(dim=(2, 3), keepdim=True)))
        return x * torch.sigmoid(self.expand(summary))


class Block(nn.Module):
    """Two 3 x 3 convolutions with a shortcut; the first may halve the size."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        """Build from `inside` to `outside` channels."""
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(inplace=True),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outside),
            SqueezeExcite(outside),
        )
        same = inside == outside and stride == 1
        self.shortcut: nn.Module = nn.Identity() if same else _project(inside, outside, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, outside, rows / stride, columns / stride)."""
        return torch.relu(self.shortcut(x) + self.body(x))


def _project(inside: int, outside: int, stride: int) -> nn.Module:
    layers: list[nn.Module] = [nn.AvgPool2d(2)] if stride == 2 else []
    return nn.Sequential(
        *layers, nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside)
    )


class SmallNetwork(nn.Module):
    """A squeeze-and-excitation residual network with an average-pooled linear head.

    The head is linear on the average, so that a class activation map is exact: the mean of the
    map over the image is the logit, less the bias.
    """

    centres: Tensor
    whitening: Tensor

    def __init__(
        self,
        channels: int,
        classes: int,
        widths: Sequence[int],
        depths: Sequence[int],
        *,
        guard: bool = False,
    ) -> None:
        """Build the network.

        Args:
            channels: 1 for grey, 3 for colour input.
            classes: Number of logits.
            widths: Channels of the stem and of each stage; every stage halves the size.
            depths: Blocks of each stage, one fewer than `widths`.
            guard: Whether to carry the class means that `distance` needs.
        """
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, widths[0], 5, 2, 2, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        blocks: list[nn.Module] = []
        for inside, outside, depth in zip(widths[:-1], widths[1:], depths, strict=True):
            blocks.append(Block(inside, outside, 2))
            blocks.extend(Block(outside, outside, 1) for _ in range(depth - 1))
        self.stages = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(widths[-1], classes)
        if guard:
            self.register_buffer("centres", torch.zeros(classes, widths[-1]))
            self.register_buffer("whitening", torch.eye(widths[-1]))

    def feature_map(self, x: Tensor) -> Tensor:
        """Return (n, widths[-1], rows / 2**stages, columns / 2**stages) before pooling."""
        features: Tensor = self.stages(self.stem(x))
        return features

    def embed(self, x: Tensor) -> Tensor:
        """Return (n, widths[-1]) pooled features."""
        return self.feature_map(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, classes) logits for (n, channels, rows, columns)."""
        logits: Tensor = self.head(self.dropout(self.embed(x)))
        return logits

    def distance(self, embedding: Tensor) -> Tensor:
        """Return (n, classes) Mahalanobis distances of (n, widths[-1]) features to each class.

        Source: Lee et al. 2018, A Simple Unified Framework for Detecting Out-of-Distribution
        Samples; `whitening` is a square root of the shared inverse covariance.
        """
        centres: Tensor = self.centres @ self.whitening
        return torch.cdist(embedding @ self.whitening, centres)

    def activation_map(self, x: Tensor, positive: int, negative: int) -> Tensor:
        """Return (n, rows, columns): where the features speak for `positive` over `negative`."""
        direction = self.head.weight[positive] - self.head.weight[negative]
        return torch.einsum("nchw,c->nhw", self.feature_map(x), direction)


def build_network(architecture: Mapping[str, Any]) -> SmallNetwork:
    """Build from a card's `architecture`: channels, classes, widths, depths, guard."""
    return SmallNetwork(
        architecture["channels"],
        architecture["classes"],
        architecture["widths"],
        architecture["depths"],
        guard=architecture.get("guard", False),
    )


def load_network(weights_path: Path, card: Mapping[str, Any]) -> SmallNetwork:
    """Load shipped weights for inference.

    Args:
        weights_path: A safetensors file; float16 is run as float32.
        card: Its model card, with `sha256` and `architecture`.

    Returns:
        In evaluation mode, on the CPU.

    Raises:
        ValueError: If the file's SHA-256 is not the card's.
    """
    network = build_network(card["architecture"])
    load_weights(network, weights_path, card["sha256"])
    return network


def load_weights(network: nn.Module, weights_path: Path, sha256: str, prefix: str = "") -> None:
    """Load shipped weights into a network, and put it in evaluation mode.

    Args:
        network: Of the architecture that the file was written from.
        weights_path: A safetensors file; float16 is run as float32.
        sha256: What the file's digest must be, hexadecimal.
        prefix: Of the names that are loaded, and taken off them.

    Raises:
        ValueError: If it is another.
    """
    content = read_weights(weights_path, sha256)
    state = {
        name.removeprefix(prefix): tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in load(content).items()
        if name.startswith(prefix)
    }
    network.load_state_dict(state)
    network.eval()
