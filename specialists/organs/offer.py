"""What TotalSegmentator is, as a backend of `report_ct`. No model library."""

from __future__ import annotations

from specialists.base import BackendSpec

__all__ = ["NAME", "TERMS", "backend"]

NAME = "totalsegmentator"
TERMS = "TotalSegmentator, task total: Apache-2.0. Its other tasks have licences of their own."


def backend() -> BackendSpec:
    """Describe the backend: named by who wants it, as it needs minutes without a GPU."""
    return BackendSpec(
        name=NAME,
        target="specialists.organs.backend:Organs",
        requires=("totalsegmentator", "nibabel"),
        memory_gib=8.0,
        install="pip install TotalSegmentator",
        timeout_s=1800.0,
    )
