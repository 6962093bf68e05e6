"""How the specialists offer a head that was trained on the user's own cases."""

from __future__ import annotations

from specialists.base import BackendSpec

__all__ = ["backend"]


def backend(name: str) -> BackendSpec:
    """Offer the class of that name in `specialists.encoders.backend`."""
    return BackendSpec(
        name="head",
        target=f"specialists.encoders.backend:{name}",
        requires=("torch", "safetensors"),
        memory_gib=5.0,
        install='pip install "wardround[hub]"',
        needs_calibration=True,
        ready="specialists.encoders.heads:ready",
    )
