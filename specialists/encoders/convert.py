"""Turns weights that are a pickle into safetensors, without running what the pickle could hold.

    python -m specialists.encoders.convert FILE FOLDER

FILE is a `.bin`, `.pt` or `.pth`; `model.safetensors` is written to FOLDER. torch's restricted
unpickler reads it: tensors, plain containers and a training program's arguments alone. A model
that was pickled as a whole object (torchxrayvision's) is read with the classes of its layers
allowed by name, and nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from specialists.errors import InvalidInput

__all__ = ["convert"]

_NESTED = ("model", "state_dict", "teacher")
"""Keys under which training programs put the weights."""
_TRAINING_ONLY = ("decoder", "mask_token")
"""Beginnings of names of what a masked autoencoder needs only while it is trained."""


def convert(file: Path, folder: Path) -> Path:
    """Write the weights of a pickle as safetensors; gives the file that was written.

    Where the folder has no `config.json`, one is written that says what they were made of.

    Raises:
        InvalidInput: If it holds anything but weights.
    """
    from safetensors.torch import save_file

    state = _state(_loaded(file))
    own = {
        name: values.contiguous().clone()
        for name, values in state.items()
        if not name.startswith(_TRAINING_ONLY)
    }
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "model.safetensors"
    save_file(own, place, {"format": "pt"})
    told = folder / "config.json"
    if not told.exists():
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        told.write_text(json.dumps({"converted_from_sha256": digest}) + "\n", encoding="utf-8")
    return place


def _loaded(file: Path) -> Any:
    import pickle

    import torch

    try:
        with torch.serialization.safe_globals(_layers()):
            return torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        raise InvalidInput(
            "The file holds more than weights and known layers, and was not loaded."
        ) from None


def _layers() -> list[Any]:
    """Arguments of a training program, and classes that a pickled xrv DenseNet is made of."""
    from importlib.util import find_spec

    from torch import nn

    if find_spec("torchxrayvision") is None:
        return [argparse.Namespace]
    from torchxrayvision import models

    names = ("DenseNet", "_DenseBlock", "_DenseLayer", "_Transition")
    plain = (
        nn.Sequential, nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.Linear,
    )  # fmt: skip
    return [argparse.Namespace, *(getattr(models, name) for name in names), *plain]


def _state(loaded: Any) -> dict[str, Any]:
    """Tensors by name.

    Raises:
        InvalidInput: If there are none.
    """
    import torch

    if isinstance(loaded, torch.nn.Module):
        loaded = loaded.state_dict()
    for key in _NESTED:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    found = (
        {str(name): values for name, values in loaded.items() if isinstance(values, torch.Tensor)}
        if isinstance(loaded, Mapping)
        else {}
    )
    if not found:
        raise InvalidInput("The file holds no weights by name.")
    return found


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    sys.stdout.write(f"{convert(given.file, given.folder)}\n")


if __name__ == "__main__":
    main()
