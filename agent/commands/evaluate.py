"""`wardround evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.command()
@click.argument("specialist")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with images/ and labels.csv.",
)
@click.option(
    "--cases",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For 'routing': one case a line, as in tests/data/routing.",
)
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="For 'routing': folder of files that are named without saying what they are.",
)
@click.option("--no-baselines", is_flag=True, help="For 'routing': the agent's planners alone.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(
    specialist: str,
    data: Path | None,
    cases: Path | None,
    root: Path | None,
    no_baselines: bool,
    as_json: bool,
) -> None:
    """Measure SPECIALIST (a tool's name, or 'recogniser') on images, or 'routing' on cases."""
    from agent.commands import run, show_json

    if specialist == "routing":
        from agent.commands.evaluate_routing import evaluate_routing_cases

        if cases is None:
            raise click.UsageError("Missing option '--cases'.")
        evaluate_routing_cases(cases, root, not no_baselines, as_json)
        return
    if data is None:
        raise click.UsageError("Missing option '--data'.")
    report = run(_measured(specialist, data))
    if as_json:
        show_json(report)
        return
    sys.stdout.write(f"{report['specialist']} ({report['backend']}), n = {report['n']}")
    sys.stdout.write(f", refused {report['refused']}\n")
    for name, figure in report["metrics"].items():
        low, high = figure["low"], figure["high"]
        sys.stdout.write(f"  {name:22} {figure['value']:.3f}  ({low:.3f} to {high:.3f})\n")


async def _measured(specialist: str, data: Path) -> dict[str, Any]:
    from agent.agent import Agent
    from agent.commands import Progress
    from agent.evaluate.specialists import evaluate_specialist

    progress = Progress()
    async with Agent(only=[specialist]) as agent:
        report = await evaluate_specialist(agent, specialist, data, progress.show)
    progress.clear()
    return report
