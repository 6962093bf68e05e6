"""What the reference backends share: card and weights beside the code, options, the first try."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Generic, TypeVar

from specialists.base import Request
from specialists.canary import Net, check
from specialists.errors import InvalidInput

__all__ = ["TriedBackend", "options_of", "read_card", "read_weights"]


AnyNet = TypeVar("AnyNet", bound=Net)
AnyRequest = TypeVar("AnyRequest", bound=Request)


class TriedBackend(Generic[AnyNet]):
    """A backend of one model, which is tried when it is loaded."""

    _net: AnyNet

    def canary(self) -> None:
        """Try the model on the known picture."""
        check(self._net)


def options_of(request: Request, kind: type[AnyRequest], tool: str) -> AnyRequest:
    """Return a request as a tool's own.

    Raises:
        InvalidInput: If it is another tool's.
    """
    if not isinstance(request, kind):
        raise InvalidInput(f"The options are not those of {tool}.")
    return request


def read_card(folder: Path) -> dict[str, Any]:
    """Return the model card `reference.json` of a folder."""
    card: dict[str, Any] = json.loads((folder / "reference.json").read_text("utf-8"))
    return card


def read_weights(path: Path, sha256: str) -> bytes:
    """Return the content of a file of weights.

    Args:
        path: A safetensors file.
        sha256: What its digest must be, hexadecimal.

    Raises:
        ValueError: If it is another.
    """
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path.name} does not have the SHA-256 that its card states")
    return content
