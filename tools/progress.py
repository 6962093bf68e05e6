"""Progress as MCP wants it: what is told rises with every notification of a request."""

from __future__ import annotations

__all__ = ["Rising"]

_NUDGE = 0.002
"""Of what is left: a step that got no further still says that something happens."""


class Rising:
    """Makes shares rise, whatever is reported; 1 is told once, if at all."""

    def __init__(self) -> None:
        self._told = 0.0

    def next(self, share: float) -> float:
        """The share to tell next: as reported, or a little above the last one."""
        nudged = self._told + (1.0 - self._told) * _NUDGE
        self._told = max(min(share, 1.0), nudged)
        return self._told
