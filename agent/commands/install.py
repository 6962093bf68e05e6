"""`wardround install`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from agent.clients import CLIENTS

__all__ = ["command"]


@click.command()
@click.argument("client", type=click.Choice(list(CLIENTS)))
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder whose files the client may name; may be given again. Default: this folder.",
)
@click.option("--file", type=click.Path(path_type=Path), help="The client's file, where elsewhere.")
@click.option("--uvx", is_flag=True, help="Let uv fetch and start the package.")
@click.option("--print", "show", is_flag=True, help="Print the entry; write nothing.")
@click.option("--dry-run", is_flag=True, help="Print the whole file as it would be.")
def command(
    client: str, roots: tuple[Path, ...], file: Path | None, uvx: bool, show: bool, dry_run: bool
) -> None:
    """Set CLIENT up to start this server.

    The entry is merged into the client's configuration; other servers and settings stay, and
    the file as it was is kept beside it. For clients without a file that can be merged into,
    the entry is printed with what to do with it.
    """
    from agent.clients import Entry, printed, write_entry
    from agent.commands import told

    known = CLIENTS[client]
    entry = Entry.here(roots or (Path.cwd(),), uvx=uvx)
    target = file or known.file()
    if show or target is None:
        told(known.how or f"The entry for {known.title}:")
        click.echo(printed(client, entry))
        return
    after = write_entry(target, known, entry, dry_run=dry_run)
    if dry_run:
        told(f"{target} would be:")
        click.echo(json.dumps(after, indent=2, ensure_ascii=False))
    else:
        click.echo(str(target))
        told(f"{known.title} will start wardround. {known.after}")
