"""Population labels of a cohort's samples, from a table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from specialists.errors import InvalidInput

__all__ = ["Labels", "read_labels"]

_SAMPLE = ("#IID", "IID", "sample", "sample_id", "Sample name")
_POPULATION = ("SuperPop", "superpopulation", "super_pop", "Population", "population", "pop")
_UNKNOWN = {"", "NA", "NONE", "."}
_PARENTS = ("PAT", "MAT")


@dataclass(frozen=True)
class Labels:
    """Population and parents, by sample."""

    population: dict[str, str]
    parents: dict[str, tuple[str, ...]]

    def of(self, samples: Sequence[str]) -> list[str | None]:
        """Each sample's population; None where it has none, or where a parent is there too.

        Relatives would make a cohort seem larger and more uniform than it is.
        """
        there = set(samples)
        return [
            None if there & set(self.parents.get(name, ())) else self.population.get(name)
            for name in samples
        ]


def read_labels(path: Path, column: str | None = None) -> Labels:
    """Read a table with a header: PLINK 2's .psam, or tab- or comma-separated.

    Args:
        path: The table.
        column: The column with the populations; by its usual names where None.

    Raises:
        InvalidInput: If there are no columns for samples and populations.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InvalidInput("The table of population labels cannot be read as UTF-8.") from None
    head = next((number for number, line in enumerate(lines) if not line.startswith("##")), 0)
    rows = csv.DictReader(
        lines[head:], delimiter="\t" if "\t" in "".join(lines[head : head + 1]) else ","
    )
    names = rows.fieldnames or ()
    sample = _column(names, _SAMPLE, "samples")
    population = _column(names, _POPULATION if column is None else (column,), "populations")
    labels = Labels({}, {})
    for row in rows:
        if (row[population] or "").strip().upper() not in _UNKNOWN:
            labels.population[row[sample]] = row[population].strip()
        parents = tuple(row[p] for p in _PARENTS if row.get(p) not in (None, "", "0"))
        labels.parents[row[sample]] = parents
    return labels


def _column(names: Sequence[str], known: Sequence[str], what: str) -> str:
    found = next((name for name in known if name in names), None)
    if found is None:
        listed = ", ".join(known)
        raise InvalidInput(f"The table of labels has no column for {what}. Looked for: {listed}.")
    return found
