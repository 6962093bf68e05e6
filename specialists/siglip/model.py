"""Loads MedSigLIP from a folder in the hub's layout, and runs its two towers.

Source: the model card of google/medsiglip-448 (SigLIP-400M; 448 x 448 pixels, 64 tokens).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from specialists.encoders.running import half_of, run_batches
from specialists.encoders.weights import require_safetensors
from specialists.errors import BackendUnavailable
from specialists.siglip.pixels import read_pixels

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Siglip"]

Floats = NDArray[np.float32]


class Siglip:
    """The two towers.

    Args:
        folder: `config.json`, safetensors, the tokenizer's and the processor's files.
        device: A torch device string.

    Raises:
        BackendUnavailable: If the folder holds another model, or its weights only as a pickle.
    """

    def __init__(self, folder: Path, device: str) -> None:
        import torch
        from transformers import AutoConfig, AutoTokenizer, SiglipModel

        self.weights_sha256 = require_safetensors(folder)
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type != "siglip":
            raise BackendUnavailable("The folder of MedSigLIP holds another kind of model.")
        self._torch, self._device, self._dtype = torch, device, half_of(device)
        model: Any = SiglipModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=self._dtype
        )
        self._model = model.to(device).eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._tokens = int(config.text_config.max_position_embeddings)
        self.pixels = read_pixels(folder)
        self.scale = float(self._model.logit_scale.detach().float().exp())

    def images(self, pictures: Sequence[NDArray[np.uint8]]) -> Floats:
        """Embed pictures (rows, columns, 3): (n, width), of length 1."""
        return _unit(run_batches(self.pixels.prepared, self._images, pictures))

    def _images(self, prepared: Floats) -> Floats:
        inputs = self._torch.from_numpy(prepared).to(self._device, self._dtype, non_blocking=True)
        with self._torch.inference_mode():
            return _plain(self._model.get_image_features(pixel_values=inputs))

    def texts(self, texts: Sequence[str]) -> Floats:
        """Embed texts: (n, width), of length 1. Padded to full length, as in the training."""
        encoded = self._tokenizer(
            list(texts),
            padding="max_length",
            max_length=self._tokens,
            truncation=True,
            return_tensors="pt",
        )
        with self._torch.inference_mode():
            found = self._model.get_text_features(input_ids=encoded["input_ids"].to(self._device))
        return _unit(_plain(found))


def _plain(found: Any) -> Floats:
    """The pooled output, which transformers gives bare or in an object."""
    tensor: Tensor = getattr(found, "pooler_output", found)
    return np.asarray(tensor.float().cpu().numpy())


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
