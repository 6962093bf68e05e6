"""One file a command; what they share is here."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Progress", "exit_code_of", "run", "show_json", "told"]

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's async part."""
    import asyncio

    return asyncio.run(work)


def show_json(value: Any) -> None:
    """Write a result to stdout as one JSON document."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def told(text: str) -> None:
    """Write a line for a person to stderr."""
    sys.stderr.write(text + "\n")


def exit_code_of(error: Exception) -> int:
    """Tell an error on stderr, and give the exit code for it."""
    from specialists.errors import InvalidInput, WardroundError

    if isinstance(error, InvalidInput):
        told(f"{error.code}: {error.client_message}")
        return 2
    if type(error).__name__ == "ValidationError" and hasattr(error, "errors"):
        names = ", ".join(f"WARDROUND_{fault['loc'][0]}".upper() for fault in error.errors())
        told(f"invalid_input: these settings are not valid: {names}")
        return 2
    if isinstance(error, WardroundError):
        told(f"{error.code}: {error.client_message}")
        return 3
    import logging

    logging.getLogger(__name__).info("unexpected", exc_info=True)
    told(f"internal_error: {type(error).__name__}. Run `wardround --verbose …` for more.")
    return 3


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of one JSON object a line.

    Raises:
        InvalidInput: If a line is not a JSON object; its number is told.
    """
    from specialists.errors import InvalidInput

    rows = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InvalidInput("The cases must be a UTF-8 text file.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            raise InvalidInput(f"Line {number} of the cases is not JSON.") from None
        if not isinstance(row, dict):
            raise InvalidInput(f"Line {number} of the cases is not a JSON object.")
        rows.append(row)
    return rows


class Progress:
    """One line on stderr that is written over, when a person is watching."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._width = 0

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._watched:
            sys.stderr.write("\r" + text.ljust(self._width)[:100])
            sys.stderr.flush()
            self._width = min(len(text), 100)

    def clear(self) -> None:
        """Take the line away."""
        if self._watched and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0

    def report(self) -> Callable[[float, str], Awaitable[None]]:
        """A progress function for `Toolbox.call`."""

        async def report(share: float, message: str) -> None:
            self.show(f"{share:4.0%} {message}")

        return report
