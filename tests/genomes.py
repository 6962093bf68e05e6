"""Small scores and genotypes, written as they would stand in a file."""

from __future__ import annotations

import numpy as np

from specialists.polygenic.run import Options, Run, Scoring
from specialists.polygenic.sums import Sums
from specialists.readers.calls import Block
from specialists.readers.genome import Alleles, chromosome_code
from specialists.readers.scoring_file import ADDITIVE, ScoringFile
from specialists.readers.variants import Genotypes

# chromosome, position, effect allele, other allele or "", weight
Variant = tuple[str, int, str, str, float]
# chromosome, position, reference, alternates joined by ",", genotypes as "0|1"
Row = tuple[str, int, str, str, list[str]]


def scored(scores: list[ScoringFile], genotypes: Genotypes, **options: object) -> Scoring:
    """Score genotypes as a worker does."""
    run = Run(scores, Options(**options))
    run.begin_samples(genotypes.samples, None, genotypes.genome_build)
    run.add(Block(genotypes.sites(run.alleles), genotypes.calls))
    return run.finish()


def sums_of(score: ScoringFile, genotypes: Genotypes, **options: object) -> Sums:
    return scored([score], genotypes, **options).tallies[0].sums


def score_of(
    variants: list[Variant],
    build: str | None = "GRCh38",
    frequency: float = np.nan,
    kind: int = ADDITIVE,
    steps: tuple[float, float, float] = (0, 1, 2),
) -> ScoringFile:
    alleles = Alleles()
    weights = np.array([variant[4] for variant in variants], float)
    return ScoringFile(
        header={"pgs_id": "PGS999999"},
        genome_build=build,
        harmonised=False,
        chromosome=np.array([chromosome_code(v[0]) for v in variants], np.uint8),
        position=np.array([v[1] for v in variants], np.int64),
        effect_allele=np.array(alleles.codes(v[2] for v in variants), np.int32),
        other_allele=np.array(alleles.codes(v[3] for v in variants), np.int32),
        alleles=alleles.texts,
        kind=np.full(len(variants), kind, np.uint8),
        weights=weights[:, None] * np.array(steps, float),
        effect_frequency=np.full(len(variants), frequency),
        sha256="",
    )


def genotypes_of(rows: list[Row], build: str | None = "GRCh38") -> Genotypes:
    alleles = Alleles()
    facts: list[tuple[int, int, int, int, int]] = []
    dosage: list[list[float]] = []
    copies: list[list[int]] = []
    for number, (chromosome, position, reference, alternates, calls) in enumerate(rows):
        split = [call.replace("/", "|").split("|") for call in calls]
        for index, alternate in enumerate(alternates.split(","), start=1):
            code = alleles.code(reference)
            facts.append(
                (number, chromosome_code(chromosome), position, code, alleles.code(alternate))
            )
            known = ["." not in call for call in split]
            dosage.append(
                [call.count(str(index)) if known[n] else np.nan for n, call in enumerate(split)]
            )
            copies.append([len(call) if known[n] else 0 for n, call in enumerate(split)])
    table = np.array(facts, np.int64).reshape(-1, 5)
    samples = len(rows[0][4]) if rows else 0
    return Genotypes(
        row=table[:, 0],
        chromosome=table[:, 1].astype(np.uint8),
        position=table[:, 2],
        alleles=alleles.texts,
        reference=table[:, 3].astype(np.int32),
        alternate=table[:, 4].astype(np.int32),
        dosage=np.array(dosage, np.float32).reshape(len(facts), samples),
        copies=np.array(copies, np.uint8).reshape(len(facts), samples),
        sample_positions=np.arange(1, samples + 1),
        genome_build=build,
    )
