"""A simulated cohort with scores and diseases whose genetic correlations are known.

No person is in it. It stands in for a biobank where a method must be tried on more people and
diseases than can be shipped:

- variants in blocks with linkage disequilibrium (neighbours correlate, blocks do not), weaker in
  one population, as in Africa;
- three populations that drifted apart (Balding and Nichols, Genetica 1995), and people with
  ancestors in two of them, whose ancestry changes from block to block;
- diseases by the liability-threshold model (Falconer), with age and sex; their causal effects
  are partly common, through factors that several diseases share (pleiotropy);
- an association study a disease, of cases and controls of the first population alone, of sizes
  that differ tenfold; the studies share people, as real ones do;
- from each study three scores: ridge weights that heed linkage (SBLUP; Robinson et al., Nature
  Human Behaviour 2017), and clumping with two P-value thresholds.

Everything follows from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.polygenic.simulation_studies import Codes, Values, standardised, studies

__all__ = ["POPULATIONS", "Cohort", "Design", "simulate"]

POPULATIONS = ("first", "second", "third", "first and second")
"""The last is of mixed ancestry."""
_MIXED = 3
_LINKAGE = (0.9, 0.75, 0.88)
"""Correlation of neighbours before the threshold, by population."""


@dataclass(frozen=True)
class Design:
    """What is simulated."""

    people: int = 20_000
    studied: int = 20_000
    """People whom the association studies draw from; none of them is in the cohort. With a few
    independent variants a block that makes 2 to 20 people for each, as studies of today have."""
    diseases: int = 40
    blocks: int = 240
    variants: int = 20
    """Variants of a block."""
    drift: float = 0.1
    """Fixation index between populations."""
    factors: int = 8
    """Sets of causal variants that several diseases share."""
    shared: float = 0.65
    """Share of a disease's genetic variance that comes from its factors."""
    causal: float = 0.1
    """Share of variants in each set of causal ones."""
    shares: tuple[float, ...] = (0.6, 0.15, 0.15, 0.1)
    """Of the cohort, by population."""
    seed: int = 2405


@dataclass(frozen=True, eq=False)
class Cohort:
    """A simulated cohort."""

    scores: Values
    """Shape (people, diseases, 3): ridge, and the two thresholds."""
    components: Values
    """Shape (people, 4), principal components."""
    population: NDArray[np.int64]
    """Shape (people,), index into `POPULATIONS`."""
    age_years: Values
    female: NDArray[np.bool_]
    diseased: NDArray[np.bool_]
    """Shape (people, diseases)."""
    study_size: NDArray[np.int64]
    """Shape (diseases,): people in each association study."""
    genetic_correlation: Values
    """Shape (diseases, diseases), the truth, in the first population."""
    heritability: Values
    """Shape (diseases,), of the liability."""


def simulate(design: Design | None = None) -> Cohort:
    """Simulate a cohort and the studies behind its scores."""
    design = design or Design()
    rng = np.random.default_rng(design.seed)
    world = _World.draw(design, rng)
    studied = _Genotypes.draw(world, np.zeros(design.studied, np.int64), rng)
    population = np.repeat(np.arange(4), _sizes(design)).astype(np.int64)
    people = _Genotypes.draw(world, rng.permutation(population), rng)
    traits = _Traits.draw(world, studied, rng)
    cases, _, _ = traits.happen(studied, rng)
    size = np.exp(rng.uniform(np.log(0.1), 0, design.diseases)) * design.studied
    weights = studies(studied.copies, cases, size.astype(np.int64), traits.heritability, rng)
    diseased, age, female = traits.happen(people, rng)
    return Cohort(
        scores=people.product(weights).reshape(design.people, design.diseases, 3),
        components=_components(people),
        population=people.population,
        age_years=age,
        female=female,
        diseased=diseased,
        study_size=size.astype(np.int64),
        genetic_correlation=traits.correlation(studied),
        heritability=traits.heritability,
    )


def _sizes(design: Design) -> NDArray[np.int64]:
    sizes = np.floor(np.array(design.shares) * design.people).astype(np.int64)
    sizes[0] += design.people - sizes.sum()
    return np.asarray(sizes, np.int64)


@dataclass(frozen=True, eq=False)
class _World:
    """The populations' allele frequencies."""

    design: Design
    threshold: Values
    """Shape (3, blocks, variants): below it a haplotype's hidden value is the counted allele."""

    @classmethod
    def draw(cls, design: Design, rng: np.random.Generator) -> _World:
        from scipy.special import ndtri

        old = rng.uniform(0.05, 0.95, (design.blocks, design.variants))
        spread = (1 - design.drift) / design.drift
        frequency = rng.beta(old * spread, (1 - old) * spread, (3, *old.shape))
        return cls(design, ndtri(np.clip(frequency, 0.01, 0.99)).astype(np.float32))


@dataclass(frozen=True, eq=False)
class _Genotypes:
    """Copies of the counted alleles, block by block."""

    population: NDArray[np.int64]
    copies: list[Codes]
    """One array a block, of shape (people, variants)."""

    @classmethod
    def draw(
        cls, world: _World, population: NDArray[np.int64], rng: np.random.Generator
    ) -> _Genotypes:
        share = rng.beta(3, 3, len(population)).astype(np.float32)
        copies = [
            _haplotypes(world, block, population, share, rng)
            + _haplotypes(world, block, population, share, rng)
            for block in range(world.design.blocks)
        ]
        return cls(population, copies)

    def product(self, weights: Values) -> Values:
        """Sum copies times weights. Weights: shape (blocks, variants, columns)."""
        total = np.zeros((len(self.population), weights.shape[-1]), np.float32)
        for block, weight in zip(self.copies, weights, strict=True):
            total += block.astype(np.float32) @ weight
        return total


def _haplotypes(
    world: _World,
    block: int,
    population: NDArray[np.int64],
    share: Values,
    rng: np.random.Generator,
) -> Codes:
    """One haplotype a person, shape (people, variants): 1 for the counted allele."""
    mixed = rng.random(len(population), np.float32) < share
    ancestry = np.where(population == _MIXED, mixed, population)
    hidden = rng.standard_normal((len(population), world.design.variants), np.float32)
    linked = np.array(_LINKAGE, np.float32)[ancestry]
    new = np.sqrt(1 - linked**2)
    for variant in range(1, world.design.variants):
        hidden[:, variant] = linked * hidden[:, variant - 1] + new * hidden[:, variant]
    return np.asarray(hidden < world.threshold[ancestry, block], np.int8)


@dataclass(frozen=True, eq=False)
class _Traits:
    """How diseases come about."""

    effects: Values
    """Shape (blocks, variants, diseases), on the liability."""
    centre: Values
    """Shape (diseases,): the first population's mean genetic liability."""
    heritability: Values
    prevalence: Values
    of_age: Values
    """What a standard deviation of age adds to the liability."""
    of_sex: Values

    @classmethod
    def draw(cls, world: _World, studied: _Genotypes, rng: np.random.Generator) -> _Traits:
        diseases = world.design.diseases
        heritability = rng.uniform(0.15, 0.5, diseases).astype(np.float32)
        raw = _effects(world.design, rng)
        genetic = studied.product(raw)
        scale = np.sqrt(heritability) / genetic.std(axis=0)
        return cls(
            effects=raw * scale,
            centre=genetic.mean(axis=0) * scale,
            heritability=heritability,
            prevalence=rng.uniform(0.05, 0.25, diseases).astype(np.float32),
            of_age=rng.uniform(0, 0.4, diseases).astype(np.float32),
            of_sex=rng.uniform(-0.2, 0.2, diseases).astype(np.float32),
        )

    def happen(
        self, people: _Genotypes, rng: np.random.Generator
    ) -> tuple[NDArray[np.bool_], Values, NDArray[np.bool_]]:
        """Diseases of people, with their ages and sexes."""
        from scipy.special import ndtri

        number = len(people.population)
        age = rng.uniform(40, 80, number).astype(np.float32)
        female = rng.random(number) < 0.5
        liability = people.product(self.effects) - self.centre
        noise = rng.standard_normal(liability.shape, np.float32)
        liability += np.sqrt(1 - self.heritability) * noise
        liability += self.of_age * ((age - 60) / 11.5)[:, None]
        liability += self.of_sex * np.where(female, 1, -1)[:, None]
        spread = np.sqrt(1 + self.of_age**2 + self.of_sex**2)
        return liability > -ndtri(self.prevalence) * spread, age, female

    def correlation(self, studied: _Genotypes) -> Values:
        """Genetic correlations, in the people of the studies."""
        values = studied.product(self.effects)
        return np.asarray(np.corrcoef(values, rowvar=False), np.float32)


def _effects(design: Design, rng: np.random.Generator) -> Values:
    """Effects before scaling, shape (blocks, variants, diseases)."""
    total = design.blocks * design.variants

    def sets(number: int) -> NDArray[np.float64]:
        chosen = rng.random((total, number)) < design.causal
        drawn = rng.standard_normal((total, number)) / np.sqrt(total * design.causal)
        return np.asarray(chosen * drawn, np.float64)

    loadings = np.zeros((design.factors, design.diseases))
    for disease in range(design.diseases):
        one, two = rng.choice(design.factors, 2, replace=False)
        part = rng.uniform(0.6, 1)
        signs = rng.choice([-1, 1], 2, p=[0.2, 0.8])
        loadings[[one, two], disease] = np.sqrt([part, 1 - part]) * signs
    common = sets(design.factors) @ loadings * np.sqrt(design.shared)
    own = sets(design.diseases) * np.sqrt(1 - design.shared)
    shape = (design.blocks, design.variants, design.diseases)
    return np.asarray((common + own).reshape(shape), np.float32)


def _components(people: _Genotypes, every: int = 5, number: int = 4) -> Values:
    """Principal components of every fifth variant."""
    values = np.concatenate([standardised(block)[:, ::every] for block in people.copies], axis=1)
    _, vectors = np.linalg.eigh(values.T @ values / len(values))
    scores = values @ vectors[:, ::-1][:, :number]
    return np.asarray(scores / scores.std(axis=0), np.float32)
