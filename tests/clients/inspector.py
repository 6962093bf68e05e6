"""The MCP Inspector's command line, and the protocol's conformance suite: one process a step."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.walk import HERE, NODE, ROOT, Place

_INSPECTOR = HERE / "node_modules" / "@modelcontextprotocol" / "inspector"
_CONFORMANCE = HERE / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
_SKIN = "skin/PAT_778_1471_835.png"
_QUESTION = "Could this mole be melanoma?"
STEPS: tuple[tuple[str, ...], ...] = (
    ("--method", "tools/list", "--strict"),
    ("--method", "prompts/list"),
    ("--method", "resources/templates/list"),
    ("--method", "tools/call", "--tool-name", "inspect_files",
     "--tool-args-json", json.dumps({"files": [_SKIN]})),
    ("--method", "tools/call", "--tool-name", "classify_skin_lesion",
     "--tool-args-json", json.dumps({"files": [_SKIN], "age_years": 60})),
    ("--method", "tools/call", "--tool-name", "consult",
     "--tool-args-json", json.dumps({"question": _QUESTION, "files": [_SKIN]})),
    ("--method", "prompts/get", "--prompt-name", "read_film",
     "--prompt-args", "film=cxr/nih_00000001_000.png"),
)  # fmt: skip
"""What is asked, as arguments of the command."""

SCENARIOS = (
    "server-initialize", "ping", "logging-set-level", "completion-complete", "tools-list",
    "prompts-list", "resources-list", "server-sse-multiple-streams", "dns-rebinding-protection",
)  # fmt: skip
"""Those of the conformance suite that any server can be asked; the others want its own fixtures:
tools named `test_…`, resources `test://…` and prompts `test_…`."""


@dataclass(frozen=True)
class Shown:
    """One step of the Inspector."""

    arguments: tuple[str, ...]
    code: int
    result: dict[str, Any]
    told: str
    """What stood on stderr."""


def inspected(place: Place, era: str, arguments: Sequence[str]) -> Shown:
    """Ask the Inspector's command line for one step.

    Args:
        place: The server.
        era: "legacy" or "modern".
        arguments: The method and its parameters.
    """
    target = [place.url] if place.url else list(place.command)
    settings = [part for one in place.settings.items() for part in ("-e", "=".join(one))]
    token = ["--header", f"Authorization: Bearer {place.token}"]
    command = [
        NODE, _main(), "--cli", *target, "--protocol-era", era, "--format", "json", "--quiet",
        *(token if place.url else settings), *arguments,
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=env, cwd=ROOT
        )
    result = json.loads(done.stdout).get("result", {}) if done.stdout.startswith("{") else {}
    return Shown(tuple(arguments), done.returncode, result, done.stderr)


def conformance(url: str, scenario: str) -> str:
    """Run one scenario of the conformance suite; gives its last line, such as "Passed: 1/1, …"."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [NODE, _CONFORMANCE, "server", "--url", url, "--scenario", scenario],
            capture_output=True, text=True, timeout=120, check=False, cwd=folder,
        )  # fmt: skip
    found = re.search(r"Passed: .*", done.stdout)
    return found[0] if found else f"exit code {done.returncode}"


def _main() -> Path:
    said = json.loads((_INSPECTOR / "package.json").read_text())
    return _INSPECTOR / str(said["bin"]["mcp-inspector"])
