"""What a tool brings with it: sources, places and things that its evidence need not repeat."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["frame_of", "sources_of"]

_FRAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "chest": (("film",), ("chest", "lung", "trunk")),
    "ct": (("ct",), ("body", "in view", "cut off", "tissue", "axial", "voxel")),
    "skin": (("photograph",), ("skin", "lesion", "in view", "abnormality")),
    "retina": (("photograph", "fundus"), ("retina", "eye", "eye disease", "in view")),
    "pathology": (("slide",), ("tissue", "tile", "slide", "organ", "lesion", "in view")),
    "polygenic": (
        ("genome",),
        ("variant", "allele", "file", "population", "trait", "reference", "position"),
    ),
    "question": ((), ("body", "in view", "yes")),
    "mr": (("mr",), ("body", "in view", "axial")),
}
"""By a word of the tool's name: sources, and terms of the terminology."""


@lru_cache(maxsize=256)
def sources_of(tool: str) -> frozenset[str]:
    """Return where a tool sees things: 'film', 'ct'."""
    return frozenset(source for key in _keys(tool) for source in _FRAMES[key][0])


@lru_cache(maxsize=256)
def frame_of(tool: str) -> frozenset[str]:
    """Return the places and things that a tool always looks at."""
    return frozenset(term for key in _keys(tool) for term in _FRAMES[key][1])


def _keys(tool: str) -> list[str]:
    parts = set(tool.lower().replace("-", "_").replace(".", "_").split("_"))
    return [key for key in _FRAMES if key in parts]
