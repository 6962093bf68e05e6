"""Makes a reference panel of any cohort: genotypes and population labels.

Components are fitted to common variants of chromosomes 1 to 22 whose strand is clear, thinned so
that near ones do not say the same; people without a label, and children of people in the
cohort, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from specialists.errors import GenomeBuildMismatch, InvalidInput
from specialists.polygenic.ancestry import Cohort
from specialists.polygenic.ancestry_projection import Sites, principal_components
from specialists.polygenic.matching import reverse_complement
from specialists.polygenic.panel import Panel, ReferenceScore, checked_name
from specialists.polygenic.panel_labels import read_labels
from specialists.polygenic.panel_score import reference_score
from specialists.polygenic.quality import X, outside_shared_parts
from specialists.readers import worker
from specialists.readers.scoring_file import parse_scoring_file
from specialists.readers.variants import Genotypes, parse_variants

__all__ = ["LEAST_PEOPLE", "build_panel"]

Values = NDArray[np.float64]

LEAST_PEOPLE = 20
"""In each population."""
_LEAST_SITES = 100
_COMMON = 0.05
_MISSING = 0.05
_NEAR = 50
"""Sites that are compared when thinning."""
_R2 = 0.2
_MOST_SITES = 20_000
_MODULE = "specialists.polygenic.panel_build"


def build_panel(
    genotypes: Sequence[Path],
    labels: Path,
    name: str,
    *,
    title: str = "",
    column: str | None = None,
    scores: Sequence[Path] = (),
    components: int = 10,
    keep_ambiguous: bool = False,
) -> Panel:
    """Make a panel in a reader process; names and genotypes of people stay there.

    Args:
        genotypes: Files of one cohort.
        labels: Table of samples and populations (see `panel_labels.read_labels`).
        name: What the panel is called.
        title: Which people these are, in words.
        column: The table's column with populations.
        scores: Scoring files whose distributions the panel keeps.
        components: How many principal components.
        keep_ambiguous: As in the request of the tool.

    Raises:
        InvalidInput: If people or variants are too few, or labels do not fit.
        GenomeBuildMismatch: If a score is on another build than the genotypes.
    """
    built = worker.run(
        f"{_MODULE}:build",
        [path.absolute() for path in genotypes],
        labels.absolute(),
        checked_name(name),
        title=title,
        column=column,
        scores=[path.absolute() for path in scores],
        components=components,
        keep_ambiguous=keep_ambiguous,
    )
    return cast(Panel, built)


def build(
    paths: Sequence[Path],
    labels: Path,
    name: str,
    *,
    title: str,
    column: str | None,
    scores: Sequence[Path],
    components: int,
    keep_ambiguous: bool,
) -> Panel:
    """What `build_panel` runs in the worker."""
    table = read_labels(labels, column)
    everyone = parse_variants(paths, sample_labels=True)
    told = table.of(everyone.labels or ())
    kept = np.flatnonzero([one is not None for one in told])
    cohort = _people(everyone, kept)
    named = [cast(str, told[person]) for person in kept]
    populations = tuple(sorted(set(named)))
    _check_people(named, populations)
    sites, dosage = _sites(cohort)
    loadings, placed = principal_components(dosage, min(components, len(sites) // 2))
    code = np.array([populations.index(one) for one in named], np.int64)
    sex = _rows(cohort, np.flatnonzero(cohort.chromosome == X))
    sex_sites, sex_dosage = sex.common(outside_shared_parts(cohort.genome_build, sex.position))
    return Panel(
        name=name,
        title=title or name,
        genome_build=cohort.genome_build,
        sites=sites,
        loadings=loadings,
        frequency=np.array([_frequency(dosage[:, code == n]) for n in range(len(populations))]),
        cohort=Cohort(placed, code, populations),
        sex_sites=sex_sites,
        sex_frequency=_frequency(sex_dosage),
        scores=tuple(_scores(scores, cohort, keep_ambiguous)),
    )


def _people(genotypes: Genotypes, kept: NDArray[np.int64]) -> Genotypes:
    """Some of the people, without names."""
    from dataclasses import replace

    return replace(
        genotypes,
        dosage=genotypes.dosage[:, kept],
        copies=genotypes.copies[:, kept],
        sample_positions=genotypes.sample_positions[kept],
        labels=None,
    )


def _check_people(named: Sequence[str], populations: Sequence[str]) -> None:
    if len(populations) < 2:
        raise InvalidInput(
            "A reference panel needs people of two or more populations. Of the samples with"
            f" genotypes, {len(named):,} have a label."
        )
    few = [one for one in populations if named.count(one) < LEAST_PEOPLE]
    if few:
        raise InvalidInput(
            f"Each population of a reference panel needs {LEAST_PEOPLE} people or more. Too few"
            f" in: {', '.join(few)}. Leave them out of the table, or name a coarser column."
        )


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows with one alternate allele. Arrays: shape (rows, …)."""

    sites: Sites
    dosage: Values

    @property
    def position(self) -> NDArray[np.int64]:
        return self.sites.position

    def common(self, also: NDArray[np.bool_]) -> tuple[Sites, Values]:
        """Those with a common alternate allele and few missing calls."""
        missing = np.isnan(self.dosage).mean(axis=1)
        frequency = _frequency(self.dosage)
        clear = also & (missing <= _MISSING) & (np.minimum(frequency, 1 - frequency) >= _COMMON)
        return self.sites.keep(clear), self.dosage[clear]


def _rows(genotypes: Genotypes, which: NDArray[np.int64]) -> _Rows:
    """Rows of two alleles whose strand is clear, among the given entries."""
    single = np.bincount(genotypes.row, minlength=int(genotypes.row.max(initial=-1)) + 1) == 1
    texts = genotypes.alleles
    usable = [
        entry
        for entry in which.tolist()
        if single[genotypes.row[entry]]
        and genotypes.alternate[entry] >= 0
        and reverse_complement(texts[genotypes.reference[entry]])
        != texts[genotypes.alternate[entry]]
    ]
    chosen = np.array(usable, np.int64)
    _, first = np.unique(
        genotypes.chromosome[chosen].astype(np.int64) << 40 | genotypes.position[chosen],
        return_index=True,
    )
    chosen = chosen[first]
    sites = Sites(
        genotypes.chromosome[chosen],
        genotypes.position[chosen],
        texts,
        genotypes.reference[chosen],
        genotypes.alternate[chosen],
    )
    copies = genotypes.copies[chosen]
    dosage = np.where(copies > 0, genotypes.dosage[chosen], np.nan).astype(np.float64)
    return _Rows(sites, np.where(copies == 1, 2 * dosage, dosage))


def _sites(genotypes: Genotypes) -> tuple[Sites, Values]:
    """Sites for components, in the order of the genome, and their dosages."""
    autosomes = _rows(genotypes, np.flatnonzero(genotypes.chromosome < X))
    sites, dosage = autosomes.common(np.ones(len(autosomes.sites), bool))
    thin = _thinned(sites, dosage)
    if len(thin) < _LEAST_SITES:
        raise InvalidInput(
            f"Only {len(thin):,} variants of the cohort are common, clear of strand and"
            f" independent; {_LEAST_SITES} or more are needed."
        )
    every = -(-len(thin) // _MOST_SITES)
    return sites.keep(thin[::every]), dosage[thin[::every]]


def _thinned(sites: Sites, dosage: Values) -> NDArray[np.int64]:
    """Leave out variants that correlate with one kept shortly before."""
    centred = np.nan_to_num(dosage - np.nanmean(dosage, axis=1, keepdims=True))
    standard = (centred / np.linalg.norm(centred, axis=1, keepdims=True)).astype(np.float32)
    kept: list[int] = []
    for site in range(len(sites)):
        near = [one for one in kept[-_NEAR:] if sites.chromosome[one] == sites.chromosome[site]]
        if not near or float(np.max((standard[near] @ standard[site]) ** 2)) <= _R2:
            kept.append(site)
    return np.array(kept, np.int64)


def _frequency(dosage: Values) -> Values:
    called = (~np.isnan(dosage)).sum(axis=1)
    return np.asarray(np.nansum(dosage, axis=1) / np.maximum(2 * called, 1), np.float64)


def _scores(paths: Sequence[Path], cohort: Genotypes, keep_ambiguous: bool) -> list[ReferenceScore]:
    made = []
    for path in paths:
        score = parse_scoring_file([path])
        if {score.genome_build, cohort.genome_build} == {"GRCh37", "GRCh38"}:
            raise GenomeBuildMismatch(
                f"The cohort is on {cohort.genome_build} and a score on {score.genome_build}."
            )
        name = score.header.get("pgs_id") or score.header.get("pgs_name") or path.name
        one = reference_score(score, cohort, name, keep_ambiguous)
        if one is not None:
            made.append(one)
    return made
