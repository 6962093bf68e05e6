"""Linear heads: trained on an encoder's features of the user's own cases, and kept with a card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists import hub
from specialists.base import Request
from specialists.errors import BackendUnavailable
from specialists.hub_models import known

__all__ = ["Head", "card_of", "place_of", "ready", "stored", "write"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """A linear classifier on standardised features."""

    mean: Floats
    """Shape (width,)."""
    scale: Floats
    weight: Floats
    """Shape (classes, width)."""
    bias: Floats

    def logits(self, features: NDArray[Any]) -> Floats:
        """Return (n, classes) for (n, width)."""
        standard = (np.asarray(features, np.float64) - self.mean) / self.scale
        return np.asarray(standard @ self.weight.T + self.bias)


def place_of(tool: str) -> Path:
    """Where a tool's head is kept; its card has the same name and ends in .json."""
    return hub.folder() / "heads" / f"{tool}.safetensors"


def card_of(tool: str) -> dict[str, Any] | None:
    """The card of a tool's head, if it has one."""
    place = place_of(tool).with_suffix(".json")
    if not place.is_file():
        return None
    card: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return card


def write(tool: str, head: Head, card: dict[str, Any]) -> dict[str, Any]:
    """Keep a head and its card, which gets the digest of the weights; gives the card."""
    from safetensors.numpy import save

    arrays = {
        name: np.asarray(getattr(head, name), np.float32) for name in Head.__dataclass_fields__
    }
    content = save(arrays)
    place = place_of(tool)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    place.write_bytes(content)
    told = {**card, "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    place.with_suffix(".json").write_text(text, encoding="utf-8")
    return told


def stored(tool: str) -> tuple[Head, dict[str, Any]]:
    """Read a tool's head and its card.

    Raises:
        BackendUnavailable: If there is none, or its weights are not those of the card.
    """
    from safetensors.numpy import load

    card = card_of(tool)
    if card is None or not place_of(tool).is_file():
        raise BackendUnavailable(f"There is no head for {tool}: wardround train-head makes one.")
    content = place_of(tool).read_bytes()
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        raise BackendUnavailable("The head is not the one that its card describes: train it again.")
    arrays = {name: array.astype(np.float64) for name, array in load(content).items()}
    return Head(**arrays), card


def ready(tool: str, request: Request | None) -> str | None:
    """Say why the backend `head` can't answer, or None if it can."""
    card = card_of(tool)
    if card is None:
        return f"needs a head on your cases (wardround train-head {tool} --encoder ID --data DIR)"
    organ, asked = card.get("organ"), getattr(request, "organ", None)
    if request is not None and organ is not None and asked != organ:
        return f"was trained for organ={organ}"
    model = known(card["encoder"]["id"]) or hub.model_of(card["encoder"]["id"])
    return hub.missing(model)
