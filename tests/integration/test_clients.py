"""The server with clients that are not ours: official SDKs, the Inspector, the conformance suite.

The Python SDK is always asked. `make check-clients` fetches the others from npm and asks them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.clients.inspector import SCENARIOS, STEPS, conformance, inspected
from tests.clients.serving import open_server
from tests.clients.walk import (
    CONSULTED,
    NODE,
    Place,
    Said,
    Walk,
    python_client,
    python_walk,
    typescript_walk,
)
from tests.served import Served, serving
from tests.transcripts import FOLDER, REVISIONS

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("clients")]
MODES = [*REVISIONS.values()]
TRANSPORTS = ["stdio", "http"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as one:
        yield one


@pytest.fixture
def npm() -> None:
    if not NODE.exists():
        pytest.skip("no clients from npm: `make check-clients` fetches them and runs this")


def place_of(transport: str, served: Served, folder: Path) -> Place:
    if transport == "http":
        return Place(url=f"{served.url}/mcp", token=served.ward)
    return Place(state=folder)


def check(walk: Walk, revision: str) -> None:
    """What every client must have been told."""
    assert (walk.protocol or "2025-11-25") == revision
    assert all(one.error is None for one in walk.said), [one.error for one in walk.said]
    results = [one.result or {} for one in walk.said]
    assert {"consult", "inspect_files"} <= {tool["name"] for tool in results[0]["tools"]}
    assert results[5]["contents"][0]["mimeType"] == "image/png"
    codes = [code_of(one) for one in walk.said[6:9]]
    assert codes == ["not_accepted", "invalid_input", "file_not_allowed"]
    assert "Jane Doe" not in str(walk.said[7].result)
    asked, goes_on, missing = results[CONSULTED : CONSULTED + 3]
    assert asked["structuredContent"]["evidence"]
    assert goes_on["structuredContent"]["evidence"]
    assert walk.said[CONSULTED].progress[0] == "intake"
    assert walk.said[CONSULTED + 2].asked
    assert missing["structuredContent"]["action"] == "call"
    assert results[-2]["completion"]["values"]
    assert results[-1]["isError"]


def code_of(said: Said) -> str:
    result = said.result or {}
    assert result["isError"]
    return str(result["content"][0]["text"].partition(":")[0])


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("mode", MODES)
async def test_python_sdk_walks_through(
    mode: str, transport: str, served: Served, tmp_path: Path
) -> None:
    walk = await python_walk(place_of(transport, served, tmp_path), mode)
    check(walk, revision_of(mode))


async def test_client_is_told_the_version_of_this_package(tmp_path: Path) -> None:
    async with python_client(Place(state=tmp_path), "legacy") as client:
        assert client.server_info is not None
        assert client.server_info.version == version("wardround")


@pytest.mark.clients
@pytest.mark.usefixtures("npm")
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("sdk", "mode"), [(2, "2026-07-28"), (2, "legacy"), (1, "legacy")])
async def test_typescript_sdk_walks_through(
    sdk: int, mode: str, transport: str, served: Served, tmp_path: Path
) -> None:
    place = place_of(transport, served, tmp_path)
    check(await asyncio.to_thread(typescript_walk, place, mode, sdk), revision_of(mode))


@pytest.mark.clients
@pytest.mark.usefixtures("npm")
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_inspector_is_content_with_every_step(
    era: str, transport: str, served: Served, tmp_path: Path
) -> None:
    place = place_of(transport, served, tmp_path)
    shown = [await asyncio.to_thread(inspected, place, era, one) for one in STEPS]
    assert [one.code for one in shown] == [0] * len(STEPS), [one.told[-500:] for one in shown]
    assert "consult" in {tool["name"] for tool in shown[0].result["tools"]}
    assert shown[5].result["structuredContent"]["evidence"]


@pytest.mark.clients
@pytest.mark.usefixtures("npm")
async def test_conformance_suite_finds_no_fault(tmp_path: Path) -> None:
    with open_server(tmp_path) as url:
        told = {one: await asyncio.to_thread(conformance, url, one) for one in SCENARIOS}
    assert all(re.match(r"Passed: (\d+)/\1, 0 failed, 0 warnings", one) for one in told.values()), (
        told
    )


def test_transcripts_name_no_place_time_or_address() -> None:
    written = sorted(FOLDER.glob("*.md"))
    assert len(written) >= 4
    for one in written:
        text = one.read_text(encoding="utf-8")
        assert not re.search(r"/(?:home|root|tmp|work|usr)\b|https?://(?!127)|\d:\d\d:\d\d", text)
        assert "file-…" in text or one.name == "conformance.md"


def revision_of(mode: str) -> str:
    return next(revision for revision, one in REVISIONS.items() if one == mode)
