"""What MedSigLIP is, as a backend. No model library."""

from __future__ import annotations

from specialists.base import BackendSpec
from specialists.hub_models import MEDSIGLIP

__all__ = ["backend"]


def backend(name: str) -> BackendSpec:
    """Describe a specialist's MedSigLIP backend.

    Args:
        name: The class in `specialists.siglip.backend`.
    """
    return BackendSpec(
        name="medsiglip",
        target=f"specialists.siglip.backend:{name}",
        requires=("torch", "transformers", "safetensors", "sentencepiece"),
        memory_gib=4.0,
        install='pip install "wardround[hub]"',
        hub=MEDSIGLIP,
        needs_calibration=True,
    )
