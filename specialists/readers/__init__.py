"""File → array with geometry and units.

Every function here runs in a worker process with memory, CPU and wall limits: files are not
trusted.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from specialists.readers.header import Found, inspect
    from specialists.readers.photograph import read_photograph
    from specialists.readers.radiograph import read_radiograph
    from specialists.readers.record import read_record
    from specialists.readers.scoring_file import read_scoring_file
    from specialists.readers.variants import read_variants
    from specialists.readers.volume import read_volume
    from specialists.readers.worker import Limits, configure

__all__ = [
    "Found",
    "Limits",
    "configure",
    "inspect",
    "read_photograph",
    "read_radiograph",
    "read_record",
    "read_scoring_file",
    "read_variants",
    "read_volume",
]

_HOME = {
    "Found": "header",
    "Limits": "worker",
    "configure": "worker",
    "inspect": "header",
    "read_photograph": "photograph",
    "read_radiograph": "radiograph",
    "read_record": "record",
    "read_scoring_file": "scoring_file",
    "read_variants": "variants",
    "read_volume": "volume",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
