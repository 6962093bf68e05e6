"""Pictures and masks that go with results, kept for a while and given out as MCP resources."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from specialists.base import LabelMap, Picture, Table
from specialists.errors import UnknownHandle
from specialists.schema import MaskLink, PictureLink, TableLink

__all__ = ["PictureStore"]

_NAME = re.compile("[0-9a-f]{16}")
_SCHEME = "wardround://pictures/"
_MASKS = "wardround://masks/"
_TABLES = "wardround://tables/"


class PictureStore:
    """Keeps the most recent pictures and masks in memory, up to a budget, oldest out first.

    Args:
        budget_bytes: Of the memory, and of the folder.
        folder: Where they lie too, for other processes that serve the same caller.
    """

    template = _SCHEME + "{name}"
    mask_template = _MASKS + "{name}"
    table_template = _TABLES + "{name}"

    def __init__(self, budget_bytes: int = 128 * 2**20, folder: Path | None = None) -> None:
        self._budget, self.folder = budget_bytes, folder
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._used = 0

    def keep(self, picture: Picture) -> PictureLink:
        """Keep a picture and give the link to it. Equal bytes give an equal link."""
        return PictureLink(title=picture.title, uri=_SCHEME + self._keep(picture.png))

    def keep_mask(self, mask: LabelMap) -> MaskLink:
        """Keep a label map and give the link to it."""
        uri = _MASKS + self._keep(mask.nifti_gz)
        return MaskLink(title=mask.title, uri=uri, segments=mask.segments)

    def keep_table(self, table: Table) -> TableLink:
        """Keep a table and give the link to it."""
        return TableLink(title=table.title, uri=_TABLES + self._keep(table.tsv_gz))

    def _keep(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()[:16]
        if name not in self._kept:
            self._kept[name] = content
            self._used += len(content)
            self._write(name, content)
        self._kept.move_to_end(name)
        while self._used > self._budget and len(self._kept) > 1:
            self._used -= len(self._kept.popitem(last=False)[1])
        return name

    def read(self, name: str) -> bytes:
        """Give the bytes of a picture (PNG), mask (compressed NIfTI) or table (compressed text).

        Raises:
            UnknownHandle: If there is none of that name, or it had to make room.
        """
        content = self._kept.get(name) or self._written(name)
        if content is None:
            raise UnknownHandle(
                "This picture, mask or table is no longer kept. Call the tool again to make it."
            )
        return content

    def _write(self, name: str, content: bytes) -> None:
        """Write it for others too, and remove the oldest where there is too much."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        coming = self.folder / f"{uuid4().hex}.coming"
        coming.touch(mode=0o600)
        coming.write_bytes(content)
        coming.replace(self.folder / name)
        used = 0
        for file in sorted(self.folder.iterdir(), key=_changed, reverse=True):
            with suppress(OSError):  # another process may remove it too
                used += file.stat().st_size
                if used > self._budget and file.name != name:
                    file.unlink()

    def _written(self, name: str) -> bytes | None:
        if self.folder is None or not _NAME.fullmatch(name):
            return None
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
