"""Trains and measures the joint model on a simulated cohort.

    python -m specialists.training.joint [--seed 2405] [--json]

Takes about a minute and a half on one core, and 2 GB of memory. Nothing of it ships: the cohort
is simulated, and so are its diseases. It shows what is gained where many scores of one person are
known, before somebody who has a biobank trains a model for real diseases.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from specialists.polygenic.simulation import Cohort, Design, simulate
from specialists.training.joint_figures import FOLDS, Split, choose_penalty, figures

__all__ = ["lines", "measured", "run"]


def run(design: Design) -> dict[str, Any]:
    """Simulate, train and measure."""
    cohort = simulate(design)
    return measured(cohort, design.seed)


def measured(cohort: Cohort, seed: int) -> dict[str, Any]:
    """Train and measure on a cohort."""
    splits = [Split.of(cohort, seed, fold) for fold in range(FOLDS)]
    penalty = choose_penalty(splits[0])
    models = [split.fit(split.trained, penalty) for split in splits]
    return {
        "seed": seed,
        "penalty": penalty,
        "weights": len(models[0].weights),
        **figures(splits, models, cohort.study_size.tolist()),
    }


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Write a report for a reader."""
    held, trained = report["held"], report["trained"]
    yield (
        f"Simulated cohort, seed {report['seed']}: {report['people']:,} people in {FOLDS} folds,"
        f" each tested by a model of the others; {len(trained['rows'])} diseases trained on,"
        f" {len(held['rows'])} held out; {report['weights']} weights, penalty"
        f" {report['penalty']:g}"
    )
    yield "held-out disease   study size   AUC joint   baseline   difference (95% interval)"
    for row in held["rows"]:
        yield (
            f"{row['disease']:16}   {row['study_size']:10,}   {row['joint']:9.3f}"
            f"   {row['baseline']:8.3f}   {row['difference']:+.4f} ({row['low']:+.4f} to"
            f" {row['high']:+.4f})"
        )
    for name, part in (("held out", held), ("trained on", trained)):
        yield (
            f"Diseases {name}: above the linear baseline on {part['above']} of"
            f" {len(part['rows'])}, on {part['clearly_above']} with the whole interval; mean"
            f" difference {part['mean']:+.4f} ({part['mean_low']:+.4f} to"
            f" {part['mean_high']:+.4f})"
        )
    yield (
        f"Calibration on held-out diseases: {held['expected_over_observed']:.3f} cases expected"
        f" for each seen, slope {held['calibration_slope']:.3f}"
    )
    for name, value in held["by_population"].items():
        yield f"Mean difference within the population '{name}': {value:+.4f}"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=Design.seed)
    parser.add_argument("--people", type=int, default=Design.people)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    report = run(Design(seed=given.seed, people=given.people))
    if given.json:
        json.dump(report, sys.stdout, indent=2)
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(report))


if __name__ == "__main__":
    main()
