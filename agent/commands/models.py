"""`wardround models`: the table, and what it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from agent.commands.models_here import pull, remove, verify

__all__ = ["as_markdown", "command"]

_BESIDES = 1.3
"""Memory over the weights, for what is computed."""


@click.group(invoke_without_command=True)
@click.option("--figures", is_flag=True, help="Their measured figures instead, as Markdown.")
@click.option(
    "--for", "gpu_gib", type=click.FloatRange(0), help="What to run on a GPU with so many GiB."
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_context
def command(context: click.Context, figures: bool, gpu_gib: float | None, as_json: bool) -> None:
    """List the models of all tools: terms, size, memory, speed, and on what they were tried.

    With --figures, how well each did on cases held out from its training, with 95% intervals, as
    its card says. With --for 24, what fits a GPU of 24 GiB.
    """
    if context.invoked_subcommand is not None:
        return
    from agent.commands import show_json
    from agent.commands.models_here import configured
    from tools import models

    configured()
    if gpu_gib is not None:
        told = _advice(gpu_gib)
        show_json(told) if as_json else sys.stdout.writelines(_advice_lines(told))
    elif as_json:
        show_json(models.figures() if figures else [*models.listed(), *models.further()])
    elif figures:
        sys.stdout.write(as_markdown() + "\n")
    else:
        _show(models.listed(), models.further())


command.add_command(pull)
command.add_command(verify)
command.add_command(remove)


def as_markdown() -> str:
    """The table of figures, and a line for each model that has none in classes."""
    from tools import models

    names = models.COLUMNS
    head = ["tool", "measured on", "held out", "n", *names.values()]
    rows = [
        [
            f"`{row['tool']}`",
            row["part"],
            row["split"],
            str(row["n"]),
            *(_figure(row["metrics"].get(name)) for name in names),
        ]
        for row in models.figures()
    ]
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    others = [f"`{one['tool']}`: {one['compared']}" for one in models.listed() if one["compared"]]
    return "\n\n".join([table, *others])


def _figure(figure: Mapping[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return ""
    if figure.get("low") is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _show(backends: list[dict[str, Any]], further: list[dict[str, Any]]) -> None:
    for row in backends:
        sys.stdout.writelines(f"{line}\n" for line in _lines(row))
    if further:
        sys.stdout.write("\nOther models of the hub that are known here\n")
    for row in further:
        sys.stdout.write(f"{row['hub_id']}\n")
        sys.stdout.writelines(f"  {name}: {value}\n" for name, value in _facts(row))


def _lines(row: Mapping[str, Any]) -> Iterator[str]:
    size = "no weights" if row["weights_mib"] is None else f"{row['weights_mib']:.1f} MiB"
    yield f"{row['tool']}  {row['backend']}, {row['hub_id'] or size}"
    for name, value in _facts(row):
        yield f"  {name}: {value}"
    if row["trained_on"]:
        yield f"  trained on: {'; '.join(row['trained_on'])}"
    yield f"  runs here: {'yes' if row['runs_here'] is None else 'no, ' + row['runs_here']}"


def _facts(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "licence", row["licence"]
    if row["hub_id"]:
        yield from _hub_facts(row)
    memory = row["memory_gib"]
    weights = "" if row["tool"] else ", the weights alone in half precision"
    yield "memory", "not stated" if memory is None else f"{memory:g} GiB{weights}"
    yield "speed on a GPU", _speed(row["speed"])
    compared = row.get("compared")
    yield "evaluated on", "; ".join(row.get("evaluated_on", ())) or compared or "not evaluated here"


def _hub_facts(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    gated, size = row["gated"], row["download_gib"]
    if row["terms"]:
        yield "terms", row["terms"]
    yield "gated", "not stated" if gated is None else "yes" if gated else "no"
    yield "download", "asked of the hub before it begins" if size is None else f"{size:g} GiB"
    if row["served_at"]:
        yield "served at", row["served_at"]
    else:
        yield "revision", row["revision"] or "none pinned: the first download pins one"


def _speed(measured: Mapping[str, Any] | None) -> str:
    if not measured:
        return "not measured"
    told = [f"{measured['device']}:"]
    if "first_token_s" in measured:
        told.append(f"first token after {measured['first_token_s']:.2f} s")
    rates = measured.get("images_per_second", {})
    told += [f"{rate:.0f} images a second in batches of {size}," for size, rate in rates.items()]
    return " ".join(told).rstrip(",")


def _advice(gpu_gib: float) -> list[dict[str, Any]]:
    from agent.gpu_plan import plans
    from tools import models

    rows = {row["hub_id"]: row["memory_gib"] for row in (*models.further(), *models.listed())}
    return [
        {
            "planner": plan.gemma.model or "the shipped Gemma",
            "planner_gib": plan.gemma_gib,
            "why": plan.gemma.why,
            "medgemma": plan.medgemma,
            "left_gib": plan.left_gib,
            "fits_in_what_is_left": [
                name for name, memory in rows.items()
                if name and memory and memory * _BESIDES <= plan.left_gib and "gemma" not in name
            ],
        }
        for plan in plans(gpu_gib)
    ]  # fmt: skip


def _advice_lines(told: list[dict[str, Any]]) -> Iterator[str]:
    for number, plan in enumerate(told, 1):
        yield f"{number}. {plan['planner']} plans ({plan['planner_gib']:g} GiB): {plan['why']}\n"
        yield f"   MedGemma 1.5: {'served beside it (12 GiB)' if plan['medgemma'] else 'no'}\n"
        names = ", ".join(plan["fits_in_what_is_left"]) or "nothing known here"
        yield f"   {plan['left_gib']:g} GiB left, enough for one of: {names}\n"
    yield "`wardround up --dry-run` prints the commands for this machine.\n"
