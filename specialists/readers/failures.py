"""What a reader says when something goes wrong that it did not foresee."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from specialists.errors import ReadLimitExceeded, UnreadableFile, WardroundError

__all__ = ["as_error", "guarded"]

logger = logging.getLogger(__name__)

_OUT_OF_MEMORY = "Reading the file takes more memory than a reader may use."
_TOO_NESTED = "The file is nested too deeply to be read."
_UNREADABLE = "The file could not be read: its content is damaged or not as the format demands."


def as_error(cause: Exception) -> WardroundError:
    """The error of the tree for any exception; what libraries say of a file goes no further."""
    match cause:
        case WardroundError():
            return cause
        case MemoryError():
            return ReadLimitExceeded(_OUT_OF_MEMORY)
        case RecursionError():
            return UnreadableFile(_TOO_NESTED)
    return UnreadableFile(_UNREADABLE)


@contextmanager
def guarded() -> Iterator[None]:
    """Turn whatever a library raises over one file into an error of the tree."""
    try:
        yield
    except Exception as cause:  # noqa: BLE001 - decoders raise what they like; this re-raises
        error = as_error(cause)
        if error is not cause:
            logger.info("A reader failed with %s", type(cause).__qualname__)
        raise error from None
