"""What a tool brings with it: words and places that its evidence need not repeat."""

from __future__ import annotations

from functools import lru_cache

from agent.grounding.tokens import stem

__all__ = ["SOURCES", "frame_stems", "frame_terms"]

_FRAMES = {
    "chest": ("film radiograph chest thorax frontal plain", ("chest", "lung")),
    "ct": ("ct scan tomography tomographic tomogram computed", ("body",)),
    "skin": ("skin photograph dermoscopy dermoscopic dermatoscopic photo", ("skin", "lesion")),
    "retina": ("retina retinal fundus eye photograph photo", ("retina", "eye")),
    "pathology": ("slide tissue patch histology histological section tile microscopic", ()),
    "polygenic": ("polygenic genetic genome genotype variant sample allele pgs prs catalog", ()),
    "question": ("scan", ()),
    "mr": ("mr mri scan magnetic resonance", ()),
}
"""By a word of the tool's name: words, and terms of the terminology."""


_SEEN_ON = (
    "film", "radiograph", "ct", "mri", "dermoscopy", "photograph", "fundus", "slide", "genome",
    "genotypes", "ultrasound", "mammogram", "oct",
)  # fmt: skip
SOURCES = frozenset(map(stem, _SEEN_ON))
"""Words that say where a thing was seen: they must fit the tool that said it."""


@lru_cache(maxsize=256)
def frame_stems(tool: str) -> frozenset[str]:
    """Return the words that a tool's statements may use freely."""
    words = [word for key in _keys(tool) for word in _FRAMES[key][0].split()]
    return frozenset(map(stem, words)) | frozenset(map(stem, tool.lower().split("_")))


@lru_cache(maxsize=256)
def frame_terms(tool: str) -> frozenset[str]:
    """Return the places and things that a tool always looks at."""
    return frozenset(term for key in _keys(tool) for term in _FRAMES[key][1])


def _keys(tool: str) -> list[str]:
    parts = set(tool.lower().replace("-", "_").replace(".", "_").split("_"))
    return [key for key in _FRAMES if key in parts]
