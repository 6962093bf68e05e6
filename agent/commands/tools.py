"""`wardround tools`."""

from __future__ import annotations

import sys
from typing import Any

import click

__all__ = ["command"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with the schemas.")
def command(as_json: bool) -> None:
    """List the tools of all connected servers."""
    from agent.commands import run, show_json

    listed, unreachable = run(_listed())
    if as_json:
        show_json(listed)
    for one in () if as_json else listed:
        state = "" if one["available"] else "  (no model installed)"
        sys.stdout.write(f"{one['name']}{state}\n  {one['description']}\n")
    for server, reason in unreachable.items():
        sys.stderr.write(f"{server}: {reason}\n")
    sys.exit(1 if unreachable else 0)


async def _listed() -> tuple[list[dict[str, Any]], dict[str, str]]:
    from agent.agent import Agent

    async with Agent() as agent:
        listed = [
            {
                "name": info.name,
                "title": info.title,
                "description": info.description,
                "server": info.server,
                "available": info.available,
                "accepts": [one.model_dump(mode="json") for one in info.accepts or ()],
                "input_schema": dict(info.schema),
            }
            for info in agent.toolbox.catalogue.values()
        ]
        return listed, agent.toolbox.unreachable
