"""`wardround train-head`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.command()
@click.argument("specialist")
@click.option("--encoder", required=True, help="Hub id of an encoder whose files are here.")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with images/ and labels.csv, as `evaluate` takes it.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the head's card as JSON.")
def command(specialist: str, encoder: str, data: Path, as_json: bool) -> None:
    """Train a linear head for SPECIALIST on an encoder's features of your own cases.

    60% of the groups (patients, lesions) train, 20% calibrate, and 20% are kept for the figures
    that are told. The head answers as backend `head` from then on.
    """
    from agent.commands import run, show_json

    card = run(_trained(specialist, encoder, data.resolve()))
    if as_json:
        show_json(card)
        return
    sys.stdout.writelines(f"{line}\n" for line in _lines(specialist, card))


async def _trained(specialist: str, encoder: str, data: Path) -> dict[str, Any]:
    import asyncio

    from agent.agent import Agent
    from agent.commands import Progress
    from agent.evaluate.labels import read_cases
    from agent.settings import Settings
    from specialists.errors import InvalidInput
    from tools.heads import Example, train

    progress, settings = Progress(), Settings()
    async with Agent(settings, only=[specialist]) as agent:
        info = agent.toolbox.info(specialist)
        if not info.labels:
            raise InvalidInput(f"{specialist} gives no classes that a head could tell apart.")
        cases = read_cases(data, info.labels, info.options.get("properties", {}))
    examples = [Example(case.path, case.label, case.group) for case in cases]
    card = await asyncio.to_thread(
        train, specialist, encoder, examples, settings.device, progress.show
    )
    progress.clear()
    return card


def _lines(specialist: str, card: dict[str, Any]) -> list[str]:
    test, parts = card["metrics"]["test"], card["split"]["parts"]
    sizes = ", ".join(f"{name} {one['n']} in {one['groups']} groups" for name, one in parts.items())
    lines = [f"{specialist}: {card['name']}", f"  {sizes}; C = {card['training']['C']:g}; on test:"]
    width = max(map(len, test))
    for name, figure in test.items():
        if isinstance(figure, dict):
            value, low, high = figure["value"], figure["low"], figure["high"]
            told = "not defined" if value is None else f"{value:.3f}  ({low:.3f} to {high:.3f})"
            lines.append(f"    {name:{width}}  {told}")
    lines += [f"  refused, {code}: {n}" for code, n in sorted(card["refused"].items())]
    return [*lines, f"  SHA-256 {card['sha256']}"]
