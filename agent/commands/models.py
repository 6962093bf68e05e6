"""`wardround models`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

__all__ = ["as_markdown", "command"]


@click.command()
@click.option("--figures", is_flag=True, help="Their measured figures instead, as Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(figures: bool, as_json: bool) -> None:
    """List the models of the shipped tools: licence, size, and what they were trained on.

    With --figures, how well each did on cases held out from its training, with 95% intervals, as
    its card says.
    """
    from agent.commands import show_json
    from tools import models

    if as_json:
        show_json(models.figures() if figures else models.listed())
    elif figures:
        sys.stdout.write(as_markdown() + "\n")
    else:
        for row in models.listed():
            sys.stdout.writelines(f"{line}\n" for line in _lines(row))


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


def _lines(row: Mapping[str, Any]) -> list[str]:
    size = "no weights" if row["weights_mib"] is None else f"{row['weights_mib']:.1f} MiB"
    told = [f"{row['tool']}  {row['backend']}, {size}", f"  licence: {row['licence']}"]
    if row["runs_here"] is not None:
        told.append(f"  can't run here: {row['runs_here']}")
    if row["trained_on"]:
        told.append(f"  trained on: {'; '.join(row['trained_on'])}")
    return told
