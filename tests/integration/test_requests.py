from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client, FastMCP
from mcp_types import PromptReference

from agent import Settings
from agent.server import build_consulting_server

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(settings: Settings, data: Path) -> FastMCP[Any]:
    return build_consulting_server(settings.model_copy(update={"roots": (data,)}))


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
async def test_prompts_are_listed_and_filled_in(server: FastMCP[Any], mode: Any) -> None:
    async with Client(server, mode=mode) as client:
        listed = {prompt.name: prompt for prompt in await client.list_prompts()}
        assert set(listed) == {
            "read_film",
            "compare_with_prior",
            "tumour_board_summary",
            "eye_screening",
            "genetic_risk",
        }
        for prompt in listed.values():
            given = {one.name: f"«{one.name}»" for one in prompt.arguments or ()}
            text = (await client.get_prompt(prompt.name, given)).messages[0].content.text
            assert all(value in text for value in given.values())
            assert "$" not in text
            assert "consult" in text


async def test_handles_of_fitting_files_are_offered(server: FastMCP[Any]) -> None:
    async with Client(server) as client:
        files = ["cxr/RG1_J2KI.dcm", "genomics/PGS000802_hmPOS_GRCh37.txt"]
        seen = await client.call_tool_mcp("inspect_files", {"files": files})
        film = seen.structured_content["files"][0]["handle"]

        async def offered(prompt: str, name: str, value: str) -> list[str]:
            reference = PromptReference(type="ref/prompt", name=prompt)
            return list((await client.complete(reference, {"name": name, "value": value})).values)

        assert await offered("read_film", "film", "file-") == [film]
        assert await offered("read_film", "film", "/path") == []
        assert await offered("genetic_risk", "genotypes", "") == []
        assert await offered("genetic_risk", "trait", "") == []
        assert await offered("tumour_board_summary", "files", "a, fi") == [f"a, {film}"]
