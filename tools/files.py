"""Handles and allowed roots: the only place that turns what a caller named into an open file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from specialists.base import Source
from specialists.errors import FileMissing, FileNotAllowed, UnknownHandle, WardroundError
from specialists.readers import Found, inspect
from specialists.readers.filesets import companions, main_file
from specialists.schema import Manifest
from tools.dicomweb import Archive
from tools.fhir import RecordServer
from tools.ledger import Ledger
from tools.names import is_handle, is_record, is_study

__all__ = ["FileStore", "Held"]

_PREFIX = "file-"


@dataclass(frozen=True)
class Held:
    """A thing that was found in what a caller named, and its handle."""

    handle: str
    found: Found

    @property
    def manifest(self) -> Manifest:
        """The manifest, or the error that stood in its place."""
        if self.found.manifest is None:
            raise self.found.error or UnknownHandle("The file could not be read.")
        return self.found.manifest

    @property
    def source(self) -> Source:
        """What a backend gets."""
        return Source(paths=self.found.paths, manifest=self.manifest, series=self.found.series)


class FileStore:
    """Knows the roots under which callers may name files, and the handles given out.

    Args:
        roots: Folders; everything below them may be named. Symbolic links are resolved first.
        archive: A DICOMweb server, whose studies may be named too.
        records: A FHIR server, whose patients may be named too.
        ledger: Where other processes find the handles given out here.
    """

    def __init__(
        self,
        roots: Iterable[Path] = (),
        archive: Archive | None = None,
        records: RecordServer | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self._roots = [Path(root).resolve() for root in roots]
        self.archive, self.records = archive, records
        self._ledger = ledger
        self._held: dict[str, tuple[Held, str]] = {}

    def allow(self, path: Path) -> None:
        """Allow one more file or folder, as naming it on the command line does.

        What belongs to a file of genotypes (.bim and .fam beside .bed, an index) comes with it.
        """
        main = main_file(Path(path)) or Path(path)
        for each in (Path(path), main, *companions(main)):
            resolved = _resolve(each)
            if not self._inside(resolved):
                self._roots.append(resolved)

    def find(self, names: Sequence[str]) -> list[Held]:
        """Find what the caller named, by path or by handle.

        Several slices of one series become one entry; a folder gives one entry a series.

        Raises:
            UnknownHandle: For a handle that was not given out, or whose file has changed since.
            FileNotAllowed: For a path outside the roots.
            FileMissing: For an allowed path where there is nothing.
        """
        known = [self._recall(name) for name in names if is_handle(name)]
        paths = [self._allowed(name) for name in names if not is_handle(name)]
        return known + ([self._hold(found) for found in inspect(paths)] if paths else [])

    def paths(self, name: str) -> tuple[Path, ...]:
        """Give what lies behind a name or handle, for handing it to another server.

        Raises:
            UnknownHandle, FileNotAllowed, FileMissing: As `find` does.
        """
        return self._recall(name).found.paths if is_handle(name) else (self._allowed(name),)

    def kinds(self) -> dict[str, str]:
        """The handles given out for files that could be read, newest first, with their kinds."""
        held = [one for one, _ in reversed(self._held.values())]
        return {one.handle: one.found.manifest.kind for one in held if one.found.manifest}

    def replace_manifest(self, held: Held, manifest: Manifest) -> Held:
        """Keep a manifest that was completed after the inspection."""
        updated = replace(held, found=replace(held.found, manifest=manifest))
        self._held[held.handle] = (updated, self._held[held.handle][1])
        return updated

    def _recall(self, handle: str) -> Held:
        if handle not in self._held:
            self._learn(handle)
        # A failure to read may pass; what was read stays what it was.
        if handle not in self._held or self._held[handle][0].found.error is not None:
            raise UnknownHandle("This handle was not given out here. Name the file's path again.")
        held, stamp = self._held[handle]
        if _stamp(held.found) != stamp:
            raise UnknownHandle("The file behind this handle has changed. Name its path again.")
        return held

    def _learn(self, handle: str) -> None:
        """Look again at what another process gave a handle for, where it may still be read."""
        told = self._ledger.recall(handle) if self._ledger is not None else None
        paths = [Path(path) for path in told["paths"]] if told else []
        if paths and all(self._inside(_resolve(path)) and _is_there(path) for path in paths):
            for found in inspect(paths):
                self._hold(found)

    def _hold(self, found: Found) -> Held:
        if any(not self._inside(path.resolve()) for path in found.paths):
            found = replace(found, manifest=None, error=_outside())
        stamp = _stamp(found)
        handle = _PREFIX + hashlib.sha256(stamp.encode()).hexdigest()[:16]
        if handle not in self._held:
            self._held[handle] = (Held(handle, found), stamp)
            if self._ledger is not None and found.error is None:
                self._ledger.note(handle, {"paths": [str(path) for path in found.paths]})
        return self._held[handle][0]

    def _allowed(self, name: str) -> Path:
        if is_study(name):
            return self._fetched(name)
        if is_record(name):
            return self._recorded(name)
        path = Path(name)
        candidates = [path] if path.is_absolute() else [root / path for root in self._roots]
        inside = [full for full in (_resolve(path) for path in candidates) if self._inside(full)]
        for full in inside:
            if _is_there(full):
                return full
        if inside:
            raise FileMissing("There is no file of that name.")
        raise _outside()

    def _fetched(self, reference: str) -> Path:
        if self.archive is None:
            raise UnknownHandle("No DICOMweb server is configured here. Name a file's path.")
        folder = self.archive.fetch(reference)
        self.allow(folder)
        return folder

    def _recorded(self, reference: str) -> Path:
        if self.records is None:
            raise UnknownHandle("No FHIR server is configured here. Name a file's path.")
        record = self.records.fetch(reference)
        self.allow(record)
        return record

    def _inside(self, path: Path) -> bool:
        return any(path == root or path.is_relative_to(root) for root in self._roots)


def _resolve(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        raise FileMissing("There is no file of that name.") from None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than the file system takes
        return False


def _outside() -> WardroundError:
    return FileNotAllowed(
        "The file is outside the folders that may be read. Name one below an allowed root "
        "(WARDROUND_ROOTS), or a handle from an earlier result."
    )


def _stamp(found: Found) -> str:
    """What changes when the files do: names, sizes and times, never shown to anyone."""
    parts = [found.series or ""]
    for path in found.paths:
        try:
            status = path.stat()
            parts.append(f"{path}:{status.st_size}:{status.st_mtime_ns}")
        except OSError:
            parts.append(f"{path}:gone")
    return "|".join(parts)
