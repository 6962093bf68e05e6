"""Writes a model card: what was trained, on what, how well it did and what it is not for."""

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from specialists.training.canary import canary_of

JOIN = "; then "
"""Between the command that trained and those that fitted or measured the rest."""


def write_weights(network: nn.Module, path: Path) -> str:
    """Write a network as float16 safetensors.

    Returns:
        The file's SHA-256, hexadecimal.
    """
    state = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous().clone()
        for name, tensor in network.state_dict().items()
    }
    content = save(state)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def halve(network: nn.Module) -> nn.Module:
    """Round the weights to float16 in place, so that what is measured is what ships."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())
    return network


def tidy(value: Any) -> Any:
    """Round floats to six significant digits, through lists and mappings."""
    if isinstance(value, Mapping):
        return {str(key): tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def command(module: str) -> str:
    """Return the command of this run, with folders by their last part only."""
    words = [word.rstrip("/").rsplit("/", 1)[-1] for word in sys.argv[1:]]
    return shlex.join(["python", "-m", module, *words])


def write_card(card: Mapping[str, Any], path: Path) -> None:
    """Write a card as JSON and print it: the same figures in both places.

    The weights lie beside it already: what they make of the known picture is added.
    """
    path.write_text(_text(card), encoding="utf-8")
    text = _text({**card, **canary_of(card, path.parent)})
    path.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _text(card: Mapping[str, Any]) -> str:
    return json.dumps(tidy(card), indent=2, ensure_ascii=False) + "\n"
