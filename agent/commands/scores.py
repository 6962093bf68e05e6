"""`wardround scores`: scores of the PGS Catalog, by id and by trait."""

from __future__ import annotations

import sys

import click

__all__ = ["command"]


@click.group()
def command() -> None:
    """List and fetch scores of the PGS Catalog for score_polygenic_risk.

    Only a score's id is sent. Without a network the messages say which file to fetch elsewhere
    and where to put it.
    """


@command.command("list")
@click.argument("trait", default="")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def list_(trait: str, as_json: bool) -> None:
    """List the scores known here, or those of a TRAIT."""
    from agent.commands import show_json
    from tools import scores

    rows = scores.listed(trait)
    if as_json:
        show_json(rows)
        return
    for row in rows:
        sys.stdout.write(f"{row['pgs_id']}  {row['trait']}  {row['here'] or ''}".rstrip() + "\n")


@command.command()
@click.argument("pgs_id")
@click.option(
    "--build", type=click.Choice(["GRCh37", "GRCh38"]), default="GRCh38", show_default=True
)
def fetch(pgs_id: str, build: str) -> None:
    """Fetch the score PGS_ID, harmonised to a genome build."""
    from tools import scores

    sys.stdout.write(f"{scores.fetch(pgs_id, build)} in {scores.folder()}\n")


@command.command()
def refresh() -> None:
    """Fetch the Catalog's list of scores and traits anew."""
    from tools import scores

    sys.stdout.write(f"{scores.refresh():,} scores are listed.\n")
