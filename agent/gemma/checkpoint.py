"""A checkpoint on disk: where it lies, whether it fits, and on what it would run.

Source of the dtypes: Gemma 3 and 4 were trained in bfloat16 and overflow in float16.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specialists.errors import InvalidInput, PlannerUnavailable, WardroundError

__all__ = ["Place", "find_checkpoint", "free_gib", "needed_gib", "place", "require_memory"]

_MARGIN = 1.2
"""Weights and activations of one short chat, over the weights alone."""
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_GIB = 2**30


@dataclass(frozen=True)
class Place:
    """Where and how a model runs."""

    device: str
    """A torch device string."""
    dtype: str
    """'bfloat16' or 'float32'."""


def find_checkpoint(source: str, revision: str | None = None) -> Path:
    """Give the folder of a checkpoint: a local one, or the hub's, fetched if need be.

    Raises:
        PlannerUnavailable: If there is none, or the hub does not give it; says what would help.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
            return folder
        raise PlannerUnavailable(
            "The folder of WARDROUND_GEMMA_CHECKPOINT holds no checkpoint: config.json and "
            "*.safetensors are needed, as in the hub's layout."
        )
    return _downloaded(source, revision)


def _downloaded(source: str, revision: str | None) -> Path:
    from tools import hub

    try:
        return hub.fetched(source, revision)
    except InvalidInput:
        raise PlannerUnavailable(
            "WARDROUND_GEMMA_CHECKPOINT is neither a folder nor a model that the hub knows. "
            "It takes a local folder or an id such as google/gemma-4-E4B-it."
        ) from None
    except WardroundError as error:
        raise PlannerUnavailable(
            f"{error.client_message} A folder that has the model can be named in "
            "WARDROUND_GEMMA_CHECKPOINT."
        ) from None


def place(device: str = "auto") -> Place:
    """Resolve device and dtype once: bfloat16 on an accelerator, float32 on a processor."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu" and torch.backends.mps.is_available():
            device = "mps"
    return Place(device, "float32" if device.startswith("cpu") else "bfloat16")


def needed_gib(folder: Path, dtype: str) -> float:
    """Estimate the memory that a checkpoint takes when it runs in a dtype."""
    stored = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return stored * _BYTES[dtype] / _BYTES.get(_stored_dtype(folder), 2) * _MARGIN / _GIB


def _stored_dtype(folder: Path) -> str:
    """The checkpoint's own dtype; a quantised one runs as it is stored."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    text = config.get("text_config", {})
    for part in (config, text):
        for key in ("dtype", "torch_dtype"):
            if part.get(key):
                return str(part[key])
    return "bfloat16"


def free_gib(device: str) -> float | None:
    """Say how much memory is free on a device, or None where that can't be told."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.mem_get_info(device)[0] / _GIB
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = next((line.split()[1] for line in lines if line.startswith("MemAvailable")), None)
    return None if kib is None else int(kib) / 2**20


def require_memory(folder: Path, where: Place) -> None:
    """Check that a checkpoint fits before any of it is loaded.

    Raises:
        PlannerUnavailable: If it does not; says how much it needs and how much is free.
    """
    needed, free = needed_gib(folder, where.dtype), free_gib(where.device)
    if free is not None and needed > free:
        raise PlannerUnavailable(
            f"The model needs about {needed:.1f} GiB in {where.dtype} on {where.device}, and "
            f"{free:.1f} GiB are free. `wardround doctor` says which one fits."
        )
