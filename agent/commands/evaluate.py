"""`wardround evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

__all__ = ["command"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("specialist")
@click.option("--data", type=_FOLDER, help="Folder with images/ and labels.csv.")
@click.option("--backend", default="auto", help="Which model of the specialist.")
@click.option("--limit", type=click.IntRange(1), help="Take so many images only, for a trial.")
@click.option(
    "--plots",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for a picture of the reliability curve and the ROC.",
)
@click.option(
    "--cases",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For 'routing', 'answers' and 'grounding': one case a line, as in tests/data of that "
    "name.",
)
@click.option(
    "--root",
    type=_FOLDER,
    help="For 'routing' and 'answers': folder of the files that the cases name.",
)
@click.option("--no-baselines", is_flag=True, help="For 'routing': the agent's planners alone.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(specialist: str, as_json: bool, **options: Any) -> None:
    """Measure SPECIALIST (a tool's name, or 'recogniser'); or 'routing', 'answers', 'grounding'.

    labels.csv has the columns image_id and label (or dx, dr_grade). Columns named like an option
    of the tool, such as age or sex, are passed to it; patient_id, lesion_id or group says which
    images belong together. Every figure comes with a 95% interval.
    """
    if specialist == "routing":
        from agent.commands.evaluate_routing import evaluate_routing_cases

        cases, compared = _needed(options, "cases"), not options["no_baselines"]
        evaluate_routing_cases(cases, options["root"], compared, as_json)
        return
    if specialist == "answers":
        from agent.commands.evaluate_answers import evaluate_answer_cases

        evaluate_answer_cases(_needed(options, "cases"), options["root"], as_json)
        return
    if specialist == "grounding":
        _evaluate_grounding(_needed(options, "cases"), as_json)
        return
    from agent.commands import run, show_json

    data = _needed(options, "data").resolve()
    report = run(_measured(specialist, data, options))
    if as_json:
        show_json(report)
        return
    sys.stdout.writelines(f"{line}\n" for line in _lines(report))


def _evaluate_grounding(cases: Path, as_json: bool) -> None:
    from agent.commands import read_lines, show_json
    from agent.evaluate.grounding import as_lines, evaluate_grounding

    report = evaluate_grounding(read_lines(cases))
    if as_json:
        show_json(report)
        return
    sys.stdout.writelines(f"{line}\n" for line in as_lines(report))


def _needed(options: dict[str, Any], name: str) -> Path:
    if options[name] is None:
        raise click.UsageError(f"Missing option '--{name}'.")
    return Path(options[name])


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [
        f"{report['specialist']} ({report['backend']}), n = {report['n']} in {report['groups']} "
        f"groups, refused {report['refused']}, {report['images_per_second']:.1f} images a second"
    ]
    refused = report["refused_images"].items()
    lines += [f"  note: {report['note']}"] if "note" in report else []
    lines += [f"  refused, {code}: {len(names)}" for code, names in refused]
    width = max(map(len, report["metrics"]))
    for name, figure in report["metrics"].items():
        value, low, high = figure["value"], figure["low"], figure["high"]
        told = "not defined" if value is None else f"{value:.3f}  ({low:.3f} to {high:.3f})"
        lines.append(f"  {name:{width}}  {told}")
    return lines + ([f"Picture: {report['plot']}"] if "plot" in report else [])


async def _measured(specialist: str, data: Path, options: dict[str, Any]) -> dict[str, Any]:
    from agent.agent import Agent
    from agent.commands import Progress
    from agent.evaluate.specialists import evaluate_specialist
    from agent.settings import Settings

    progress, settings = Progress(), Settings()
    settings = settings.model_copy(update={"roots": (*settings.roots, data)})
    async with Agent(settings, only=[specialist]) as agent:
        chosen = {name: options[name] for name in ("limit", "plots", "backend")}
        report = await evaluate_specialist(agent, specialist, data, progress.show, **chosen)
    progress.clear()
    return report
