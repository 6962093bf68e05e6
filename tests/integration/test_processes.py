"""Real processes: servers on stdio and HTTP, the command line, and one killed mid-call."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from agent import Agent, Settings
from agent.answer import Call, Plan
from tests.servers import free_port
from tests.toys import ScriptedPlanner

pytestmark = pytest.mark.anyio
DATA = Path(__file__).parents[1] / "data"
FILM = DATA / "cxr" / "RG1_J2KI.dcm"
QUESTION = "Is there pneumonia?"
TOKEN = "a token of at least thirty-two characters"


def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WARDROUND_")}
    return {**kept, "WARDROUND_ROOTS": str(DATA), "WARDROUND_STATE_DIR": str(tmp_path)}


def wardround(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        timeout=300,
    )


def stdio(tmp_path: Path, *arguments: str) -> StdioTransport:
    return StdioTransport(
        command=sys.executable,
        args=["-m", "agent", "serve", *arguments],
        env=environment(tmp_path),
    )


async def test_command_line_stdio_client_and_python_give_the_same_answer(
    tmp_path: Path, settings: Settings
) -> None:
    told = await asyncio.to_thread(wardround, tmp_path, "ask", QUESTION, str(FILM), "--json")
    assert told.returncode == 0, told.stderr
    by_command = json.loads(told.stdout)
    async with Client(stdio(tmp_path)) as client:
        by_mcp = await client.call_tool_mcp("consult", {"question": QUESTION, "files": [str(FILM)]})
    async with Agent(settings.model_copy(update={"gemma_embedded": True})) as agent:
        by_python = await agent.ask_async(QUESTION, [FILM])
    assert by_mcp.structured_content == by_command
    assert by_python.model_dump(mode="json") == by_command
    assert by_command["statements"]


async def test_stdio_server_of_one_tool_has_that_tool_alone(tmp_path: Path) -> None:
    async with Client(stdio(tmp_path, "--only", "report_ct")) as client:
        names = [tool.name for tool in await client.list_tools()]
        assert sorted(names) == ["inspect_files", "report_ct"]
        result = await client.call_tool_mcp("report_ct", {"files": ["ct/series"]})
    assert not result.is_error


async def test_serve_of_an_unknown_tool_is_a_wrong_call(tmp_path: Path) -> None:
    told = await asyncio.to_thread(wardround, tmp_path, "serve", "--only", "report_everything")
    assert told.returncode == 2
    assert told.stdout == ""
    assert "report_ct" in told.stderr


@contextlib.asynccontextmanager
async def http_server(tmp_path: Path, *arguments: str) -> AsyncIterator[tuple[int, Any]]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent", "serve", "--http", "--port", str(port), *arguments,
        env={**environment(tmp_path), "WARDROUND_TOKEN": TOKEN}, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient() as client:
            for _ in range(200):
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"http://127.0.0.1:{port}/mcp")
                    break
                await asyncio.sleep(0.1)
        yield port, process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_http_server_answers_and_guards_its_host(tmp_path: Path) -> None:
    async with http_server(tmp_path, "--only", "score_polygenic_risk") as (port, _):
        url = f"http://127.0.0.1:{port}/mcp"
        async with Client(url, auth=TOKEN) as client:
            seen = await client.call_tool_mcp(
                "inspect_files", {"files": ["genomics/tiny1000G.vcf.gz"]}
            )
        assert seen.structured_content["files"][0]["manifest"]["samples"] == 3202
        async with httpx.AsyncClient() as browser:
            foreign = await browser.post(url, headers={"Host": "evil.example"}, json={})
    assert foreign.status_code in (400, 403, 421)


async def test_killed_server_costs_only_its_part(tmp_path: Path, settings: Settings) -> None:
    waiting = tmp_path / "waiting.py"
    waiting.write_text(
        "import os, pathlib, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.toys import WaitingToy, toy_spec\n"
        "from specialists.schema import Accepts\n"
        "from tools.server import Workshop, build_server\n"
        "roles = (Accepts(role='any', description='x', kinds=('volume',)),)\n"
        "spec = toy_spec('report_waiting', WaitingToy, accepts=roles, keywords=('ct',))\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        f"shop = Workshop.create([{str(DATA)!r}])\n"
        "build_server(specs={spec.name: spec}, workshop=shop).run(show_banner=False)\n"
    )
    common = {"command": sys.executable, "env": environment(tmp_path)}
    servers = {
        "ct": {**common, "args": ["-m", "agent", "serve", "--only", "report_ct"]},
        "waiting": {**common, "args": [str(waiting)]},
    }
    both = (Call(tool=name, attachments=("A1",)) for name in ("report_ct", "report_waiting"))
    planner = ScriptedPlanner(Plan(action="call", calls=tuple(both)))
    async with Agent(settings, servers=servers, planner=planner) as agent:

        async def kill() -> None:
            await asyncio.sleep(1.0)
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

        killer = asyncio.create_task(kill())
        started = asyncio.get_running_loop().time()
        answer = await agent.ask_async("What does this CT show?", [DATA / "ct" / "series"])
        took = asyncio.get_running_loop().time() - started
        await killer
    assert [(one.tool, one.code) for one in answer.failures] == [
        ("report_waiting", "server_unreachable")
    ]
    assert {one.tool for one in answer.evidence} == {"report_ct"}
    assert took < 60


async def test_ankle_asked_as_chest_film_is_refused_with_the_reason(tmp_path: Path) -> None:
    ankle = str(DATA / "cxr" / "ankle_RG3_J2KI.dcm")
    told = await asyncio.to_thread(wardround, tmp_path, "ask", QUESTION, ankle, "--json")
    answer = json.loads(told.stdout)
    assert answer["action"] == "clarify"
    assert answer["evidence"] == []
    assert "reads only: chest" in answer["message"]
    called = await asyncio.to_thread(wardround, tmp_path, "call", "report_chest_xray", ankle)
    assert called.returncode == 2
    assert called.stderr.startswith("not_accepted:")


async def test_thread_on_the_command_line_remembers_the_file(tmp_path: Path) -> None:
    series = str(DATA / "ct" / "series")
    await asyncio.to_thread(
        wardround, tmp_path, "ask", "What does this CT show?", series, "--thread", "t"
    )
    told = await asyncio.to_thread(
        wardround, tmp_path, "ask", "How much fat is there?", "--thread", "t", "--json"
    )
    answer = json.loads(told.stdout)
    assert told.returncode == 0
    assert any("fat" in one["text"].lower() for one in answer["statements"])
