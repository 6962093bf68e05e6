"""`wardround token`."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.argument("name")
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder that the caller may name files in; may be given again.",
)
@click.option("--tool", "tools", multiple=True, help="A tool that it may use; default: all.")
@click.option("--file", type=click.Path(path_type=Path), help="Default: WARDROUND_CALLERS.")
def command(name: str, roots: tuple[Path, ...], tools: tuple[str, ...], file: Path | None) -> None:
    """Let NAME call over HTTP, and print its token.

    The token is printed this once: the file keeps its SHA-256 alone. A running server reads the
    file when it starts.
    """
    from agent.settings import Settings
    from specialists.errors import InvalidInput
    from tools.callers import add_caller

    target = file or Settings().callers
    if target is None:
        raise InvalidInput("Name the file of callers by --file or WARDROUND_CALLERS.")
    click.echo(add_caller(target, name, roots, tools))
