"""Principal components of a reference cohort, and where another person falls among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.readers.transport import transported
from specialists.readers.variants import Genotypes

__all__ = ["Loadings", "Sites", "principal_components", "site_dosages"]

Values = NDArray[np.float64]

_FOLDS = 10
_SIGNAL = 0.5
_LEAST = 2
_SEED = 7


@transported
@dataclass(frozen=True, eq=False)
class Sites:
    """Variants with two alleles. All arrays: shape (sites,)."""

    chromosome: NDArray[np.uint8]
    """PLINK codes."""
    position: NDArray[np.int64]
    """1-based."""
    alleles: tuple[str, ...]
    reference: NDArray[np.int32]
    """Index into `alleles`."""
    alternate: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.position)

    def keep(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Sites:
        """A part of the sites."""
        return Sites(
            self.chromosome[which],
            self.position[which],
            self.alleles,
            self.reference[which],
            self.alternate[which],
        )


@transported
@dataclass(frozen=True, eq=False)
class Loadings:
    """What makes components of dosages."""

    mean: Values
    """Shape (sites,): mean copies of the alternate allele in the reference cohort."""
    scale: Values
    """Shape (sites,): what a deviation is divided by, the root of 2 f (1 - f)."""
    vectors: Values
    """Shape (sites, components), orthonormal columns."""
    shrinkage: Values
    """Shape (components,): how much closer to the centre people fall who were not among those
    that the vectors were fitted to; 1 is not at all. Measured by leaving people out."""

    def place(self, dosage: Values) -> Values:
        """Components of people who were not part of the reference.

        A person's missing calls are left out, and the components are those that fit the others
        best (least squares).

        Args:
            dosage: Shape (sites, people), copies of the alternate allele, NaN where missing.

        Returns:
            Shape (people, components).
        """
        standard = (dosage - self.mean[:, None]) / self.scale[:, None]
        placed = np.zeros((dosage.shape[1], self.vectors.shape[1]))
        for person in range(dosage.shape[1]):
            there = ~np.isnan(standard[:, person])
            vectors = self.vectors[there]
            placed[person] = np.linalg.lstsq(vectors, standard[there, person], rcond=None)[0]
        return placed / self.shrinkage


def principal_components(dosage: Values, number: int) -> tuple[Loadings, Values]:
    """Fit components to a cohort.

    Args:
        dosage: Shape (sites, people), NaN where missing (the site's mean stands in).
        number: How many components at most. Two are kept in any case, and of the others those
            before the first one in which people who are left out fall less than half as far
            from the centre: it tells of the cohort's people and not of populations.

    Returns:
        The loadings, and the cohort's own components of shape (people, components).
    """
    mean = np.nanmean(dosage, axis=1)
    frequency = mean / 2
    scale = np.sqrt(np.maximum(2 * frequency * (1 - frequency), 1e-6))
    standard = np.nan_to_num((dosage - mean[:, None]) / scale[:, None]).T
    vectors = _leading(standard, number)
    components = standard @ vectors
    shrinkage = _shrinkage(standard, components)
    noise = np.flatnonzero(shrinkage < _SIGNAL)
    kept = max(_LEAST, int(noise[0]) if len(noise) else number)
    # Where there is nothing to find there is nothing to correct.
    shrinkage[shrinkage < _SIGNAL] = 1.0
    loadings = Loadings(mean, scale, vectors[:, :kept], shrinkage[:kept])
    return loadings, components[:, :kept]


def site_dosages(sites: Sites, genotypes: Genotypes, absent_is_reference: bool) -> Values:
    """Copies of each site's alternate allele.

    Rows count whose two alleles are the site's, in either order, and rows without an alternate
    allele whose reference is one of them.

    Args:
        sites: On the same build as the genotypes.
        genotypes: Any rows.
        absent_is_reference: Take sites without a row as without alternate alleles.

    Returns:
        Shape (sites, people), NaN where there is no call or no row.
    """
    at: dict[tuple[int, int], list[int]] = {}
    for entry, place in enumerate(
        zip(genotypes.chromosome.tolist(), genotypes.position.tolist(), strict=True)
    ):
        at.setdefault(place, []).append(entry)
    nothing = 0.0 if absent_is_reference else np.nan
    dosage = np.full((len(sites), genotypes.samples), np.nan)
    places = zip(sites.chromosome.tolist(), sites.position.tolist(), strict=True)
    for site, place in enumerate(places):
        wanted = sites.alleles[sites.reference[site]], sites.alleles[sites.alternate[site]]
        if place not in at:
            dosage[site] = nothing
        for entry in at.get(place, ()):
            found = _copies(genotypes, entry, wanted)
            if found is not None:
                dosage[site] = found
                break
    return dosage


def _copies(genotypes: Genotypes, entry: int, wanted: tuple[str, str]) -> Values | None:
    """Copies of the second of two alleles, on two chromosomes; None where the row has others."""
    reference = genotypes.alleles[genotypes.reference[entry]]
    alternate = genotypes.alternate[entry]
    copies = np.where(genotypes.copies[entry] > 0, genotypes.dosage[entry], np.nan)
    # A haploid call stands for two of the same.
    copies = np.where(genotypes.copies[entry] == 1, 2 * copies, copies).astype(np.float64)
    if alternate < 0:
        return {wanted[0]: copies, wanted[1]: 2 - copies}.get(reference)
    row = reference, genotypes.alleles[alternate]
    if row == wanted:
        return np.asarray(copies, np.float64)
    return np.asarray(2 - copies, np.float64) if row == wanted[::-1] else None


def _leading(standard: Values, number: int) -> Values:
    """Leading right singular vectors, from the smaller of the two Gram matrices.

    Signs are set so that the largest entry of each is positive: the same input, the same output.
    """
    people, sites = standard.shape
    if sites <= people:
        _, vectors = np.linalg.eigh(standard.T @ standard)
        leading = vectors[:, ::-1][:, :number]
    else:
        values, left = np.linalg.eigh(standard @ standard.T)
        roots = np.sqrt(np.maximum(values[::-1][:number], 1e-12))
        leading = (standard.T @ left[:, ::-1][:, :number]) / roots
    largest = np.abs(leading).argmax(axis=0)
    return np.asarray(leading * np.sign(leading[largest, np.arange(number)]), np.float64)


def _shrinkage(standard: Values, components: Values) -> Values:
    """How people who were left out of the fit fall short of where they are when they are in it.

    Components of a fit without them are turned onto the whole cohort's by those who are in both.
    """
    number = components.shape[1]
    fold = np.random.default_rng(_SEED).permutation(len(standard)) % _FOLDS
    placed = np.zeros_like(components)
    for held in range(_FOLDS):
        fitted = fold != held
        vectors = _leading(standard[fitted], number)
        turn = _rotation(standard[fitted] @ vectors, components[fitted])
        placed[~fitted] = standard[~fitted] @ vectors @ turn
    slope = (placed * components).sum(axis=0) / (components**2).sum(axis=0)
    return np.asarray(np.clip(slope, 0.0, 1.0), np.float64)


def _rotation(of: Values, onto: Values) -> Values:
    """The orthogonal matrix that brings one set of components closest to another."""
    left, _, right = np.linalg.svd(of.T @ onto)
    return np.asarray(left @ right, np.float64)
