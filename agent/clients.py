"""MCP clients that people have: where each keeps its servers, and how an entry looks there.

Sources, read in November 2026: the configuration pages of Claude Desktop, Claude Code, VS Code,
Cursor, Goose, LibreChat and Open WebUI.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specialists.errors import InvalidInput

__all__ = ["CLIENTS", "Client", "Entry", "merged", "printed", "write_entry"]

Json = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """How a client starts this server: a command with absolute paths, since clients have no PATH.

    Attributes:
        command: Program to run.
        args: Its arguments.
        env: Variables set for it.
    """

    command: str
    args: tuple[str, ...]
    env: Mapping[str, str]

    @classmethod
    def here(cls, roots: Sequence[Path], *, uvx: bool = False) -> Entry:
        """Make the entry of this installation, or one by which uv fetches the package itself.

        Args:
            roots: Folders whose files the client may name.
            uvx: Start through `uvx` rather than by this installation's own command.
        """
        env = {"WARDROUND_ROOTS": os.pathsep.join(str(root.resolve()) for root in roots)}
        if uvx:
            package = "wardround[models,gemma,genomics,slides]"
            return cls("uvx", ("--from", package, "wardround", "serve"), env)
        return cls(str(_own_command()), ("serve",), env)


def _own_command() -> Path:
    beside = Path(sys.executable).with_name("wardround")
    for one in (beside, beside.with_suffix(".exe")):
        if one.exists():
            return one
    found = shutil.which("wardround")
    if found is None:
        raise InvalidInput("The command wardround is not installed beside this Python.")
    return Path(found).absolute()


@dataclass(frozen=True)
class Client:
    """One client.

    Attributes:
        title: As its makers write it.
        files: Its configuration by platform as `sys.platform` says it, '' for the others, below
            the home folder unless absolute; None where it has no file that can be merged into.
        section: Key under which the file keeps its servers.
        typed: Whether an entry says `"type": "stdio"`.
        how: What a person does with the printed entry, where it is not written.
        after: What a person does once it is written.
    """

    title: str
    files: Mapping[str, str] | None
    section: str = "mcpServers"
    typed: bool = False
    how: str = ""
    after: str = "Restart the client."

    def file(self) -> Path | None:
        """Where the configuration lies on this machine."""
        if self.files is None:
            return None
        place = self.files.get(sys.platform, self.files[""])
        return Path(os.path.expandvars(place)).expanduser()

    def entry(self, entry: Entry) -> Json:
        """Say the entry as this client's file has it."""
        said: Json = {"command": entry.command, "args": list(entry.args), "env": dict(entry.env)}
        return {"type": "stdio", **said} if self.typed else said


def _below(mac: str, windows: str, other: str) -> dict[str, str]:
    return {
        "darwin": "~/Library/Application Support/" + mac,
        "win32": "%APPDATA%\\" + windows,
        "": "~/.config/" + other,
    }


CLIENTS: Mapping[str, Client] = {
    "claude-desktop": Client(
        "Claude Desktop",
        _below(*("Claude/claude_desktop_config.json",) * 3),
        after="Quit Claude Desktop fully and open it again.",
    ),
    "claude-code": Client(
        "Claude Code",
        {"": ".mcp.json"},
        typed=True,
        after="Start `claude` in this folder and approve the server.",
    ),
    "vscode": Client(
        "VS Code",
        _below(*("Code/User/mcp.json",) * 3),
        section="servers",
        typed=True,
        after="Open the chat in agent mode and switch the server on.",
    ),
    "cursor": Client("Cursor", {"": "~/.cursor/mcp.json"}),
    "goose": Client(
        "Goose",
        None,
        section="extensions",
        how="Add this to ~/.config/goose/config.yaml (Windows: %APPDATA%\\Block\\goose\\config\\"
        "config.yaml), below `extensions:` where the file has one:",
    ),
    "librechat": Client(
        "LibreChat",
        None,
        typed=True,
        how="Add this to librechat.yaml, below `mcpServers:` where the file has one, and restart "
        "LibreChat:",
    ),
    "open-webui": Client(
        "Open WebUI",
        None,
        how="Open WebUI (0.6.31 or newer) connects over HTTP. Start the server as below, then add "
        "http://127.0.0.1:8765/mcp under Admin Settings, External Tools, Type MCP (Streamable "
        "HTTP), with the token that the server tells when it starts:",
    ),
}


def printed(name: str, entry: Entry) -> str:
    """Say what a person puts into the client's configuration by hand."""
    client = CLIENTS[name]
    if name == "goose":
        return _yaml("extensions", _goose_entry(entry))
    if name == "librechat":
        return _yaml(client.section, client.entry(entry))
    if name == "open-webui":
        roots = entry.env["WARDROUND_ROOTS"]
        words = [entry.command, *entry.args, "--http", "--port", "8765"]
        return f"WARDROUND_ROOTS={shlex.quote(roots)} " + " ".join(map(shlex.quote, words))
    return json.dumps({client.section: {"wardround": client.entry(entry)}}, indent=2)


def _goose_entry(entry: Entry) -> Json:
    return {
        "enabled": True,
        "type": "stdio",
        "name": "wardround",
        "cmd": entry.command,
        "args": list(entry.args),
        "envs": dict(entry.env),
        "timeout": 300,
    }


def _yaml(section: str, entry: Json) -> str:
    """Block YAML of one server; a JSON scalar or list is a YAML one."""
    lines = [f"{section}:", "  wardround:"]
    for key, value in entry.items():
        if isinstance(value, dict):
            lines.append(f"    {key}:")
            lines += [f"      {name}: {json.dumps(one)}" for name, one in value.items()]
        else:
            lines.append(f"    {key}: {json.dumps(value)}")
    return "\n".join(lines)


def merged(before: Json, client: Client, entry: Entry) -> Json:
    """Put the server into a configuration; whatever else is in it stays as it is.

    Of an earlier entry of the same name, what this one does not say is kept too.

    Raises:
        InvalidInput: If the section is there and is no object.
    """
    servers = before.get(client.section, {})
    if not isinstance(servers, dict):
        raise InvalidInput(f"{client.section!r} in the configuration is not an object.")
    earlier = servers.get("wardround")
    earlier = earlier if isinstance(earlier, dict) else {}
    new = {**earlier, **client.entry(entry)}
    kept = earlier.get("env")
    new["env"] = {**(kept if isinstance(kept, dict) else {}), **entry.env}
    return {**before, client.section: {**servers, "wardround": new}}


def write_entry(file: Path, client: Client, entry: Entry, *, dry_run: bool = False) -> Json:
    """Merge the server into a client's file, in one step that leaves no half-written file.

    The file as it was before the first change is kept beside it, as NAME.before-wardround.

    Returns:
        The whole configuration as it is now, or would be.

    Raises:
        InvalidInput: If the file is no JSON object (one with comments is not) or not writable.
    """
    target = file.resolve()
    text = _read(target)
    after = merged(_parsed(text), client, entry)
    if not dry_run:
        try:
            _replace(target, text, json.dumps(after, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise InvalidInput(f"The configuration can't be written: {error.strerror}.") from None
    return after


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise InvalidInput("The client's configuration can't be read.") from None


def _parsed(text: str | None) -> Json:
    if text is None or not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput(
            "The client's configuration is not plain JSON (perhaps it has comments), so it was "
            "left alone. Run the command with --print and paste the entry."
        )
    return found


def _replace(target: Path, before: str | None, after: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    kept = target.with_name(target.name + ".before-wardround")
    if before is not None and not kept.exists():
        shutil.copy2(target, kept)
    fresh = target.with_name(target.name + ".new")
    fresh.write_text(after, encoding="utf-8")
    if before is not None:
        shutil.copymode(target, fresh)
    os.replace(fresh, target)
