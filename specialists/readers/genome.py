"""Names that genomics files use: chromosomes, genome builds, alleles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CHROMOSOMES",
    "Alleles",
    "build_of_contigs",
    "chromosome_code",
    "chromosome_name",
    "normalise_build",
    "reverse_complement",
]

_COMPLEMENT = str.maketrans("ACGT", "TGCA")

CHROMOSOMES: Mapping[str, int] = MappingProxyType(
    {**{str(number): number for number in range(1, 23)}, "X": 23, "Y": 24, "MT": 26}
)
"""Chromosome names to PLINK's codes."""

# PLINK's names of the pseudo-autosomal regions, which are places on X.
_SYNONYMS = {
    "23": "X", "24": "Y", "26": "MT", "M": "MT", "25": "X", "XY": "X", "PAR1": "X", "PAR2": "X",
}  # fmt: skip

_BUILDS = (
    (re.compile(r"GRCh38|hg38|hs38|b38|GCA_000001405\.15|GRCh_38", re.IGNORECASE), "GRCh38"),
    (re.compile(r"GRCh37|hg19|hs37|b37|human_g1k_v37", re.IGNORECASE), "GRCh37"),
)

# Lengths in base pairs of the primary assemblies: GRCh37, GRCh38 (NCBI Assembly).
_LENGTHS = {
    "1": (249250621, 248956422),
    "2": (243199373, 242193529),
    "3": (198022430, 198295559),
    "7": (159138663, 159345973),
    "10": (135534747, 133797422),
    "17": (81195210, 83257441),
    "20": (63025520, 64444167),
    "21": (48129895, 46709983),
    "22": (51304566, 50818468),
    "X": (155270560, 156040895),
}


def chromosome_name(name: str) -> str:
    """Take away 'chr' and use the usual names: 1 to 22, X, Y, MT; others stay as they are."""
    bare = name[3:] if name[:3].lower() == "chr" else name
    bare = bare.upper().removeprefix("0") if len(bare) <= 2 else bare
    return _SYNONYMS.get(bare, bare)


def chromosome_code(name: str) -> int:
    """PLINK's code of a chromosome; 0 for anything that is not one (contigs, patches, none)."""
    return CHROMOSOMES.get(chromosome_name(name), 0)


def normalise_build(text: str | None) -> str | None:
    """Name a genome build 'GRCh37' or 'GRCh38', where the text is one of their names.

    Returns:
        None where nothing is said (empty, or NR for "not reported"); a build that is neither
        stays as it is named.
    """
    if text is None or text.strip().upper() in ("", "NR", "NA"):
        return None
    return next((build for pattern, build in _BUILDS if pattern.search(text)), text.strip())


def build_of_contigs(lengths: Mapping[str, int]) -> str | None:
    """Tell the build from the lengths of chromosomes; None where they say nothing or disagree."""
    found = {
        ("GRCh37", "GRCh38")[_LENGTHS[name].index(length)]
        for name, length in lengths.items()
        if length in _LENGTHS.get(name, ())
    }
    return found.pop() if len(found) == 1 else None


class Alleles:
    """Numbers for allele texts, given in the order in which they are first seen."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._texts: list[str] = []
        self._flipped: list[int] = []

    def code(self, text: str) -> int:
        """The number of an allele, in upper case; -1 for none (empty or '.')."""
        known = self._codes.get(text)
        if known is not None:
            return known
        upper = text.upper()
        if upper in ("", "."):
            return -1
        return self._codes[upper] if upper in self._codes else self._add(upper)

    def _add(self, text: str) -> int:
        number = self._codes[text] = len(self._texts)
        self._texts.append(text)
        other = self._codes.get(reverse_complement(text) or "", -2)
        self._flipped.append(other)
        if other >= 0:
            self._flipped[other] = number
        return number

    def codes(self, texts: Iterable[str]) -> list[int]:
        """The numbers of several alleles."""
        known = list(texts)
        numbers = {text: self.code(text) for text in dict.fromkeys(known)}
        return [numbers[text] for text in known]

    @property
    def texts(self) -> tuple[str, ...]:
        """The alleles, by number."""
        return tuple(self._texts)

    def flipped(self) -> NDArray[np.int32]:
        """The number of each allele's reverse complement; -2 for one that has none here.

        Followed by -2 twice, so that -1 and -2 as numbers of alleles give -2.
        """
        return np.array([*self._flipped, -2, -2], np.int32)

    def bases(self) -> NDArray[np.int64]:
        """The length of each allele; followed by 0 twice, as in `flipped`."""
        return np.array([*map(len, self._texts), 0, 0], np.int64)


def reverse_complement(allele: str) -> str | None:
    """Read an allele from the other strand; None where it is not made of A, C, G and T."""
    if allele.strip("ACGT"):
        return None
    return allele.translate(_COMPLEMENT)[::-1]
