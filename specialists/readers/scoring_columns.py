"""Columns of a PGS Catalog scoring file to arrays: weights, places, alleles, terms refused."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from specialists.errors import UnreadableFile
from specialists.readers.genome import chromosome_code

__all__ = [
    "ADDITIVE",
    "DOMINANT",
    "DOSAGE_COLUMNS",
    "DOSAGE_SPECIFIC",
    "RATIOS",
    "RECESSIVE",
    "Columns",
    "complex_terms",
    "numbers",
    "other_alleles",
    "places",
    "ratio_column",
    "weights",
]

ADDITIVE, DOMINANT, RECESSIVE, DOSAGE_SPECIFIC = range(4)
"""How a variant's weight is applied to the dosage of its effect allele."""

DOSAGE_COLUMNS = ("dosage_0_weight", "dosage_1_weight", "dosage_2_weight")
RATIOS = {"OR": "odds ratios", "HR": "hazard ratios"}
_COMPLEX = {
    "is_haplotype": "haplotypes",
    "is_diplotype": "diplotypes",
    "is_interaction": "interactions",
}
# A single letter other than A, C, G, T (I, D) names an allele that never matches a genotype.
_NUCLEOTIDES = re.compile(r"[ACGTN]+|.|", re.IGNORECASE)
_ADDED = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
"""What 0, 1 and 2 copies add by kind, as multiples of the weight."""

Columns = Mapping[str, Sequence[str]]
"""Cells by column name; every column as long as the others."""


def places(columns: Columns, names: tuple[str, str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Chromosome codes and 1-based positions, shape (variants,); both 0 where one is missing."""
    empty = ("",) * _count(columns)
    chromosomes = columns.get(names[0], empty)
    codes = {name: chromosome_code(name) for name in set(chromosomes)}
    code = np.array([codes[name] for name in chromosomes], np.uint8)
    texts = columns.get(names[1], empty)
    try:
        position = np.array(list(map(int, texts)), np.int64)
    except ValueError:
        position = np.array([int(t) if t.isdecimal() else 0 for t in texts], np.int64)
    placed = (code > 0) & (position > 0)
    return np.where(placed, code, 0).astype(np.uint8), np.where(placed, position, 0)


def _count(columns: Columns) -> int:
    return len(columns["effect_allele"])


def _true(columns: Columns, name: str) -> NDArray[np.bool_]:
    texts = columns.get(name)
    if texts is None:
        return np.zeros(_count(columns), bool)
    true = {text for text in set(texts) if text.strip().lower() in ("true", "1")}
    return np.array([text in true for text in texts], bool)


def complex_terms(columns: Columns) -> dict[str, int]:
    """Count the terms that cannot be summed variant by variant, by what they are."""
    flags = {term: _true(columns, name) for name, term in _COMPLEX.items()}
    effect = columns["effect_allele"]
    odd = {text for text in set(effect) if not _NUCLEOTIDES.fullmatch(text)}
    unusual = [text in odd for text in effect] if odd else np.zeros(len(effect), bool)
    # A haplotype's effect "allele" is unusual too; what is left is amino acids and the like.
    flags["effects not of a nucleotide allele"] = np.array(unusual) & ~np.any(
        list(flags.values()), axis=0
    )
    flags["terms both dominant and recessive"] = _true(columns, "is_dominant") & _true(
        columns, "is_recessive"
    )
    return {term: int(flag.sum()) for term, flag in flags.items() if flag.any()}


def other_alleles(columns: Columns) -> Sequence[str]:
    """The other alleles; where one is missing, the inferred one if it is a single one."""
    empty = ("",) * _count(columns)
    given = columns.get("other_allele", empty)
    inferred = columns.get("hm_inferOtherAllele")
    if inferred is None:
        return given
    return [
        own or ("" if "/" in other else other) for own, other in zip(given, inferred, strict=True)
    ]


def ratio_column(names: Container[str]) -> str | None:
    """The column of ratios that stands in for weights; None where there are weights."""
    if "effect_weight" in names or DOSAGE_COLUMNS[0] in names:
        return None
    return next((name for name in RATIOS if name in names), None)


def numbers(texts: Sequence[str] | None, count: int) -> NDArray[np.float64]:
    """Numbers of a column; NaN where a cell is empty or says that there is none."""
    if texts is None:
        return np.full(count, np.nan)
    try:
        values = np.array(list(map(float, texts)))
    except ValueError:
        values = _with_gaps(texts)
    if np.isinf(values).any():
        raise UnreadableFile("A weight or frequency in the scoring file is not finite.")
    return values


def _with_gaps(texts: Sequence[str]) -> NDArray[np.float64]:
    try:
        return np.array([float(t) if t not in ("", "NA", "NR") else np.nan for t in texts])
    except ValueError as error:
        raise UnreadableFile("A weight or frequency in the scoring file is no number.") from error


def weights(columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """What 0, 1 and 2 effect alleles add, shape (variants, 3), and the kind of each variant."""
    kind = _kinds(columns)
    added = _single_weights(columns)[:, None] * _ADDED[kind]
    given = [numbers(columns.get(name), len(kind)) for name in DOSAGE_COLUMNS]
    by_dosage = np.stack(given, axis=1)
    specific = np.isfinite(by_dosage).all(axis=1)
    added[specific] = by_dosage[specific]
    kind[specific] = DOSAGE_SPECIFIC
    if np.isnan(added).any():
        raise UnreadableFile("A variant of the scoring file has no weight.")
    return added, kind


def _kinds(columns: Columns) -> NDArray[np.uint8]:
    kind = np.full(_count(columns), ADDITIVE, np.uint8)
    kind[_true(columns, "is_dominant")] = DOMINANT
    kind[_true(columns, "is_recessive")] = RECESSIVE
    named = columns.get("effect_type", ())
    for text, code in (("dominant", DOMINANT), ("recessive", RECESSIVE)):
        if text in named:
            kind[[one == text for one in named]] = code
    return kind


def _single_weights(columns: Columns) -> NDArray[np.float64]:
    count = _count(columns)
    ratio = ratio_column(columns)
    if ratio is None:
        return numbers(columns.get("effect_weight"), count)
    values = numbers(columns[ratio], count)
    if (values <= 0).any():
        raise UnreadableFile("A ratio in the scoring file is not above zero.")
    return np.log(values)
