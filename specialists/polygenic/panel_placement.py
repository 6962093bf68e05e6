"""Measures people for a reference panel, and their samples' quality, in a reader process.

Numbers come out of it: components, sums, counts. Genotypes and names of samples do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from specialists.errors import FileTooLarge
from specialists.polygenic.ancestry import resemblance
from specialists.polygenic.ancestry_projection import Sites, site_dosages
from specialists.polygenic.panel import Panel, load_panel
from specialists.polygenic.panel_score import Comparable, comparable
from specialists.polygenic.quality import (
    Quality,
    X,
    call_rate,
    inbreeding,
    outside_shared_parts,
    related_to,
    sex_of,
)
from specialists.polygenic.scoring import on_build
from specialists.readers import worker
from specialists.readers.genome import CHROMOSOMES
from specialists.readers.scoring_file import ScoringFile, parse_scoring_file
from specialists.readers.transport import transported
from specialists.readers.variant_calls import GenotypeField
from specialists.readers.variants import Genotypes, parse_variants

__all__ = ["LEAST_SITES", "Placement", "place"]

Values = NDArray[np.float64]

LEAST_SITES = 0.5
"""Least share of a panel's sites that must be called to place a person."""
_JUDGED = 100_000
"""Most variants of a score that quality is judged by."""
_LEAST_OTHERS = 50
_MODULE = "specialists.polygenic.panel_placement"


@transported
@dataclass(frozen=True, eq=False)
class Placement:
    """What was measured, in the order of the samples that were asked for."""

    components: Values | None
    """Shape (people, components); None without a panel."""
    sites: NDArray[np.int64]
    """Shape (people,): sites of the panel with a call."""
    scores: tuple[Comparable | None, ...]
    """One for each scoring file; None where the panel does not have it."""
    quality: tuple[Quality, ...]
    """One for each person."""


def place(
    genotypes: Sequence[Path],
    people: Sequence[int],
    scores: Sequence[Path],
    panel: Path | None,
    *,
    chain: Path | None = None,
    build: str | None = None,
    absent_is_reference: bool = False,
    genotype_field: GenotypeField = "GT",
) -> Placement:
    """Measure people in a reader process.

    Args:
        genotypes: Files with the same samples.
        people: Positions of samples in the files, from 1, ascending.
        scores: Scoring files.
        panel: A reference panel, if any.
        chain: Chain file to lift the scores' positions over with.
        build: Of the genotypes, where it is known.
        absent_is_reference: Take variants without a row as not carried.
        genotype_field: As in the request.
    """
    measured = worker.run(
        f"{_MODULE}:measure",
        [path.absolute() for path in genotypes],
        [int(one) for one in people],
        [path.absolute() for path in scores],
        None if panel is None else panel.absolute(),
        chain=None if chain is None else chain.absolute(),
        build=build,
        absent_is_reference=absent_is_reference,
        genotype_field=genotype_field,
    )
    return cast(Placement, measured)


def measure(
    paths: Sequence[Path],
    people: Sequence[int],
    scores: Sequence[Path],
    panel_path: Path | None,
    *,
    chain: Path | None,
    build: str | None,
    absent_is_reference: bool,
    genotype_field: GenotypeField,
) -> Placement:
    """What `place` runs in the worker."""
    panel = None if panel_path is None else load_panel(panel_path)
    files = on_build([parse_scoring_file([path]) for path in scores], build, chain)
    positions = _positions(panel, files)
    everyone = _read(paths, people, positions, genotype_field)
    chosen = np.searchsorted(everyone.sample_positions, np.array(people, np.int64))
    components, dosage = None, np.zeros((0, len(people)))
    if panel is not None:
        dosage = site_dosages(panel.sites, everyone, absent_is_reference)[:, chosen]
        components = panel.loadings.place(dosage)
    return Placement(
        components=components,
        sites=np.asarray((~np.isnan(dosage)).sum(axis=0), np.int64),
        scores=tuple(_comparable(panel, f, everyone, chosen, absent_is_reference) for f in files),
        quality=tuple(
            _quality(everyone, int(one), panel, dosage[:, number], components, number)
            for number, one in enumerate(chosen)
        ),
    )


def _positions(panel: Panel | None, scores: Sequence[ScoringFile]) -> dict[str, NDArray[np.int64]]:
    """What is read: the panel's sites and the scores' variants.

    Of a long score that is not compared with the panel, only some: they tell of quality.
    """
    chromosome, position = [np.zeros(0, np.uint8)], [np.zeros(0, np.int64)]
    for sites in () if panel is None else (panel.sites, panel.sex_sites):
        chromosome.append(sites.chromosome)
        position.append(sites.position)
    for file in scores:
        compared = panel is not None and panel.score(file.sha256) is not None
        every = 1 if compared else -(-file.variants // _JUDGED)
        chromosome.append(file.chromosome[::every])
        position.append(file.position[::every])
    codes, places = np.concatenate(chromosome), np.concatenate(position)
    return {name: places[codes == code] for name, code in CHROMOSOMES.items()}


def _read(
    paths: Sequence[Path],
    people: Sequence[int],
    positions: Mapping[str, NDArray[np.int64]],
    field: GenotypeField,
) -> Genotypes:
    """Everyone, so that relatives and frequencies can be seen; the people alone if too many."""
    try:
        return parse_variants(paths, positions=positions, genotype_field=field)
    except FileTooLarge:
        return parse_variants(
            paths, positions=positions, genotype_field=field, samples=list(people)
        )


def _comparable(
    panel: Panel | None,
    file: ScoringFile,
    genotypes: Genotypes,
    chosen: NDArray[np.int64],
    absent_is_reference: bool,
) -> Comparable | None:
    reference = None if panel is None else panel.score(file.sha256)
    if reference is None:
        return None
    whole = comparable(reference, file, genotypes, absent_is_reference)
    return Comparable(whole.totals[chosen], whole.shared[chosen], whole.filled[chosen])


def _quality(
    genotypes: Genotypes,
    person: int,
    panel: Panel | None,
    dosage: Values,
    components: Values | None,
    number: int,
) -> Quality:
    autosomal = _two_alleles(genotypes, genotypes.chromosome < X)
    calls = _called(genotypes, autosomal)
    excess, error, source = _excess(calls, person, panel, dosage, components, number)
    sex, speaking = _sex(genotypes, person, panel)
    return Quality(
        variants=len(genotypes.position),
        called=call_rate(genotypes, person),
        inbreeding=excess,
        inbreeding_error=error,
        expected_from=source,
        sex=sex,
        sex_variants=speaking,
        compared=genotypes.samples - 1,
        related=related_to(calls, person, genotypes.sample_positions),
    )


def _excess(
    calls: Values,
    person: int,
    panel: Panel | None,
    dosage: Values,
    components: Values | None,
    number: int,
) -> tuple[float | None, float, str]:
    """Inbreeding against the nearest reference population, else against the file's others."""
    if panel is not None and components is not None:
        nearest = int(resemblance(panel.cohort, components[[number]]).nearest[0])
        found = inbreeding(dosage, panel.frequency[nearest])
        if found is not None:
            return *found, f"the reference population {panel.cohort.names[nearest]}"
    others = np.delete(calls, person, axis=1)
    if others.shape[1] >= _LEAST_OTHERS:
        found = inbreeding(calls[:, person], _frequency(others))
        if found is not None:
            return *found, f"the file's {others.shape[1]:,} other samples, ancestry not considered"
    return None, 0.0, ""


def _sex(genotypes: Genotypes, person: int, panel: Panel | None) -> tuple[str | None, int]:
    outside = outside_shared_parts(genotypes.genome_build, genotypes.position)
    rows = _two_alleles(genotypes, (genotypes.chromosome == X) & outside)
    frequency = np.full(len(rows), np.nan)
    if panel is not None:
        frequency = _known_frequency(panel.sex_sites, panel.sex_frequency, genotypes, rows)
    elif genotypes.samples > _LEAST_OTHERS:
        frequency = _frequency(_called(genotypes, rows))
    dosage = _called(genotypes, rows)[:, person]
    return sex_of(genotypes.copies[rows, person], dosage, frequency)


def _known_frequency(
    sites: Sites, frequency: Values, genotypes: Genotypes, rows: NDArray[np.int64]
) -> Values:
    """A panel's frequencies, where the position is one of its sites; the allele does not matter.

    Both alleles of a site make for the same heterozygous calls.
    """
    at = dict(zip(sites.position.tolist(), frequency.tolist(), strict=True))
    return np.array([at.get(int(genotypes.position[row]), np.nan) for row in rows], np.float64)


def _two_alleles(genotypes: Genotypes, among: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Entries of rows with exactly one alternate allele."""
    single = np.bincount(genotypes.row, minlength=int(genotypes.row.max(initial=-1)) + 1) == 1
    return np.flatnonzero(among & single[genotypes.row] & (genotypes.alternate >= 0))


def _called(genotypes: Genotypes, rows: NDArray[np.int64]) -> Values:
    """Copies of the alternate allele on two chromosomes, NaN where missing: (rows, samples)."""
    copies = genotypes.copies[rows]
    dosage = np.where(copies > 0, genotypes.dosage[rows], np.nan).astype(np.float64)
    return np.where(copies == 1, 2 * dosage, dosage)


def _frequency(dosage: Values) -> Values:
    called = (~np.isnan(dosage)).sum(axis=1)
    return np.asarray(np.nansum(dosage, axis=1) / np.maximum(2 * called, 1), np.float64)


def measured_options(request: Any) -> dict[str, Any]:
    """What of a request matters here."""
    return {
        "absent_is_reference": request.absent_means_reference,
        "genotype_field": request.genotype_field,
    }
