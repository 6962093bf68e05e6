"""Files are handed to a server on another machine: once, by digest, in parts that may break off."""

from __future__ import annotations

import hashlib
import re
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specialists.errors import FileMissing, ServerUnreachable, error_from_code
from specialists.schema import Inspection

if TYPE_CHECKING:
    import httpx2

__all__ = ["Handover"]

Content = BufferedReader | BufferedRandom

_BLOCK = 2**20
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,8}){1,2}$")
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Handover:
    """Sends files to one server.

    Args:
        url: The server's uploads, ending in `/files/`.
        headers: Sent with every request: the bearer token.
        tries: How often a broken upload is gone on with.
    """

    url: str
    headers: Mapping[str, str]
    tries: int = 4

    @classmethod
    def to(cls, server: Any) -> Handover | None:
        """Of an entry of `mcpServers`; None for a server on this machine."""
        if not isinstance(server, Mapping) or not str(server.get("url", "")).startswith("http"):
            return None
        base = re.sub(r"/mcp/?$", "", str(server["url"])).rstrip("/")
        return cls(f"{base}/files/", dict(server.get("headers", {})))

    async def send_all(self, paths: Sequence[Path]) -> Inspection:
        """Hand over what was named, and give what the server says of it.

        A folder, and loose DICOM files together, travel as one ZIP archive, the same one each
        time; every other file by itself. Nothing is sent that the server has.

        Raises:
            FileMissing: If a named file is no longer there.
            ServerUnreachable: If the server can't be reached, or keeps breaking off.
            WardroundError: What the server says of the upload.
        """
        files = [await self._send(group) for group in _groups(paths)]
        return Inspection(files=tuple(one for seen in files for one in seen.files))

    async def _send(self, paths: Sequence[Path]) -> Inspection:
        import httpx2

        with _packed(paths) as (content, suffix):
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
            async with httpx2.AsyncClient(headers=dict(self.headers), timeout=120) as client:
                for _ in range(self.tries):
                    try:
                        return await self._go_on(client, sha256, content, suffix)
                    except httpx2.TransportError:
                        continue
        raise ServerUnreachable("The file could not be handed to the tool's server.")

    async def _go_on(
        self, client: httpx2.AsyncClient, sha256: str, content: Content, suffix: str
    ) -> Inspection:
        url = self.url + sha256
        state = await client.head(url)
        if state.headers.get("Upload-Complete") == "?1":
            return _seen(await client.get(url))
        offset = int(state.headers.get("Upload-Offset", 0))
        length = content.seek(0, 2)
        content.seek(offset)
        said = {"Upload-Offset": str(offset), "Upload-Length": str(length)}
        if suffix:
            said["Upload-Suffix"] = suffix
        return _seen(await client.patch(url, headers=said, content=_blocks(content)))


def _seen(response: httpx2.Response) -> Inspection:
    if response.status_code == 200:
        return Inspection.model_validate_json(response.content)
    try:
        told = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        raise ServerUnreachable("The tool's server takes no files.") from None
    raise error_from_code(told["code"], told["message"])


def _groups(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    slices = [path for path in paths if _is_slice(path)]
    if len(slices) < 2:
        return [(path,) for path in paths]
    return [tuple(slices), *((path,) for path in paths if path not in slices)]


def _is_slice(path: Path) -> bool:
    """Whether a file is DICOM, which alone comes as many files of one thing."""
    if not path.is_file():
        return False
    with path.open("rb") as content:
        return content.read(132)[128:] == b"DICM"


async def _blocks(content: Content) -> AsyncIterator[bytes]:
    while block := content.read(_BLOCK):
        yield block


@contextmanager
def _packed(paths: Sequence[Path]) -> Iterator[tuple[Content, str]]:
    """The one file that was named, or an archive of all; and the ending of its name."""
    try:
        if len(paths) == 1 and paths[0].is_file():
            suffix = _SUFFIX.search(paths[0].name)
            with paths[0].open("rb") as content:
                yield content, suffix[0] if suffix else ""
            return
        with tempfile.TemporaryFile() as archive:
            _pack(archive, paths)
            archive.seek(0)
            yield archive, ".zip"
    except FileNotFoundError:
        raise FileMissing("A file of this question is no longer there.") from None


def _pack(archive: Content, paths: Iterable[Path]) -> None:
    """Members are numbered: a file's own name may say who it is of."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        for number, path in enumerate(_files(paths)):
            suffix = _SUFFIX.search(path.name)
            member = zipfile.ZipInfo(f"{number:06d}{suffix[0] if suffix else ''}", _EPOCH)
            with path.open("rb") as content, out.open(member, "w", force_zip64=True) as to:
                while block := content.read(_BLOCK):
                    to.write(block)


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file())
        else:
            yield path
