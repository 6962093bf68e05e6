"""The weights in a model's folder: safetensors, and nothing that could run code."""

from __future__ import annotations

import hashlib
from pathlib import Path

from specialists.errors import BackendUnavailable

__all__ = ["require_safetensors"]


def require_safetensors(folder: Path) -> str:
    """Make sure that a folder has its weights as safetensors; gives their SHA-256.

    Returns:
        The digest of the file; of several, the digest of their digests in the order of names.

    Raises:
        BackendUnavailable: If there are none, or only a pickle, which is never loaded.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = [
            one for ending in ("bin", "pt", "pth", "ckpt") for one in folder.glob(f"*.{ending}")
        ]
        if pickles:
            raise BackendUnavailable(
                "The model's weights are a pickle, which could run code, and are not loaded. Turn "
                "them into safetensors: python -m specialists.encoders.convert FILE FOLDER."
            )
        raise BackendUnavailable("The model's folder has no safetensors: pull the model again.")
    digests = [_digest(file) for file in files]
    return (
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    )


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
