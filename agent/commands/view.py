"""`wardround view`: a saved answer as a page to look through and review."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.answer import Answer

__all__ = ["command"]


@click.command()
@click.argument("answer", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write. Default: beside ANSWER, ending in .page.html.",
)
@click.option("--open", "opened", is_flag=True, help="Show it in the browser.")
@click.option(
    "--same-files",
    is_flag=True,
    help="FILES were moved or copied since; that they give the same result is checked.",
)
def command(
    answer: Path, files: tuple[Path, ...], out: Path | None, opened: bool, same_files: bool
) -> None:
    """Write ANSWER, the JSON of an answer or of its review, as one interactive page.

    With the FILES that it is about, its pictures are made again and go into the page. The page
    needs no network and no server.
    """
    from agent.commands import run, told
    from agent.export.forms import export_async

    read, review = _read(answer)
    path = out or answer.with_name(f"{answer.stem}.page.html")
    work = export_async(read, "page", files, same_files=same_files, review=review)
    path.write_bytes(run(work))
    told(f"wrote {path}")
    if opened:
        click.launch(path.resolve().as_uri())


def _read(path: Path) -> tuple[Answer, dict[str, Any] | None]:
    """The answer, and its review where the page saved one."""
    from agent.commands.export import read_answer

    try:
        saved = json.loads(path.read_bytes())
    except ValueError:
        saved = None
    if isinstance(saved, dict) and isinstance(saved.get("review"), dict):
        return read_answer(json.dumps(saved.get("answer")).encode()), saved["review"]
    return read_answer(path.read_bytes()), None
