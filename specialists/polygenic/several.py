"""Several scores of the same samples: one result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from specialists.polygenic.spec import PolygenicResult, ScoreCounts

__all__ = ["joined"]

T = TypeVar("T")


def joined(results: Sequence[PolygenicResult]) -> PolygenicResult:
    """Put results of single scores together; the first one's counts stand for all at the top.

    Args:
        results: One a score, of the same samples.
    """
    first = results[0]
    if len(results) == 1:
        return first
    names = [one.provenance.version.split(" ")[0] for one in results]
    lists = (
        "risk_scores", "measurements", "standings", "quality", "absolute_risks", "not_assessed",
    )  # fmt: skip
    together = {
        name: tuple(_once(item for one in results for item in getattr(one, name)))
        for name in lists
        if hasattr(first, name)
    }
    warnings = (f"{name}: {text}" for name, one in zip(names, results, strict=True)
                for text in one.warnings)  # fmt: skip
    provenance = first.provenance.model_copy(
        update={
            "version": ", ".join(one.provenance.version for one in results),
            "weights_sha256": None,
            "evaluated_on": " ".join(
                f"{name}: {one.provenance.evaluated_on}"
                for name, one in zip(names, results, strict=True)
            ),
            "terms": " ".join(_once(one.provenance.terms or "" for one in results)),
        }
    )
    counts = tuple(
        ScoreCounts(
            name=name, weights_sha256=one.provenance.weights_sha256 or "", counts=one.counts
        )
        for name, one in zip(names, results, strict=True)
    )
    return first.model_copy(
        update={
            **together,
            "summary": " ".join(one.summary for one in results),
            "warnings": tuple(warnings),
            "provenance": provenance,
            "scores": counts,
        }
    )


def _once(items: Iterable[T]) -> list[T]:
    """Each item where it first stands."""
    kept: list[T] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept
