"""Two processes over one state folder: a caller's next request may reach either."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client

from tests.served import DATA, Served, serving, wait_for
from tests.servers import free_port
from tools.callers import add_caller
from tools.dicomweb import Archive
from tools.turns import alone, in_turn

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("workers")]
SKIN = "skin/PAT_778_1471_835.png"
QUESTION = "Could this mole be melanoma?"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    folder = tmp_path_factory.mktemp("served")
    with serving(folder) as first, serving(folder, first) as second:
        yield first, second


async def call(server: Served, tool: str, token: str = "", **given: Any) -> Any:
    async with server.client(token or server.ward) as client:
        return await client.call_tool_mcp(tool, given)


def code(result: Any) -> str:
    return str((result.meta or {})["wardround/error"]["code"])


async def test_handle_and_picture_of_one_process_are_there_in_the_other(
    pair: tuple[Served, Served],
) -> None:
    first, second = pair
    seen = await call(first, "inspect_files", files=[SKIN])
    handle = seen.structured_content["files"][0]["handle"]
    read = await call(second, "classify_skin_lesion", files=[handle])
    async with first.client(first.ward) as client:
        (picture,) = await client.read_resource(read.structured_content["pictures"][0]["uri"])
    assert base64.b64decode(picture.blob).startswith(b"\x89PNG")


async def test_handle_of_one_caller_is_not_there_for_another_in_either(
    pair: tuple[Served, Served],
) -> None:
    seen = await call(pair[0], "inspect_files", files=[SKIN])
    handle = seen.structured_content["files"][0]["handle"]
    for server in pair:
        other = await call(server, "inspect_files", server.genes, files=[handle])
        assert code(other) == "unknown_handle"


async def test_conversation_goes_on_in_the_other_process(pair: tuple[Served, Served]) -> None:
    given = {"question": QUESTION, "files": [SKIN], "thread": "moving"}
    asked = await call(pair[0], "consult", **given)
    again = await call(pair[1], "consult", question="How sure is that?", thread="moving")
    back = await call(pair[0], "consult", question="What was not assessed?", thread="moving")
    first, second, third = (one.structured_content for one in (asked, again, back))
    assert [len(one["attachments"]) for one in (first, second, third)] == [1, 1, 1]
    assert first["evidence"] == second["evidence"] == third["evidence"]
    assert second["pictures"] == first["pictures"]


async def test_reply_to_a_question_back_may_come_to_the_other_process(
    pair: tuple[Served, Served],
) -> None:
    first, second = pair
    headers = {"Authorization": f"Bearer {first.ward}"}
    given = {"name": "consult", "arguments": {"question": QUESTION}}
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        asked = await request(client, first, given)
        assert asked["resultType"] == "input_required"
        (name,) = asked["inputRequests"]
        reply = {"action": "accept", "content": {"answer": "", "file": SKIN}}
        more = {"inputResponses": {name: reply}, "requestState": asked["requestState"]}
        answered = await request(client, second, {**given, **more})
    assert answered["structuredContent"]["action"] == "call"


async def request(client: httpx.AsyncClient, server: Served, params: Any) -> dict[str, Any]:
    """One call in the protocol's revision 2026-07-28, written by hand."""
    prefix = "io.modelcontextprotocol"
    meta = {
        f"{prefix}/protocolVersion": "2026-07-28",
        f"{prefix}/clientInfo": {"name": "test", "version": "1"},
        f"{prefix}/clientCapabilities": {"elicitation": {"form": {}}},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**params, "_meta": meta}}
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "consult",
    }
    answer = await client.post(f"{server.url}/mcp", json=body, headers=headers)
    text = answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        lines = [line.removeprefix("data: ") for line in text.splitlines() if "data: {" in line]
        text = lines[-1]
    said = json.loads(text)
    assert "result" in said, said
    return dict(said["result"])


async def test_upload_goes_on_in_the_other_process_and_is_named_in_either(
    pair: tuple[Served, Served],
) -> None:
    content = (DATA / SKIN).read_bytes()
    sha256, half = hashlib.sha256(content).hexdigest(), len(content) // 2
    parts = ((pair[0], 0, content[:half]), (pair[1], half, content[half:]))
    async with httpx.AsyncClient(timeout=60) as client:
        for server, offset, part in parts:
            headers = {
                "Authorization": f"Bearer {server.genes}",
                "Upload-Offset": str(offset),
                "Upload-Length": str(len(content)),
                "Upload-Suffix": ".png",
            }
            sent = await client.patch(f"{server.url}/files/{sha256}", headers=headers, content=part)
    handle = sent.json()["files"][0]["handle"]
    for server in pair:
        read = await call(server, "classify_skin_lesion", server.genes, files=[handle])
        assert not read.is_error


async def test_workers_on_one_port_answer_both_revisions(tmp_path: Path) -> None:
    token = add_caller(tmp_path / "callers.json", "ward", [DATA])
    port = free_port()
    with workers(tmp_path, port) as url:
        for mode in ("2026-07-28", "legacy"):
            async with Client(f"{url}/mcp", auth=token, mode=mode, timeout=60) as client:
                for _ in range(4):
                    seen = await client.call_tool_mcp("inspect_files", {"files": [SKIN]})
                    handle = seen.structured_content["files"][0]["handle"]
                    again = await client.call_tool_mcp("inspect_files", {"files": [handle]})
                    assert not again.is_error


class workers:
    """`wardround serve --http --workers 2`, in a process of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WARDROUND_")}
        set_here = {
            "WARDROUND_CALLERS": str(folder / "callers.json"),
            "WARDROUND_STATE_DIR": str(folder),
            "WARDROUND_GEMMA_EMBEDDED": "0",
        }
        self.url = f"http://127.0.0.1:{port}"
        command = ["serve", "--http", "--workers", "2", "--port", str(port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent", *command],
            env={**kept, **set_here},
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> str:
        wait_for(self.url)
        return self.url

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0


async def test_turn_is_taken_by_one_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path / "turn") as mine, alone(tmp_path / "turn") as other:
        assert (mine, other) == (True, False)
    async with in_turn(tmp_path / "turn"):
        with alone(tmp_path / "turn") as other:
            assert not other


def test_study_found_by_one_process_is_known_to_another(tmp_path: Path) -> None:
    found, asked = (Archive("http://pacs.example", tmp_path) for _ in range(2))
    handle = found._handle("study", "1.2.3")
    assert asked._uids_of(handle) == ("1.2.3",)
