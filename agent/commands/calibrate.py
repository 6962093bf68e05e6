"""`wardround calibrate`."""

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
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with images/ and labels.csv, as `evaluate` takes it.",
)
@click.option("--backend", default="auto", help="Which model of the specialist.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the file here; without it, it lies where the model finds it, and is used.",
)
@click.option("--limit", type=click.IntRange(1), help="Take so many cases only, for a trial.")
@click.option("--json", "as_json", is_flag=True, help="Write the whole calibration as JSON.")
def command(
    specialist: str,
    data: Path,
    backend: str,
    out: Path | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Fit SPECIALIST's probabilities, and sets that hold the truth in 90%, to your own cases.

    The columns patient_id, lesion_id or group of labels.csv say which cases belong together: they
    are never on both sides of a split. What is told is measured in groups that were held out.
    """
    from agent.commands import run, show_json

    report = run(_calibrated(specialist, data.resolve(), backend, limit, out))
    if as_json:
        show_json(report)
        return
    sys.stdout.writelines(f"{line}\n" for line in _lines(report))


async def _calibrated(
    specialist: str, data: Path, backend: str, limit: int | None, out: Path | None
) -> dict[str, Any]:
    from agent.agent import Agent
    from agent.commands import Progress
    from agent.evaluate.calibrating import calibrate_specialist
    from agent.settings import Settings

    progress, settings = Progress(), Settings()
    changed = {"roots": (*settings.roots, data), "calibrations": False}
    async with Agent(settings.model_copy(update=changed), only=[specialist]) as agent:
        report = await calibrate_specialist(
            agent, specialist, data, backend, progress.show, limit=limit, out=out
        )
    progress.clear()
    return report


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [f"{report['specialist']} ({report['backend']}), {report['model']}"]
    for part in report["parts"]:
        lines += _part_lines(part)
    lines += [f"  not used, {code}: {n}" for code, n in sorted(report["not_used"].items())]
    return [*lines, f"Written: {report['file']}"]


def _part_lines(part: dict[str, Any]) -> list[str]:
    lines = [
        f"  n = {part['n']} in {part['groups']} groups, temperature {part['temperature']:.3g}; "
        "in held-out groups:"
    ]
    width = max(map(len, part["metrics"]))
    for name, figure in part["metrics"].items():
        value, low, high = figure["value"], figure["low"], figure["high"]
        told = "not defined" if value is None else f"{value:.3f}  ({low:.3f} to {high:.3f})"
        lines.append(f"    {name:{width}}  {told}")
    never = [name for name, limit in part["limits"].items() if limit == 0]
    if never:
        lines.append(f"    too few cases to exclude (9 are needed): {', '.join(never)}")
    return lines
