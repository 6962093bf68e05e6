"""What a person types in a conversation: completion of commands and paths, and history."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["completions", "remembering"]

_MOST_LINES = 500


def completions(line: str, commands: Sequence[str]) -> list[str]:
    """What the last word of a line may become: a command, or a path after `/attach`.

    Args:
        line: As typed so far.
        commands: Those there are, with their slash.

    Returns:
        Whole words; folders end in a slash.
    """
    begun, _, word = line.rpartition(" ")
    if not begun:
        return [one for one in commands if one.startswith(word)] if word.startswith("/") else []
    if begun.split()[0] not in ("/attach", "/export", "/picture"):
        return []
    folder, name = os.path.split(word)
    with suppress(OSError):
        there = sorted(Path(folder or ".").expanduser().iterdir())
        fitting = [one for one in there if one.name.startswith(name) and _shown(one, name)]
        return [os.path.join(folder, one.name) + "/" * one.is_dir() for one in fitting]
    return []


def remembering(file: Path, commands: Sequence[str]) -> None:
    """Let the terminal complete, and remember lines in a file of the user alone."""
    try:
        import atexit
        import readline
    except ImportError:  # a system without it
        return

    def complete(_: str, place: int) -> str | None:
        found = completions(readline.get_line_buffer()[: readline.get_endidx()], commands)
        return found[place] if place < len(found) else None

    readline.set_completer_delims(" ")
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600)
    with suppress(OSError):
        readline.read_history_file(file)
    readline.set_history_length(_MOST_LINES)
    atexit.register(readline.write_history_file, file)


def _shown(one: Path, begun: str) -> bool:
    return begun.startswith(".") or not one.name.startswith(".")
