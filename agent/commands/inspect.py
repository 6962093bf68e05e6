"""`wardround inspect`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from specialists.schema import InspectedFile, Inspection

__all__ = ["command"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Say what FILES are, which tools take them, and why the others don't."""
    from agent.commands import run, show_json

    seen = run(_inspect(files))
    if as_json:
        show_json(seen.model_dump(mode="json"))
    else:
        sys.stdout.write("\n\n".join(_told(one) for one in seen.files) + "\n")
    failed = sum(one.manifest is None for one in seen.files)
    sys.exit(0 if not failed else 3 if failed == len(seen.files) else 1)


async def _inspect(files: tuple[Path, ...]) -> Inspection:
    from agent.agent import Agent

    async with Agent() as agent:
        return await agent.inspect(files)


def _told(one: InspectedFile) -> str:
    if one.manifest is None:
        return f"{one.handle}\n  {one.error_code}: {one.error}"
    facts = one.manifest.model_dump(mode="json", exclude_defaults=True)
    lines = [f"  {name.replace('_', ' ')}: {_plain(value)}" for name, value in facts.items()]
    taken = f"  accepted by: {', '.join(one.accepted_by) or 'none'}"
    refused = [f"  not {name}: {reason}" for name, reason in one.refused_by.items()]
    return "\n".join([one.handle, *lines, taken, *refused])


def _plain(value: object) -> str:
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)
