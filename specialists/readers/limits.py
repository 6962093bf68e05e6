"""How much one reading may take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits", "active", "use"]


@dataclass(frozen=True)
class Limits:
    """Bounds on a reader process, and on what it agrees to decode."""

    memory_gib: float = 4.0
    """Address space of one process (RLIMIT_AS)."""
    cpu_s: float = 120.0
    """Processor time of one job; counted in whole seconds, rounded up (RLIMIT_CPU)."""
    wall_s: float = 180.0
    """Time of one job by the clock; the process is ended then."""
    workers: int = 2
    """Processes that are kept."""
    megapixels: float = 512.0
    """Rows x columns x frames that a file may have."""
    unpacked_mib: float = 1024.0
    """What a compressed file or archive entry may unpack to."""
    files: int = 20_000
    """Files of a folder, or entries of an archive."""


_active = Limits()


def use(limits: Limits) -> None:
    """Make limits the ones that readers of this process check against."""
    global _active
    _active = limits


def active() -> Limits:
    """The limits of this process."""
    return _active
