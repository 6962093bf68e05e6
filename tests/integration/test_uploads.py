"""Files that callers send, and files that an agent hands to a server that can't see them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent import Agent, Settings
from specialists.errors import FileTooLarge, InvalidInput, TruncatedFile, UploadConflict
from tests.served import DATA, Served, serving
from tools.uploads import UploadStore

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("callers")]
SKIN = DATA / "skin" / "PAT_778_1471_835.png"
FILM = DATA / "cxr" / "RG1_J2KI.dcm"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("uploads")) as one:
        yield one


def http(served: Served, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=served.url, headers={"Authorization": f"Bearer {token}"}, timeout=120
    )


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def said(offset: int, length: int, **more: str) -> dict[str, str]:
    return {"Upload-Offset": str(offset), "Upload-Length": str(length), **more}


async def test_upload_in_two_parts_gives_a_handle_that_a_tool_takes(served: Served) -> None:
    content = SKIN.read_bytes()
    where, half = f"/files/{sha256(content)}", len(content) // 2
    async with http(served, served.skin) as client:
        nothing = await client.head(where)
        first = await client.patch(where, content=content[:half], headers=said(0, len(content)))
        between = await client.head(where)
        again = await client.patch(where, content=content, headers=said(0, len(content)))
        rest = await client.patch(
            where,
            content=content[half:],
            headers=said(half, len(content), **{"Upload-Suffix": ".png"}),
        )
        known = await client.get(where)
    assert nothing.status_code == 404
    assert (first.status_code, between.headers["Upload-Offset"]) == (204, str(half))
    assert again.status_code == 409
    assert rest.json() == known.json()
    async with served.client(served.skin) as mcp:
        handle = known.json()["files"][0]["handle"]
        read = await mcp.call_tool_mcp("classify_skin_lesion", {"files": [handle]})
    assert not read.is_error


async def test_upload_of_one_caller_is_not_there_for_another(served: Served) -> None:
    content = b"##fileformat=VCFv4.2\n"
    where = f"/files/{sha256(content)}"
    async with http(served, served.genes) as mine, http(served, served.skin) as other:
        sent = await mine.patch(where, content=content, headers=said(0, len(content)))
        assert sent.status_code == 200
        assert (await other.head(where)).status_code == 404
        assert (await other.get(where)).status_code == 404


@pytest.mark.parametrize("token", ["Bearer", "wrong"])
async def test_upload_without_a_known_token_is_refused(served: Served, token: str) -> None:
    async with http(served, token) as client:
        refused = await client.patch("/files/" + "0" * 64, content=b"x", headers=said(0, 1))
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "not_authorised"


@pytest.mark.parametrize(
    ("name", "headers", "code"),
    [
        ("../../etc/passwd", said(0, 1), None),
        ("A" * 64, said(0, 1), "invalid_input"),
        ("0" * 64, {}, "invalid_input"),
        ("0" * 64, said(0, 0), "file_too_large"),
        ("0" * 64, said(0, 2**45), "file_too_large"),
        ("0" * 64, said(0, 1, **{"Upload-Suffix": "/../x"}), "invalid_input"),
        ("0" * 64, said(0, 1), "truncated_file"),
    ],
)
async def test_upload_that_is_not_as_described_is_an_error_with_a_code(
    served: Served, name: str, headers: dict[str, str], code: str | None
) -> None:
    async with http(served, served.skin) as client:
        refused = await client.patch(f"/files/{name}", content=b"x", headers=headers)
    assert 400 <= refused.status_code < 500
    if code is not None:
        assert refused.json()["error"]["code"] == code


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_more_bytes_than_were_said_are_refused(tmp_path: Path) -> None:
    store = UploadStore(tmp_path)
    with pytest.raises(FileTooLarge):
        await store.append("0" * 64, pieces(b"ab", b"cd"), offset=0, length=3)


async def test_wrong_digest_leaves_nothing_behind(tmp_path: Path) -> None:
    store = UploadStore(tmp_path)
    with pytest.raises(TruncatedFile):
        await store.append("0" * 64, pieces(b"abc"), offset=0, length=3)
    assert [one for one in tmp_path.iterdir() if one.suffix != ".lock"] == []


async def test_second_upload_at_the_same_time_is_a_conflict(tmp_path: Path) -> None:
    store = UploadStore(tmp_path)

    async def interrupted() -> AsyncIterator[bytes]:
        with pytest.raises(UploadConflict):
            await store.append("0" * 64, pieces(b"x"), offset=0, length=3)
        yield b"a"

    assert await store.append("0" * 64, interrupted(), offset=0, length=3) is None
    assert store.offset("0" * 64) == 1


async def test_oldest_upload_makes_room(tmp_path: Path) -> None:
    store = UploadStore(tmp_path, budget_bytes=5)
    for content in (b"aa", b"bb", b"cc"):
        await store.append(sha256(content), pieces(content), offset=0, length=2)
    assert store.find(sha256(b"aa")) is None
    assert store.find(sha256(b"cc")) is not None


async def test_upload_whose_time_is_over_is_removed(tmp_path: Path) -> None:
    store = UploadStore(tmp_path, life_s=0)
    await store.append(sha256(b"aa"), pieces(b"aa"), offset=0, length=2)
    await store.append(sha256(b"bb"), pieces(b"bb"), offset=0, length=2)
    assert store.find(sha256(b"aa")) is None


async def test_agent_hands_a_film_and_a_series_to_a_server_with_other_roots(
    served: Served, settings: Settings, tmp_path: Path
) -> None:
    film = shutil.copy(FILM, tmp_path / "Doe^Jane.dcm")
    series = shutil.copytree(DATA / "ct" / "series", tmp_path / "study")
    headers = {"Authorization": f"Bearer {served.genes}"}
    servers = {"gpu": {"url": f"{served.url}/mcp", "headers": headers}}
    async with Agent(settings, servers=servers) as agent:
        chest = await agent.ask_async("Is there pneumonia?", [film])
        scan = await agent.ask_async("What does this CT show?", [series])
        one_by_one = await agent.inspect(sorted(Path(series).iterdir()))
    assert {one.tool for one in chest.evidence} == {"report_chest_xray"}
    assert {one.tool for one in scan.evidence} == {"report_ct"}
    assert len(one_by_one.files) == 1
    assert "Doe" not in served.audit.read_text()


async def test_agent_inspects_here_and_hands_over_what_the_other_machine_reads(
    served: Served, settings: Settings, tmp_path: Path
) -> None:
    film = shutil.copy(FILM, tmp_path / "film.dcm")
    config = tmp_path / "servers.json"
    entry: dict[str, Any] = {"url": f"{served.url}/mcp"}
    entry["headers"] = {"Authorization": f"Bearer {served.genes}"}
    config.write_text(json.dumps({"mcpServers": {"gpu": entry}}))
    calls = served.audit.read_text().count('"report_chest_xray"')
    async with Agent(settings.model_copy(update={"config": config})) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [film])
    assert answer.evidence
    assert served.audit.read_text().count('"report_chest_xray"') == calls + 1


async def test_served_agent_hands_on_no_file_outside_its_roots(
    served: Served, settings: Settings, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.dcm"
    shutil.copy(FILM, secret)
    headers = {"Authorization": f"Bearer {served.genes}"}
    servers = {"gpu": {"url": f"{served.url}/mcp", "headers": headers}}
    async with Agent(settings, servers=servers, trust_names=False) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [str(secret)])
    assert [one.code for one in answer.failures] == ["file_not_allowed"]
    assert not answer.evidence


async def test_suffix_of_a_name_is_all_that_is_said_of_it(tmp_path: Path) -> None:
    store = UploadStore(tmp_path)
    with pytest.raises(InvalidInput):
        await store.append("0" * 64, pieces(b"x"), offset=0, length=1, suffix=".Jane Doe")
