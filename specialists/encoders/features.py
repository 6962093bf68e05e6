"""An encoder that is loaded: pictures in, features out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists import hub
from specialists.encoders.loading import build
from specialists.encoders.pixels import prepared
from specialists.encoders.running import BATCH, half_of, run_batches
from specialists.encoders.table import Encoder, Pooling
from specialists.encoders.weights import require_safetensors
from specialists.errors import BackendUnavailable

__all__ = ["FeatureCache", "FeatureEncoder", "load"]

Features = NDArray[np.float32]


class FeatureEncoder:
    """Runs an encoder.

    Args:
        encoder: Its description.
        folder: Where its files are.
        device: A torch device string.

    Raises:
        BackendUnavailable: If the files do not hold such a model.
    """

    def __init__(self, encoder: Encoder, folder: Path, device: str) -> None:
        import torch

        self.encoder = encoder
        self.weights_sha256 = require_safetensors(folder)
        self._torch, self._device, self._dtype = torch, device, half_of(device)
        self.model, self._tokens = build(encoder, folder, self._dtype)
        self.model.to(device)
        self._prefix = int(getattr(self.model, "num_prefix_tokens", 1))

    def features(self, pictures: Sequence[NDArray[np.uint8]], batch: int = BATCH) -> Features:
        """Describe pictures (rows, columns, 3) of any size: (n, width)."""

        def prepare(part: Sequence[NDArray[np.uint8]]) -> Features:
            return prepared(self.encoder, part)

        return run_batches(prepare, self.forward, pictures, batch)

    def forward(self, pictures: Features) -> Features:
        """Describe pictures that are prepared: (n, 3, side, side) to (n, width)."""
        inputs = self._torch.from_numpy(pictures).to(self._device, self._dtype, non_blocking=True)
        with self._torch.inference_mode():
            tokens, own = self._tokens(inputs)
            return np.asarray(self._pooled(tokens, own).float().cpu().numpy())

    def _pooled(self, tokens: Any, own: Any) -> Any:
        pooling: Pooling = self.encoder.pooling
        if pooling == "pooled" and own is not None:
            return own
        if pooling in ("cls", "pooled"):
            return tokens[:, 0]
        mean = tokens[:, self._prefix :].mean(dim=1)
        return mean if pooling == "mean" else self._torch.cat([tokens[:, 0], mean], dim=-1)

    @property
    def recipe(self) -> str:
        """A digest of all that features depend on: weights, pixels and pooling."""
        told = {name: value for name, value in asdict(self.encoder).items() if name != "hub"}
        text = json.dumps([self.weights_sha256, told], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def load(encoder: Encoder, device: str) -> FeatureEncoder:
    """Load an encoder from the folder of models.

    Raises:
        BackendUnavailable: If it is not there, or not what was fetched.
    """
    place = hub.checked(encoder.hub)
    if not isinstance(place, Path):
        reason = hub.missing(encoder.hub) or "is served by an endpoint, which gives no features"
        raise BackendUnavailable(f"The encoder {encoder.hub.id} {reason}.")
    return FeatureEncoder(encoder, place, device)


class FeatureCache:
    """Keeps features of files in the folder of models, by the files' digests.

    Features say little, but are made from patients' pictures: the folder is the user's alone.

    Args:
        recipe: What the features depend on beside the file.
    """

    def __init__(self, recipe: str) -> None:
        self.folder = hub.folder() / "features" / recipe[:16]

    def read(self, digest: str) -> Features | None:
        """The features of a file, if they are kept."""
        place = self.folder / f"{digest}.npy"
        return np.load(place, allow_pickle=False) if place.is_file() else None

    def write(self, digest: str, features: Features) -> None:
        """Keep the features of a file."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self.folder / f"{digest}.part.npy"
        np.save(unfinished, features, allow_pickle=False)
        unfinished.replace(self.folder / f"{digest}.npy")
