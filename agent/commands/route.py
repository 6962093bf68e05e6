"""`wardround route`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.command()
@click.option(
    "--cases",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='One case a line: {"id", "query", "files"}.',
)
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that the cases' files are named from; default: the folder of the cases.",
)
def command(cases: Path, root: Path | None) -> None:
    """Write the gated plan of each case, one JSON object a line; no specialist is run."""
    from agent.commands import read_lines, run

    run(_route(read_lines(cases), root or cases.resolve().parent))


async def _route(cases: list[dict[str, Any]], root: Path) -> None:
    from agent.agent import Agent
    from agent.commands import Progress

    progress = Progress()
    async with Agent() as agent:
        for number, case in enumerate(cases, 1):
            progress.show(f"{number}/{len(cases)}")
            row = await _planned(agent, case, root)
            progress.clear()
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
            sys.stdout.flush()


async def _planned(agent: Any, case: dict[str, Any], root: Path) -> dict[str, Any]:
    from specialists.errors import InvalidInput

    if not isinstance(case.get("query"), str):
        raise InvalidInput("Every case needs a text 'query', and may have 'id' and 'files'.")
    gated, _ = await agent.plan(case["query"], [root / name for name in case.get("files", [])])
    plan = gated.plan.model_dump(mode="json")
    return {"id": case.get("id"), **plan, "message": plan["message"] or ""}
