"""Probabilities of a BGEN variant as dosages, in either layout.

Source: https://www.chg.ox.ac.uk/~gav/bgen_format/spec/latest.html.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from specialists.errors import TruncatedFile, UnreadableFile

__all__ = ["CUT", "DAMAGED", "layout_1", "layout_2"]

CUT = "The BGEN file ends before its content does."
DAMAGED = "The BGEN file is damaged."


def layout_1(content: bytes, samples: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Three probabilities a sample, in 1/32768; all zero where missing."""
    three = np.frombuffer(content, "<u2").reshape(samples, 3) / 32768
    total = three.sum(axis=1)
    known = total > 0
    copies = (three[:, 1] + 2 * three[:, 2]) / np.where(known, total, 1)
    return copies[None], np.where(known, 2, 0).astype(np.int64)


def layout_2(
    content: bytes, alleles: int, samples: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities of genotypes, or of each copy's allele where phased."""
    count, kinds, _, most = struct.unpack_from("<IHBB", content)
    if count != samples or kinds != alleles:
        raise UnreadableFile(DAMAGED)
    marks = np.frombuffer(content, np.uint8, samples, 8)
    phased, bits = struct.unpack_from("<BB", content, 8 + samples)
    if phased > 1 or not 1 <= bits <= 32:
        raise UnreadableFile(DAMAGED)
    values = _numbers(content[10 + samples :], bits)
    ploidy = (marks & 63).astype(np.int64)
    copies = np.where((marks & 128 > 0) | (ploidy > 2), 0, ploidy)
    if alleles == 1:
        return np.empty((0, samples)), copies
    sizes = _stored(ploidy, alleles, bool(phased))
    starts = np.cumsum(sizes) - sizes
    if sizes.sum() > len(values):
        raise TruncatedFile(CUT)
    dosage = np.zeros((alleles - 1, samples))
    for number in range(1, min(most, 2) + 1):
        these = np.flatnonzero(copies == number)
        if these.size:
            width = int(sizes[these[0]])
            own = values[starts[these][:, None] + np.arange(width)]
            dosage[:, these] = _expected(own, number, alleles, bool(phased)).T
    return dosage, copies


def _numbers(content: bytes, bits: int) -> NDArray[np.float64]:
    """Numbers of so many bits, lowest first, as shares of the largest."""
    if bits in (8, 16, 32):
        width = bits // 8
        whole = content[: len(content) // width * width]
        return np.frombuffer(whole, f"<u{width}") / (2.0**bits - 1)
    single = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
    rows = single[: len(single) // bits * bits].reshape(-1, bits)
    return (rows @ (2.0 ** np.arange(bits))) / (2.0**bits - 1)


def _stored(ploidy: NDArray[np.int64], alleles: int, phased: bool) -> NDArray[np.int64]:
    """How many numbers are stored for each sample."""
    if phased:
        return ploidy * (alleles - 1)
    combinations = np.ones_like(ploidy)
    for step in range(1, alleles):
        combinations = combinations * (ploidy + step) // step
    return combinations - 1


def _expected(
    values: NDArray[np.float64], copies: int, alleles: int, phased: bool
) -> NDArray[np.float64]:
    """Expected copies of each alternate allele, shape (samples, alternates)."""
    if phased:
        by_copy = values.reshape(len(values), copies, alleles - 1)
        last = 1 - by_copy.sum(axis=2)
        return np.asarray(np.concatenate([by_copy[:, :, 1:], last[:, :, None]], axis=2).sum(axis=1))
    # Genotypes in colexicographic order; the last one's probability is what is left.
    pairs = [(b,) if copies == 1 else (a, b) for b in range(alleles)
             for a in range(b + 1 if copies == 2 else 1)]  # fmt: skip
    probability = np.concatenate([values, 1 - values.sum(axis=1, keepdims=True)], axis=1)
    carried = np.array([[pair.count(n) for n in range(1, alleles)] for pair in pairs])
    return np.asarray(probability @ carried)
