"""Values of DICOM elements, which may be absent or not what their type demands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["numbers", "value"]


def value(dataset: Dataset, keyword: str) -> Any:
    """An element's value; None where it is absent, empty or not what its type demands."""
    try:
        found = dataset.get(keyword)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - a value that its own type does not allow, in many ways
        return None
    return None if found is None or found == "" else found


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """An element's finite numbers; empty where it has none."""
    found = value(dataset, keyword)
    if found is None or isinstance(found, str):
        return ()
    try:
        floats = tuple(float(item) for item in (found if hasattr(found, "__len__") else [found]))
    except (TypeError, ValueError):
        return ()
    return floats if all(math.isfinite(item) for item in floats) else ()
