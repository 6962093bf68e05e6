"""Files that callers send: streamed beside the MCP endpoint, kept by digest, named by handle.

For `/files/{sha256}`, with the caller's bearer token:

- `HEAD` says how much of the file is here: `Upload-Offset`, and `Upload-Complete: ?1` or `?0`.
- `PATCH` sends bytes from `Upload-Offset` on, of `Upload-Length` in all; `Upload-Suffix` may say
  the ending of the file's name, such as `.vcf.gz`. A broken upload goes on where it stopped.
- `GET`, and the `PATCH` that completes a file, answer with what `inspect_files` says of it.

What is complete has been checked against its digest, so nothing is ever sent twice.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio.to_thread

from specialists.errors import (
    FileMissing,
    FileTooLarge,
    InvalidInput,
    TruncatedFile,
    UploadConflict,
)
from tools.turns import alone

__all__ = ["UploadStore"]

_BLOCK = 4 * 2**20
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,8}){1,2}")


@dataclass
class UploadStore:
    """One caller's uploads.

    Args:
        folder: Where they lie.
        limit_bytes: Size of the largest.
        budget_bytes: Size of all; the oldest make room.
        life_s: How long one is kept after it was last sent or asked for.
    """

    folder: Path
    limit_bytes: int = 2 * 2**30
    budget_bytes: int = 20 * 2**30
    life_s: float = 24 * 3600.0

    def find(self, sha256: str) -> Path | None:
        """Give a complete file, and begin its life anew."""
        for path in self.folder.glob(f"{sha256}.file*"):
            # The time of change stays: a handle follows from it.
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
            return path
        return None

    def offset(self, sha256: str) -> int:
        """How many bytes of an incomplete file are here.

        Raises:
            FileMissing: If nothing of it is.
        """
        try:
            return self._part(sha256).stat().st_size
        except OSError:
            raise FileMissing("Nothing of this file has been sent.") from None

    async def append(
        self,
        sha256: str,
        chunks: AsyncIterator[bytes],
        *,
        offset: int,
        length: int,
        suffix: str = "",
    ) -> Path | None:
        """Take bytes of a file as they come.

        Args:
            sha256: Digest of the whole file, in hex.
            chunks: The bytes.
            offset: Where in the file they begin: as many as are here.
            length: Size of the whole file.
            suffix: Ending of the file's name.

        Returns:
            The file, once it is complete; None where more is to come.

        Raises:
            UploadConflict: If another upload of it is under way, or the offset is another.
            FileTooLarge: If it is, or becomes, larger than it may be or was said to be.
            TruncatedFile: If the whole has another digest; nothing of it is kept then.
        """
        self._check(length, suffix)
        with self._alone(sha256):
            complete = self.find(sha256)
            if complete is not None:
                return complete
            self._make_room(length)
            digest = await self._write(sha256, chunks, offset, length)
            if self._part(sha256).stat().st_size < length:
                return None
            return await anyio.to_thread.run_sync(self._finish, sha256, digest, suffix)

    async def _write(
        self, sha256: str, chunks: AsyncIterator[bytes], offset: int, length: int
    ) -> str | None:
        """Append; give the digest where the whole file went through here."""
        part = self._part(sha256)
        here = part.stat().st_size if part.exists() else 0
        if offset != here:
            raise UploadConflict(f"{here} bytes of this file are here; go on from there.")
        digest = hashlib.sha256()
        with part.open("ab") as out:
            async for block in _blocks(chunks):
                here += len(block)
                if here > length:
                    raise FileTooLarge("More bytes came than the file was said to have.")
                await anyio.to_thread.run_sync(_keep, out, digest, block)
        return digest.hexdigest() if offset == 0 else None

    def _finish(self, sha256: str, digest: str | None, suffix: str) -> Path:
        part = self._part(sha256)
        if digest is None:
            with part.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest != sha256:
            part.unlink()
            raise TruncatedFile("The bytes that came have another digest. Send the file again.")
        return part.rename(self.folder / f"{sha256}.file{suffix}")

    def _check(self, length: int, suffix: str) -> None:
        if not 0 < length <= self.limit_bytes:
            limit = self.limit_bytes / 2**30
            raise FileTooLarge(f"A file may have 1 byte to {limit:g} GiB.")
        if suffix and not _SUFFIX.fullmatch(suffix):
            raise InvalidInput("The suffix must be like '.dcm' or '.vcf.gz'.")

    @contextmanager
    def _alone(self, sha256: str) -> Iterator[None]:
        with alone(self.folder / f"{sha256}.lock") as mine:
            if not mine:
                raise UploadConflict("Another upload of this file is under way.")
            yield

    def _make_room(self, wanted: int) -> None:
        """Remove what has had its time, and the oldest until the new one fits."""
        kept = {path: status for path in self.folder.iterdir() if (status := _status(path))}
        used = sum(status.st_size for status in kept.values())
        oldest = time.time() - self.life_s
        for path, status in sorted(kept.items(), key=lambda one: one[1].st_atime):
            spent = status.st_atime < oldest
            if not (spent or used + wanted > self.budget_bytes):
                continue
            with alone(self.folder / f"{path.name.split('.')[0]}.lock") as mine:
                if mine:
                    path.unlink(missing_ok=True)
                    used -= status.st_size

    def _part(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.part"


def _status(path: Path) -> os.stat_result | None:
    """None for what another process has just removed."""
    try:
        return path.stat()
    except OSError:
        return None


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytearray]:
    """Gather small pieces, so that a thread is asked once for megabytes."""
    block = bytearray()
    async for chunk in chunks:
        block += chunk
        if len(block) >= _BLOCK:
            yield block
            block = bytearray()
    if block:
        yield block


def _keep(out: BinaryIO, digest: hashlib._Hash, block: bytearray) -> None:
    digest.update(block)
    out.write(block)
