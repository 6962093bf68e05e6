"""Makes torchvision importable beside a torch that it was not built for."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["ready_torchvision"]

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@cache
def ready_torchvision() -> None:
    """Let `import torchvision` go through, to be called before timm, or an image processor.

    A torch without CUDA and a torchvision with it, as package indices give them side by side,
    fail at the import: torchvision describes two compiled operators that it could not load.
    Nothing here uses them, so their names are declared, and the rest of torchvision is as ever.
    """
    found = find_spec("torchvision")
    if found is None or found.origin is None:
        return
    import torch

    try:
        for compiled in Path(found.origin).parent.glob("_C.*"):
            torch.ops.load_library(str(compiled))  # type: ignore[no-untyped-call]
    except OSError:
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", _SCHEMA)
