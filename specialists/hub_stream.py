"""One file of the hub, streamed to a part of it that a later attempt goes on from."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from specialists.errors import ServerUnreachable
from specialists.hub import HubModel
from specialists.hub_errors import explained

__all__ = ["Part", "stream"]

_BLOCK = 4 * 2**20
_TIMEOUT_S = 30.0
_TRIES = 5
_PAUSE_S = 1.0


class Part:
    """A file that is coming, with the digest of what is here.

    Args:
        path: Where it lies; what lies there is gone on from.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        self._file.seek(0)
        self._digest = hashlib.sha256()
        self.size = 0
        while block := self._file.read(_BLOCK):
            self._digest.update(block)
            self.size += len(block)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def sha256(self) -> str:
        """Digest of what is here."""
        return self._digest.hexdigest()

    def append(self, block: bytes) -> None:
        """Take more of it."""
        self._file.write(block)
        self._digest.update(block)
        self.size += len(block)

    def restart(self) -> None:
        """Throw away what is here."""
        self._file.truncate(0)
        self._digest, self.size = hashlib.sha256(), 0


def stream(
    url: str, part: Part, size: int, model: HubModel, say: Callable[[int], None] = lambda _: None
) -> None:
    """Bring a part to its full size, over as many connections as it takes.

    Args:
        url: Of the file.
        part: Is appended to.
        size: Of the whole file, in bytes.
        model: Named in errors.
        say: Called with the size of the part as it grows.

    Raises:
        NotAuthorised: If the hub refuses.
        ServerUnreachable: If connections break off five times with nothing sent.
    """
    import httpx2

    if part.size > size:
        part.restart()
    left = _TRIES
    while part.size < size:
        before = part.size
        try:
            with explained(model, httpx2.TransportError):
                _request(url, part, say)
        except httpx2.TransportError:
            time.sleep(_PAUSE_S)
        left = _TRIES if part.size > before else left - 1
        if not left:
            raise ServerUnreachable(
                "The connection to the hub broke off. The same command goes on where it stopped."
            )


def _request(url: str, part: Part, say: Callable[[int], None]) -> None:
    from huggingface_hub import get_session
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        build_hf_headers,
        hf_raise_for_status,
    )

    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
    asked = get_session().stream(
        "GET", url, headers=headers, follow_redirects=True, timeout=_TIMEOUT_S
    )
    with asked as response:
        hf_raise_for_status(response)
        if response.status_code != 206:
            part.restart()
        for block in response.iter_bytes():
            part.append(block)
            say(part.size)
