"""Which Gemma for which machine, and the line that serves it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

__all__ = ["CHOICES", "Choice", "choose", "gpu_memory_gib"]


@dataclass(frozen=True)
class Choice:
    """A Gemma for a machine that has at least so much GPU memory."""

    memory_gib: float
    """Of one GPU, with the few per cent that the driver keeps left off."""
    model: str
    """Hub id; empty for what the package itself ships."""
    why: str
    flags: tuple[str, ...] = ()

    @property
    def serve(self) -> str:
        """The exact vLLM command, or an empty string where nothing is to be served."""
        if not self.model:
            return ""
        common = ("--max-model-len", "32768", "--reasoning-parser", "gemma4")
        return " ".join(("vllm", "serve", self.model, *common, *self.flags))


CHOICES = (
    Choice(
        76,
        "google/gemma-4-31B-it",
        "the best at tools (Tau2 76.9); fp8, about 38 GB, for a card that it has to itself",
        ("--quantization", "fp8"),
    ),
    Choice(
        44,
        "google/gemma-4-26B-A4B-it",
        "Tau2 68.2 at the speed of 4 billion parameters; fp8, about 32 GB, so that specialist "
        "models have room beside it on 80 GB",
        ("--quantization", "fp8", "--gpu-memory-utilization", "0.55"),
    ),
    Choice(
        15,
        "google/gemma-4-12B-it-qat-w4a16-ct",
        "about 9 GB of weights, which leaves room for a specialist on 24 GB",
        ("--gpu-memory-utilization", "0.65"),
    ),
    Choice(
        7.4,
        "google/gemma-4-E4B-it-qat-mobile-ct",
        "the only E4B that fits 8 GB; E2B is far weaker at tools (Tau2 24.5 against 42.2)",
    ),
    Choice(0, "", "no GPU with 8 GB: what the package ships plans, and plain code composes"),
)
"""Most memory first. Source: the models' cards, November 2026."""


def choose(memory_gib: float | None) -> Choice:
    """Give the best choice for a GPU's memory; None is no GPU."""
    return next(one for one in CHOICES if (memory_gib or 0) >= one.memory_gib)


def gpu_memory_gib() -> float | None:
    """Read the memory of the largest NVIDIA GPU from its driver; None where there is none."""
    if shutil.which("nvidia-smi") is None:
        return None
    asked = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout
        return max(float(line) for line in told.split()) / 1024
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
