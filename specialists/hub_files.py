"""The files of a hub model that was fetched: pinned by commit and digest, and checked again.

`wardround.json` beside the files says which commit they are of, on what terms they were taken,
and the size and SHA-256 of each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

__all__ = ["RECORD", "Pinned", "Record", "faults", "pin", "read"]

RECORD = "wardround.json"
_LOADED = {".safetensors", ".bin", ".pt", ".pth", ".pkl", ".ckpt", ".py"}
"""Endings of what a library may take for weights or code."""


class Pinned(BaseModel):
    """One file as it was fetched."""

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str
    mtime_ns: int
    """While this and the size are as they were, loading does not read the file for its digest."""


class Record(BaseModel):
    """What was fetched."""

    model_config = ConfigDict(frozen=True)

    id: str
    commit: str
    licence: str
    terms: str | None = None
    """Terms that were shown and accepted before the download."""
    files: dict[str, Pinned]

    @property
    def sha256(self) -> str:
        """One digest over all files, for a result's provenance."""
        lines = (f"{one.sha256}  {path}\n" for path, one in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files.values())

    def write(self, place: Path) -> None:
        """Put the record beside the files."""
        told = json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False)
        (place / RECORD).write_text(told + "\n", encoding="utf-8")


def read(place: Path) -> Record | None:
    """Read the record of a folder; None where it was not fetched from here, or can't be read."""
    try:
        return Record.model_validate_json((place / RECORD).read_bytes())
    except (OSError, ValidationError):
        return None


def pin(path: Path, sha256: str | None = None) -> Pinned:
    """Describe a file; without its digest, it is read for it."""
    state = path.stat()
    return Pinned(size=state.st_size, sha256=sha256 or _digest(path), mtime_ns=state.st_mtime_ns)


def faults(
    place: Path, *, thorough: bool = False, say: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Say what differs from the files that were fetched.

    Args:
        place: The folder.
        thorough: Read every file; otherwise only those that were written to since.
        say: Called with each file's name before it is looked at.

    Returns:
        A line a fault. A folder without a record has none: its owner put it there.
    """
    if not (place / RECORD).is_file():
        return []
    record = read(place)
    if record is None:
        return [f"{RECORD} can't be read"]
    found = []
    for name, pinned in record.files.items():
        say(name)
        fault = _fault(place / name, pinned, thorough)
        if fault:
            found.append(f"{name} {fault}")
    return found + [f"{name} was not fetched with the rest" for name in _strays(place, record)]


def _fault(path: Path, pinned: Pinned, thorough: bool) -> str:
    try:
        state = path.stat()
    except OSError:
        return "is missing"
    if state.st_size != pinned.size:
        return f"has {state.st_size} bytes, not {pinned.size}"
    touched = state.st_mtime_ns != pinned.mtime_ns
    if (thorough or touched) and _digest(path) != pinned.sha256:
        return "has another SHA-256"
    return ""


def _strays(place: Path, record: Record) -> list[str]:
    names = (path.relative_to(place).as_posix() for path in place.rglob("*")
             if path.suffix in _LOADED)  # fmt: skip
    return sorted(name for name in names if name not in record.files)


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
