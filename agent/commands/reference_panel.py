"""`wardround reference-panel`: make and list the cohorts that polygenic scores are read against."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def command() -> None:
    """Make and list reference panels for score_polygenic_risk.

    A panel says what a cohort looks like: principal components, populations, score
    distributions. It holds no names and no person's genotypes. The tool uses the panel that a call
    names (--panel NAME), else one named 'default'.
    """


@command.command()
@click.argument("genotypes", nargs=-1, required=True, type=_FILE)
@click.option("--labels", required=True, type=_FILE, help="Table of samples and populations.")
@click.option("--name", required=True, help="What calls name it by; 'default' for every call.")
@click.option("--title", default="", help="Which people these are, in words.")
@click.option("--population-column", help="The table's column with populations.")
@click.option(
    "--score",
    "scores",
    multiple=True,
    help="Scoring file, or PGS id or trait of one that ships; may be given several times.",
)
@click.option("--components", type=click.IntRange(2, 20), default=10, show_default=True)
@click.option("--keep-ambiguous", is_flag=True, help="Score A/T and C/G variants too.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def build(genotypes: tuple[Path, ...], as_json: bool, **options: Any) -> None:
    """Make a panel of GENOTYPES (files of one cohort) and install it."""
    from agent.commands import show_json
    from agent.settings import Settings
    from tools import panels

    made = panels.build(
        genotypes,
        options["labels"],
        options["name"],
        scores=options["scores"],
        memory_gib=Settings().memory_gib or 16.0,
        title=options["title"],
        column=options["population_column"],
        components=options["components"],
        keep_ambiguous=options["keep_ambiguous"],
    )
    if as_json:
        show_json(made)
    else:
        sys.stdout.write(_told(made))


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def list_(as_json: bool) -> None:
    """List the installed panels."""
    from agent.commands import show_json, told
    from tools import panels

    there = panels.listed()
    if as_json:
        show_json(there)
        return
    sys.stdout.write("".join(map(_told, there)))
    if not there:
        told(f"No reference panel is installed in {panels.folder()}.")


def _told(panel: dict[str, Any]) -> str:
    people = ", ".join(f"{name} {count:,}" for name, count in panel["populations"].items())
    lines = [
        f"{panel['name']}: {panel['title']}, {panel['genome_build'] or 'genome build unknown'}",
        f"  people: {panel['people']:,} ({people})",
        f"  {panel['components']} principal components of {panel['variants']:,} variants",
    ]
    for name, score in panel["scores"].items():
        lines.append(f"  {name}: {score['used']:,} of {score['variants']:,} variants")
    return "\n".join(lines) + "\n"
