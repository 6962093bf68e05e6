"""Loads the DenseNet and runs it on films.

Source: TorchXRayVision's documentation (normalisation, cropping, resizing, operating points), and
Cohen et al. 2022, TorchXRayVision: A library of chest X-ray datasets and models.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.encoders.running import run_batches
from specialists.encoders.weights import require_safetensors
from specialists.errors import BackendUnavailable
from specialists.xrv.offer import OUTPUTS

__all__ = ["SIZE", "DenseNet", "operating", "prepared"]

SIZE = 224
REACH = 1024.0
"""Black is the negative of it, white the positive."""
POINTS = (
    0.07422872, 0.038290843, 0.09814756, 0.0098118475, 0.023601074, 0.0022490358, 0.010060724,
    0.103246614, 0.056810737, 0.026791653, 0.050318155, 0.023985857, 0.01939503, 0.042889766,
    0.053369623, 0.035975814, 0.20204692, 0.05015312,
)  # fmt: skip
"""Operating points of the published weights, in the order of the outputs."""
Floats = NDArray[np.float32]


def prepared(film: Floats) -> Floats:
    """Scale a film, cut its middle square and shrink it.

    Args:
        film: Shape (rows, columns), 0 to 1, bright where dense.

    Returns:
        Shape (224, 224), -1024 to 1024: smoothed and sampled linearly, as scikit-image's `resize`
        does it for the library, with the grey between black and white outside the film.
    """
    from scipy import ndimage

    scaled = (2 * np.asarray(film, np.float32) - 1) * np.float32(REACH)
    edge = min(scaled.shape)
    top, left = (length // 2 - edge // 2 for length in scaled.shape)
    square = scaled[top : top + edge, left : left + edge]
    sigma = max(0.0, (edge / SIZE - 1) / 2)
    smooth = ndimage.gaussian_filter(square, sigma, mode="constant", cval=0.0) if sigma else square
    small = ndimage.zoom(
        smooth, SIZE / edge, order=1, mode="grid-constant", cval=0.0, grid_mode=True
    )
    return np.asarray(np.clip(small, square.min(), square.max()), np.float32)


def operating(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Move scores (n, 18) so that 0.5 is each output's operating point."""
    points, rows = np.asarray(POINTS), np.asarray(scores, np.float64)
    return np.asarray(
        np.where(rows < points, rows / (2 * points), 1 - (1 - rows) / (2 * (1 - points)))
    )


class DenseNet:
    """The loaded model.

    Args:
        folder: With its weights as safetensors.
        device: A torch device string.

    Raises:
        BackendUnavailable: If the weights are of another model, or a pickle.
    """

    def __init__(self, folder: Path, device: str) -> None:
        import torch
        from safetensors.torch import load_file
        from torchvision.models import densenet121

        self.weights_sha256 = require_safetensors(folder)
        model: Any = densenet121(num_classes=len(OUTPUTS))
        model.features.conv0 = torch.nn.Conv2d(
            1, 64, kernel_size=7, stride=2, padding=3, bias=False
        )
        state = load_file(next(iter(sorted(folder.glob("*.safetensors")))))
        own = {name.removeprefix("model."): values for name, values in state.items()}
        own.pop("op_threshs", None)
        try:
            model.load_state_dict(own, strict=True)
        except RuntimeError as error:
            raise BackendUnavailable(
                "The weights are not those of TorchXRayVision's DenseNet: pull the model again."
            ) from error
        self._torch, self._device = torch, device
        self._model = model.to(device).eval()

    def scores(self, films: Sequence[Floats]) -> NDArray[np.float64]:
        """Score films as `prepared` takes them: (n, 18), 0.5 at the operating points."""

        def stacked(part: Sequence[Any]) -> Floats:
            return np.stack([prepared(film) for film in part])[:, None]

        return operating(run_batches(stacked, self._forward, films))  # type: ignore[arg-type]

    def _forward(self, inputs: Floats) -> Floats:
        with self._torch.inference_mode():
            logits = self._model(self._torch.from_numpy(inputs).to(self._device))
            return np.asarray(logits.sigmoid().float().cpu().numpy())
