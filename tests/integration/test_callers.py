"""Callers over HTTP: tokens, and what one sees of another. A real server in a process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent import Agent, Settings
from specialists.errors import InvalidInput
from tests.served import DATA, SKIN_TOOLS, Served, serving
from tools.callers import Caller, Callers, add_caller

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("callers")]
SKIN = "PAT_778_1471_835.png"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as one:
        yield one


def code(result: Any) -> str:
    return str((result.meta or {})["wardround/error"]["code"])


@pytest.mark.parametrize("token", [None, "wrong", "Bearer"])
async def test_request_without_a_known_token_is_refused(served: Served, token: str | None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(headers=headers) as client:
        refused = await client.post(f"{served.url}/mcp", json={})
        health = await client.get(f"{served.url}/health")
    assert refused.status_code == 401
    assert health.json() == {"status": "ok"}


async def test_caller_sees_and_calls_its_own_tools_alone(served: Served) -> None:
    async with served.client(served.skin) as client:
        names = {tool.name for tool in await client.list_tools()}
        other = await client.call_tool_mcp("report_ct", {"files": ["x"]})
    assert names == set(SKIN_TOOLS)
    assert code(other) == "unknown_tool"


async def test_consultation_asks_only_the_callers_specialists(served: Served) -> None:
    async with served.client(served.skin) as client:
        result = await client.call_tool_mcp(
            "consult", {"question": "Could this mole be melanoma?", "files": [SKIN]}
        )
    assert {one["tool"] for one in result.structured_content["evidence"]} == {
        "classify_skin_lesion"
    }


async def test_folder_of_another_caller_cannot_be_named(served: Served) -> None:
    async with served.client(served.genes) as client:
        result = await client.call_tool_mcp("inspect_files", {"files": [str(DATA / "skin" / SKIN)]})
    assert code(result) == "file_not_allowed"


async def test_handles_and_pictures_of_one_caller_are_not_there_for_another(
    served: Served,
) -> None:
    async with served.client(served.oauth()) as nurse:
        seen = await nurse.call_tool_mcp("inspect_files", {"files": [SKIN]})
        handle = seen.structured_content["files"][0]["handle"]
        read = await nurse.call_tool_mcp("classify_skin_lesion", {"files": [handle]})
        picture = read.structured_content["pictures"][0]["uri"]
        assert await nurse.read_resource(picture)
    async with served.client(served.genes) as other:
        taken = await other.call_tool_mcp("classify_skin_lesion", {"files": [handle]})
        with pytest.raises(Exception, match=r"(?i)picture|resource"):
            await other.read_resource(picture)
    assert code(taken) == "unknown_handle"


async def test_conversation_of_one_caller_is_not_there_for_another(served: Served) -> None:
    asked = {"question": "Could this mole be melanoma?", "files": [SKIN], "thread": "shared"}
    async with served.client(served.skin) as client:
        first = await client.call_tool_mcp("consult", asked)
    again = {"question": "And what was not assessed?", "thread": "shared"}
    async with served.client(served.genes) as other:
        foreign = await other.call_tool_mcp("consult", again)
    assert first.structured_content["evidence"]
    assert foreign.structured_content["evidence"] == []
    assert foreign.structured_content["attachments"] == []


@pytest.mark.parametrize(
    "claims",
    [
        {"subject": "stranger"},
        {"issuer": "https://evil.example"},
        {"audience": "other"},
        {"expires_in_seconds": -60},
    ],
)
async def test_oauth_token_for_another_purpose_is_refused(
    served: Served, claims: dict[str, Any]
) -> None:
    headers = {"Authorization": f"Bearer {served.oauth(**claims)}"}
    async with httpx.AsyncClient(headers=headers) as client:
        assert (await client.post(f"{served.url}/mcp", json={})).status_code == 401


async def test_issuer_stands_in_the_metadata_of_the_resource(served: Served) -> None:
    async with httpx.AsyncClient() as client:
        refused = await client.post(f"{served.url}/mcp", json={})
        where = refused.headers["WWW-Authenticate"].split('resource_metadata="')[1].split('"')[0]
        told = (await client.get(where)).json()
    assert told["authorization_servers"] == ["https://login.example/"]


async def test_agent_reaches_a_served_specialist_by_token(
    served: Served, settings: Settings
) -> None:
    headers = {"Authorization": f"Bearer {served.skin}"}
    servers = {"clinic": {"url": f"{served.url}/mcp", "headers": headers}}
    async with Agent(settings, servers=servers) as agent:
        answer = await agent.ask_async("Could this mole be melanoma?", [DATA / "skin" / SKIN])
    assert {one.tool for one in answer.evidence} == {"classify_skin_lesion"}


async def test_audit_tells_who_called_what_and_no_name_of_a_file(served: Served) -> None:
    async with served.client(served.genes) as client:
        await client.call_tool_mcp("inspect_files", {"files": ["PGS000802_hmPOS_GRCh37.txt"]})
    text = served.audit.read_text()
    last = json.loads(text.splitlines()[-1])
    assert (last["caller"], last["tool"], last["outcome"]) == ("genetics", "inspect_files", "done")
    assert last["files"][0].startswith("sha256:")
    assert "PGS000802" not in text
    assert served.audit.stat().st_mode & 0o077 == 0


def test_file_of_callers_keeps_no_token(tmp_path: Path) -> None:
    file = tmp_path / "callers.json"
    token = add_caller(file, "a", [tmp_path])
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    found = Callers.read(file).of_token(token)
    assert found is not None
    assert found.roots == (tmp_path,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"callers": [{"name": "a"}]}',
        '{"callers": [{"name": "../a", "subject": "s"}]}',
        '{"callers": [{"name": "a", "subject": "s", "rights": "all"}]}',
        '{"callers": [{"name": "a", "subject": "s"}, {"name": "b", "subject": "s"}]}',
        '{"callers": [{"name": "a", "subject": "s"}, {"name": "a", "subject": "t"}]}',
    ],
)
def test_file_of_callers_that_is_not_as_described_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "callers.json"
    file.write_text(text)
    with pytest.raises(InvalidInput):
        Callers.read(file)


def test_second_caller_of_a_name_is_refused(tmp_path: Path) -> None:
    add_caller(tmp_path / "c.json", "a", [])
    with pytest.raises(InvalidInput):
        add_caller(tmp_path / "c.json", "a", [])


def test_token_given_for_one_run_names_the_one_caller() -> None:
    callers = Callers([Caller.of_token("caller", "t" * 32)])
    assert callers.of_token("t" * 32) is not None
    assert callers.of_token("u" * 32) is None
