"""The training loop that the reference models share."""

import copy
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional

Draw = Callable[[np.random.Generator], NDArray[np.intp]]
Batch = Callable[[NDArray[np.intp], Generator], tuple[Tensor, Tensor]]
Validate = Callable[[nn.Module], float]


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: At most this many.
        batch_size: Images a step.
        learning_rate: Greatest, after the warm-up.
        weight_decay: Of AdamW, on matrices only.
        smoothing: Of the labels, 0 to 1.
        decay: Of the exponential moving average, a step.
        patience: Epochs without a better validation loss before the end.
        seed: Of everything random.
    """

    epochs: int
    batch_size: int = 48
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    smoothing: float = 0.05
    decay: float = 0.995
    patience: int = 12
    seed: int = 0


def start(seed: int) -> None:
    """Seed torch, keep to at most two threads and to repeatable kernels."""
    torch.manual_seed(seed)
    torch.set_num_threads(min(2, len(os.sched_getaffinity(0))))
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Otherwise every new tensor is first filled with NaN, which takes a third of augmentation.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    matrices = [p for p in network.parameters() if p.ndim > 1]
    rest = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def _rate(step: int, steps: int) -> float:
    """Return the share of the greatest learning rate: warm-up over a twentieth, then a cosine."""
    warm = max(1, steps // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the averaged weights and statistics a little towards the network's."""
    state = network.state_dict()
    for name, kept in average.state_dict().items():
        if kept.is_floating_point():
            kept.lerp_(state[name], 1 - decay)
        else:
            kept.copy_(state[name])


def _say(message: str) -> None:
    """Write progress to stderr where somebody looks."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{message}")
        sys.stderr.flush()


def fit(
    network: nn.Module, recipe: Recipe, draw: Draw, batch: Batch, validate: Validate
) -> tuple[nn.Module, list[float]]:
    """Train, and return the averaged network of the best epoch.

    Args:
        network: Trained in place.
        recipe: How.
        draw: The cases of one epoch, as indices.
        batch: Augmented images (n, c, rows, columns) and labels (n,) for indices.
        validate: Loss of a network on the validation cases; lower is better.

    Returns:
        The best averaged network in evaluation mode, and the validation loss of each epoch.
    """
    rng, generator = np.random.default_rng(recipe.seed), Generator().manual_seed(recipe.seed)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average, best = copy.deepcopy(network).eval(), copy.deepcopy(network).eval()
    optimiser = _optimiser(network, recipe)
    losses: list[float] = []
    done, began = 0, time.monotonic()
    for epoch in range(recipe.epochs):
        indices = draw(rng)
        steps = -(-len(indices) // recipe.batch_size)
        for part in np.array_split(indices, steps):
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * _rate(done, steps * recipe.epochs)
            _step(network, optimiser, *batch(part, generator), smoothing=recipe.smoothing)
            done += 1
            _follow(average, network, min(recipe.decay, done / (done + 10)))
            _say(f"epoch {epoch + 1}/{recipe.epochs}, {done % steps}/{steps}")
        losses.append(validate(average))
        elapsed = time.monotonic() - began
        sys.stdout.write(f"epoch {epoch + 1} validation loss {losses[-1]:.4f} {elapsed:.0f} s\n")
        sys.stdout.flush()
        if losses[-1] <= min(losses):
            best = copy.deepcopy(average)
        if len(losses) - int(np.argmin(losses)) > recipe.patience:
            break
    return best.eval(), losses


def _step(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    *,
    smoothing: float,
) -> None:
    network.train()
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(images)
    loss = functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimiser.step()


@torch.inference_mode()
def infer(function: Callable[[Tensor], Tensor], images: Tensor, size: int = 64) -> Tensor:
    """Apply a function of a batch to all images, `size` at a time, in float32."""
    return torch.cat([function(part).float() for part in torch.split(images, size)])
