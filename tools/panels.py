"""Reference panels of polygenic scores: made from a user's cohort, and listed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from specialists.polygenic.catalogue import choose
from specialists.polygenic.panel import (
    Panel,
    checked_name,
    installed,
    load_panel,
    panel_folder,
    panel_path,
    save_panel,
)
from specialists.polygenic.panel_build import build_panel
from specialists.readers import worker

__all__ = ["build", "folder", "listed"]

_PATIENCE_S = 3600.0


def build(
    genotypes: Sequence[Path],
    labels: Path,
    name: str,
    *,
    scores: Sequence[str] = (),
    memory_gib: float = 16.0,
    **options: Any,
) -> dict[str, Any]:
    """Make a panel of a cohort and install it.

    Args:
        genotypes: Files of the cohort.
        labels: Table of samples and populations.
        name: What the panel is called; one of that name is replaced.
        scores: Scoring files, or ids or traits of those that come with the program.
        memory_gib: What reading may take.
        **options: As `panel_build.build_panel` takes them.

    Returns:
        What the panel is, as `listed` says it.

    Raises:
        WardroundError: What `panel_build.build_panel` raises.
    """
    checked_name(name)
    limits = worker.Limits(memory_gib=memory_gib, cpu_s=_PATIENCE_S, wall_s=_PATIENCE_S, workers=1)
    worker.configure(limits)
    files = [_score(score) for score in scores]
    panel = build_panel(genotypes, labels, name, scores=files, **options)
    save_panel(panel, panel_path(name))
    return _described(panel)


def listed() -> list[dict[str, Any]]:
    """Describe the installed panels."""
    return [_described(load_panel(panel_path(name))) for name in installed()]


def folder() -> Path:
    """Where panels are kept."""
    return panel_folder()


def _score(wanted: str) -> Path:
    path = Path(wanted)
    return path if path.is_file() else choose(wanted, None)


def _described(panel: Panel) -> dict[str, Any]:
    counts = np.bincount(panel.cohort.population, minlength=len(panel.cohort.names))
    return {
        "name": panel.name,
        "title": panel.title,
        "genome_build": panel.genome_build,
        "people": len(panel.cohort.population),
        "populations": dict(zip(panel.cohort.names, counts.tolist(), strict=True)),
        "variants": len(panel.sites),
        "components": panel.cohort.components.shape[1],
        "scores": {
            score.name: {"used": len(score.used), "variants": score.variants}
            for score in panel.scores
        },
    }
