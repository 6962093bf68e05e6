"""Pictures that go with results, kept for a while and given out as MCP resources."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from specialists.base import Picture
from specialists.errors import UnknownHandle
from specialists.schema import PictureLink

__all__ = ["PictureStore"]

_SCHEME = "wardround://pictures/"


class PictureStore:
    """Keeps the most recent pictures in memory, up to a budget, oldest out first."""

    template = _SCHEME + "{name}"

    def __init__(self, budget_bytes: int = 128 * 2**20) -> None:
        self._budget = budget_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._used = 0

    def keep(self, picture: Picture) -> PictureLink:
        """Keep a picture and give the link to it. Equal bytes give an equal link."""
        name = hashlib.sha256(picture.png).hexdigest()[:16]
        if name not in self._kept:
            self._kept[name] = picture.png
            self._used += len(picture.png)
        self._kept.move_to_end(name)
        while self._used > self._budget and len(self._kept) > 1:
            self._used -= len(self._kept.popitem(last=False)[1])
        return PictureLink(title=picture.title, uri=_SCHEME + name)

    def read(self, name: str) -> bytes:
        """Give a picture's PNG bytes.

        Raises:
            UnknownHandle: If there is none of that name, or it had to make room.
        """
        if name not in self._kept:
            raise UnknownHandle("This picture is no longer kept. Call the tool again to make it.")
        return self._kept[name]
