"""What clients rely on, as it stands: `python -m tests.contract.snapshots` writes it anew."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from fastmcp import Client

from agent.answer import Answer
from agent.server import build_consulting_server
from agent.settings import Settings

FOLDER = Path(__file__).parent / "snapshots"


async def listed() -> list[Any]:
    """The tools as a client sees them."""
    async with Client(build_consulting_server(Settings())) as client:
        return list(await client.list_tools())


def current() -> dict[str, Any]:
    """Snapshots by file name."""
    tools = asyncio.run(listed())
    shown = {
        tool.name: tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools
    }
    return {
        **{f"tool_{name}.json": schema for name, schema in shown.items()},
        "answer.json": Answer.model_json_schema(mode="serialization"),
    }


def as_text(value: Any) -> str:
    """As it is stored."""
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, value in current().items():
        (FOLDER / name).write_text(as_text(value), encoding="utf-8")
