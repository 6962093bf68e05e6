"""Writes down what each client of another maker was told: `python -m tests.transcripts`.

One file a client, transport and revision of the protocol, under tests/integration/transcripts.
Handles, names of pictures and ports are left out, as they differ from machine to machine.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.clients.inspector import SCENARIOS, STEPS, Shown, conformance, inspected
from tests.clients.serving import open_server
from tests.clients.walk import HERE, NODE, Place, Said, Walk, python_walk, typescript_walk
from tests.served import serving

FOLDER = Path(__file__).parent / "integration" / "transcripts"
REVISIONS = {"2026-07-28": "2026-07-28", "2025-11-25": "legacy"}
_VARYING = (
    (re.compile(r"file-[0-9a-f]{16}"), "file-…"),
    (re.compile(r"(wardround://\w+/)[0-9a-f]{16}"), r"\1…"),
    (re.compile(r"walk-[0-9a-f]{8}"), "walk"),
    (re.compile(r"python \d[0-9.]+"), "python …"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r'"duration_s": [0-9.]+'), '"duration_s": …'),
)


def written(client: str, transport: str, walk: Walk) -> str:
    """The transcript of a walk, in Markdown."""
    head = (
        f"# {client}, {transport}, revision {walk.protocol or '2025-11-25'}\n\n"
        f"The server calls itself `{walk.server or 'wardround'}`. Handles, names of pictures and "
        "numbers of ports are left out.\n"
    )
    return _plain(head + "".join(_step(number, one) for number, one in enumerate(walk.said, 1)))


def inspector_written(transport: str, revision: str, steps: list[Shown]) -> str:
    """The transcript of the Inspector's command line."""
    head = f"# MCP Inspector {_npm('inspector')}, command line, {transport}, revision {revision}\n"
    parts = [
        f"\n## {number}.\n\n```\n{shlex.join(one.arguments)}\n```\n\nExit code {one.code}.\n"
        + _answer(one.result)
        for number, one in enumerate(steps, 1)
    ]
    return _plain(head + "".join(parts))


def conformance_written(outcomes: Mapping[str, str]) -> str:
    """What the conformance suite made of the server."""
    lines = [f"| {name} | {outcome} |" for name, outcome in outcomes.items()]
    return "\n".join(
        [
            f"# Conformance suite of the protocol {_npm('conformance')}, over HTTP",
            "",
            "The scenarios that any server can be asked; the others want tools, resources and "
            "prompts of the suite's own.",
            "",
            "| scenario | outcome |",
            "| --- | --- |",
            *lines,
            "",
        ]
    )


def _step(number: int, said: Said) -> str:
    call = f"{said.step['method']} {json.dumps(said.sent, ensure_ascii=False)}"
    parts = [f"\n## {number}. {said.step['say']}\n\n```\n{call}\n```\n"]
    parts += [f"\nThe client is asked: {one} It replies.\n" for one in said.asked]
    if said.step.get("progress") and said.progress:
        parts.append(f"\nProgress: {', '.join(said.progress)}.\n")
    if said.error is not None:
        parts.append(f"\nError: {said.error['message']}\n")
    return "".join(parts) + (_answer(said.result) if said.result else "")


def _answer(result: Mapping[str, Any]) -> str:
    shown = "".join(_shown(result))
    return shown or f"\n```json\n{json.dumps(result, ensure_ascii=False)[:400]}\n```\n"


def _shown(result: Mapping[str, Any]) -> Iterator[str]:
    for listed in ("tools", "prompts", "resourceTemplates"):
        if listed in result:
            names = ", ".join(f"`{one['name']}`" for one in result[listed])
            yield f"\n{len(result[listed])}: {names}.\n"
    for one in result.get("contents", []):
        size = len(base64.b64decode(one.get("blob", "")))
        begins = base64.b64decode(one.get("blob", ""))[1:4].decode("latin-1")
        yield f"\n{one['mimeType']}, {'not empty' if size else 'empty'}, begins with {begins}.\n"
    for message in result.get("messages", []):
        yield f"\n{message['role']}:\n\n{_quoted(message['content']['text'])}"
    if "completion" in result:
        yield f"\nOffered: {', '.join(sorted(set(result['completion']['values'])))}.\n"
    if result.get("isError"):
        yield "\nThe result is marked as an error.\n"
    for block in result.get("content", []):
        if block["type"] == "text":
            yield f"\n{_quoted(block['text'])}"
        else:
            yield f"\nA link: {block['name']}, {block.get('mimeType')}, {block['uri']}\n"
    if "structuredContent" in result:
        yield f"\nStructured content with: {', '.join(sorted(result['structuredContent']))}.\n"


def _quoted(text: str) -> str:
    return "".join(f"> {line}".rstrip() + "\n" for line in text.strip().splitlines())


def _plain(text: str) -> str:
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    return text


def _npm(name: str) -> str:
    said = json.loads(
        (HERE / "node_modules" / "@modelcontextprotocol" / name / "package.json").read_text()
    )
    return str(said["version"])


def _walks() -> dict[str, tuple[str, Callable[[Place, str], Walk], list[str]]]:
    def python(place: Place, mode: str) -> Walk:
        return asyncio.run(python_walk(place, mode))

    clients: dict[str, tuple[str, Callable[[Place, str], Walk], list[str]]] = {
        "python": (f"Official Python SDK (`mcp` {version('mcp')})", python, [*REVISIONS])
    }
    if NODE.exists():
        second = f"Official TypeScript SDK (`@modelcontextprotocol/client` {_npm('client')})"
        first = f"Official TypeScript SDK (`@modelcontextprotocol/sdk` {_npm('sdk')})"
        clients["typescript"] = (
            second, lambda place, mode: typescript_walk(place, mode, 2), [*REVISIONS],
        )  # fmt: skip
        clients["typescript-v1"] = (
            first, lambda place, mode: typescript_walk(place, mode, 1), ["2025-11-25"],
        )  # fmt: skip
    return clients


def _write(name: str, text: str) -> None:
    (FOLDER / f"{name}.md").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{name}\n")


def main() -> None:
    """Write all transcripts that can be written here."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as served:
        http = Place(url=f"{served.url}/mcp", token=served.ward)
        for client, (title, walk, revisions) in _walks().items():
            for revision in revisions:
                stdio = Place(state=Path(name) / f"{client}-{revision}")
                for transport, place in (("stdio", stdio), ("HTTP", http)):
                    text = written(title, transport, walk(place, REVISIONS[revision]))
                    _write(f"{client}-{transport.lower()}-{revision}", text)
        if NODE.exists():
            _inspector(http, Place(state=Path(name) / "inspector"))
            with open_server(Path(name) / "open") as url:
                outcomes = {one: conformance(url, one) for one in SCENARIOS}
            _write("conformance", conformance_written(outcomes))


def _inspector(http: Place, stdio: Place) -> None:
    for era, revision in (("modern", "2026-07-28"), ("legacy", "2025-11-25")):
        for transport, place in (("stdio", stdio), ("HTTP", http)):
            steps = [inspected(place, era, one) for one in STEPS]
            text = inspector_written(transport, revision, steps)
            _write(f"inspector-{transport.lower()}-{revision}", text)


if __name__ == "__main__":
    main()
