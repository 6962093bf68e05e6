"""The slash commands of a conversation."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.agent import Agent
    from agent.answer import Answer, Statement

__all__ = ["COMMANDS", "Conversation"]

COMMANDS = {
    "/attach PATH …": "add files; they stay for the conversation",
    "/files": "list them",
    "/tools": "list the tools, and what they take",
    "/why [E1|N]": "show the statements' evidence, or that of one",
    "/picture [N] [FOLDER]": "list the pictures, or save one and draw it",
    "/export [FORM] [PATH]": "write the last answer: markdown, html, json, fhir, dicom-sr, …",
    "/help": "this",
    "/quit": "end",
}
_NONE_YET = "There is no answer yet."


@dataclass
class Conversation:
    """What was attached and answered so far."""

    agent: Agent
    pending: list[Path]
    """Files that go with the next question."""
    files: list[Path] = field(default_factory=list)
    """All that were attached."""
    last: Answer | None = None

    def __post_init__(self) -> None:
        self.files = [*self.pending]

    async def told(self, line: str) -> str:
        """What to say to a command.

        Raises:
            WardroundError: If it can't be done.
        """
        word, *rest = line.split()
        match word:
            case "/attach":
                return self._attach(rest)
            case "/tools":
                return self._tools()
            case "/files":
                return self._files()
            case "/why":
                return self._why(rest)
            case "/picture":
                return await self._picture(rest)
            case "/export":
                return await self._export(rest)
        width = max(map(len, COMMANDS))
        lines = [f"{name.ljust(width)}  {told}" for name, told in COMMANDS.items()]
        return "\n".join(["Write a question, or:", *lines])

    def _attach(self, names: Sequence[str]) -> str:
        paths = [Path(name).expanduser() for name in names]
        missing = [str(path) for path in paths if ":" not in str(path) and not path.exists()]
        if missing:
            return f"There is no {', '.join(missing)}."
        self.pending += paths
        self.files += paths
        return f"{len(self.pending)} file(s) will go with the next question."

    def _tools(self) -> str:
        return "\n".join(
            f"{one.name}: {one.title}" + "".join(f"; {a.description}" for a in one.accepts or ())
            for one in self.agent.toolbox.catalogue.values()
        )

    def _files(self) -> str:
        from specialists.acceptance import described

        known = self.last.attachments if self.last else ()
        lines = [
            f"{one.id}: {described(one.manifest) if one.manifest else 'could not be read'}"
            for one in known
        ]
        return "\n".join([*lines, *(f"next: {path.name}" for path in self.pending)]) or "None yet."

    def _why(self, rest: Sequence[str]) -> str:
        if self.last is None:
            return _NONE_YET
        statements = self.last.statements
        if not rest:
            return "\n".join(
                f"{number}. {one.text} [{', '.join(one.citations) or 'plain code'}]"
                for number, one in enumerate(statements, 1)
            )
        asked = rest[0].upper()
        if asked.isdigit() and 0 < int(asked) <= len(statements):
            return self._shown(statements[int(asked) - 1])
        return self._evidence((asked,)) or "There is no such statement or evidence."

    def _shown(self, statement: Statement) -> str:
        certainty = f" ({statement.certainty})" if statement.certainty else ""
        told = self._evidence(statement.citations) or "Plain code says so; no specialist did."
        return f"{statement.text}{certainty}\n{told}"

    def _evidence(self, ids: Sequence[str]) -> str:
        known = self.last.evidence if self.last else ()
        return "\n".join(
            f"{one.id} ({one.tool}, {one.attachment or 'no file'}): {one.text}"
            for one in known
            if one.id in ids
        )

    async def _picture(self, rest: Sequence[str]) -> str:
        pictures = self.last.pictures if self.last else ()
        number, *where = rest or [""]
        if not number.isdigit() or not 0 < int(number) <= len(pictures):
            lines = [f"{place}. {one.title}" for place, one in enumerate(pictures, 1)]
            return "\n".join(lines) or "There are no pictures."
        folder = _place(where, "pictures")
        chosen = [pictures[int(number) - 1]]
        (path,) = await self.agent.save_pictures_async(chosen, folder)
        return f"{self._drawn(path)}{path}"

    def _drawn(self, path: Path) -> str:
        if not sys.stderr.isatty() or path.suffix != ".png":
            return ""
        from agent.commands.drawing import drawn

        return drawn(path.read_bytes()) + "\n"

    async def _export(self, rest: Sequence[str]) -> str:
        from agent.export.forms import FORMS

        if self.last is None:
            return _NONE_YET
        form, *where = rest or ["markdown"]
        if form not in FORMS:
            return f"There is no form {form}. The forms are: {', '.join(FORMS)}."
        content = await self.agent.export_async(self.last, form, self.files)
        return f"wrote {_written(_place(where, '.'), FORMS[form].file_name, content)}"


def _place(named: Sequence[str], otherwise: str) -> Path:
    return Path(named[0] if named else otherwise).expanduser()


def _written(path: Path, name: str, content: bytes) -> Path:
    """Write to a path, or into a folder under a name."""
    file = path / name if path.is_dir() else path
    file.write_bytes(content)
    return file
