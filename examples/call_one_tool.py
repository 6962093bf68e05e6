"""Call one specialist by itself, over MCP, as any MCP client would.

Run: python examples/call_one_tool.py [CT FOLDER OR FILE]
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport

SERIES = Path(__file__).parents[1] / "tests" / "data" / "ct" / "series"


async def main(study: Path) -> dict[str, Any]:
    """Start the server of one tool, show it where files may be, and call the tool."""
    server = StdioTransport(
        command=sys.executable,
        args=["-m", "agent", "serve", "--only", "report_ct"],
        env={**os.environ, "WARDROUND_ROOTS": str(study)},
    )
    async with Client(server) as client:
        result = await client.call_tool("report_ct", {"files": [str(study)]})
    report: dict[str, Any] = result.structured_content
    print(report["summary"])
    for one in report["measurements"][:5]:
        print(f"    {one['name']}: {one['value']} {one['unit']}")
    return report


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else SERIES))
