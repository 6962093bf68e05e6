"""What age, sex and site say about a lesion, as log-linear evidence beside the picture's.

For each value of each item a table holds log p(value | diagnosis) / p(value), counted on the
training lesions. The tables are part of the card, so that they can be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["ITEMS", "Person", "band", "evidence_of"]

Floats = NDArray[np.float64]
Person = Mapping[str, str]
"""`age` (a band), `sex` and `site`, as far as they are known."""
Tables = Mapping[str, Mapping[str, Sequence[float]]]

ITEMS = ("age", "sex", "site")
YOUNGEST, OLDEST = 20, 80


def band(age_years: float) -> str:
    """Return the decade of an age: 'below 20', '20', … '80' (and above)."""
    decade = int(age_years // 10) * 10
    return f"below {YOUNGEST}" if decade < YOUNGEST else str(min(decade, OLDEST))


def evidence_of(person: Person, tables: Tables, classes: int) -> dict[str, Floats]:
    """Return (classes,) evidence by item; zeros for what is not known or was never seen."""
    return {
        item: np.asarray(tables[item].get(person.get(item, ""), np.zeros(classes)), np.float64)
        for item in ITEMS
    }
