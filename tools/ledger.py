"""What handles stand for, on disk: known to all processes that serve over one state folder."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

__all__ = ["Ledger"]

_LIFE_S = 7 * 24 * 3600.0


@dataclass
class Ledger:
    """One caller's handles.

    Args:
        folder: A file a handle, readable by the server's user alone. Old ones go.
    """

    folder: Path

    def __post_init__(self) -> None:
        oldest = time.time() - _LIFE_S
        for file in self.folder.glob("*.json"):
            with contextlib.suppress(OSError):  # another process may remove it too
                if file.stat().st_mtime < oldest:
                    file.unlink()

    def note(self, handle: str, meaning: Mapping[str, Any]) -> None:
        """Write down what a handle stands for; written again, its life begins anew."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        coming = self.folder / f"{uuid4().hex}.coming"
        coming.touch(mode=0o600)
        coming.write_text(json.dumps(meaning), encoding="utf-8")
        coming.replace(self._file(handle))

    def recall(self, handle: str) -> dict[str, Any] | None:
        """What a handle stands for, or None where it was never given out."""
        try:
            found: dict[str, Any] = json.loads(self._file(handle).read_bytes())
        except (OSError, ValueError):
            return None
        return found

    def _file(self, handle: str) -> Path:
        return self.folder / f"{handle}.json"
