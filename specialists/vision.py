"""Lets torchvision be imported beside a torch that it was not built for.

A torch without CUDA and a torchvision with it, as package indices give them side by side, fail at
`import torchvision`, and with it timm and most of transformers: torchvision describes two compiled
operators that it could not load. Nothing here uses them, so their names are declared before.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["watch"]

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _Watch(MetaPathFinder):
    """Finds torchvision as ever, and declares what it lacks when it is about to be run."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != "torchvision":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_prepared(module: ModuleType) -> None:
                _declare(Path(str(spec.origin)).parent)
                run(module)

            spec.loader.exec_module = run_prepared  # type: ignore[method-assign]
        return spec


def _declare(folder: Path) -> None:
    import torch

    try:
        for compiled in folder.glob("_C.*"):
            torch.ops.load_library(str(compiled))  # type: ignore[no-untyped-call]
    except OSError:
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", _SCHEMA)


def watch() -> None:
    """Do so from now on, whoever imports it; costs nothing before."""
    if not any(isinstance(finder, _Watch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watch())
