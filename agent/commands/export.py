"""`wardround export`: a saved answer in the forms that other systems read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.answer import Answer

__all__ = ["command", "read_answer"]

_FORMS = ("json", "markdown", "html", "page", "fhir", "dicom-sr", "seg", "gsps")


@click.command()
@click.argument("answer", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--to", "form", type=click.Choice([*_FORMS, "all"]), default="all", show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write; for 'all', the folder.",
)
@click.option("--identified", is_flag=True, help="Let HTML and Markdown name the patient.")
@click.option(
    "--same-files",
    is_flag=True,
    help="FILES were moved or copied since; that they give the same result is checked.",
)
@click.option(
    "--store",
    is_flag=True,
    help="Store what is DICOM on the server of WARDROUND_DICOMWEB_URL, too (STOW-RS).",
)
def command(
    answer: Path,
    files: tuple[Path, ...],
    form: str,
    out: Path,
    identified: bool,
    same_files: bool,
    store: bool,
) -> None:
    """Export ANSWER, the JSON of an answer, with the FILES that it is about.

    Names and UIDs are read from FILES now and go into FHIR and DICOM; an answer has none.
    """
    from agent.commands import run, told
    from agent.export.forms import export_all, export_async

    read = read_answer(answer.read_bytes())
    known: dict[str, Any] = {"identified": identified, "same_files": same_files}
    if form == "all":
        written = run(export_all(read, out, files, agent=None, **known))
    else:
        out.write_bytes(run(export_async(read, form, files, agent=None, **known)))
        written = [out]
    for path in written:
        told(f"wrote {path}")
    if store:
        told(f"stored {_stored(written)} of them")


def _stored(written: Sequence[Path]) -> int:
    """Send the DICOM objects to the archive; gives how many there were."""
    from pydicom import dcmread

    from agent.settings import Settings
    from agent.workshop import archive
    from specialists.errors import InvalidInput

    server = archive(Settings())
    if server is None:
        raise InvalidInput("Storing needs a DICOMweb server: set WARDROUND_DICOMWEB_URL.")
    objects = [dcmread(path) for path in written if path.suffix == ".dcm"]
    if not objects:
        raise InvalidInput("Nothing that was written is DICOM, so there is nothing to store.")
    server.store(objects)
    return len(objects)


def read_answer(content: bytes) -> Answer:
    """Read the JSON of an answer.

    Raises:
        InvalidInput: If it is something else.
    """
    from pydantic import ValidationError

    from agent.answer import Answer
    from specialists.errors import InvalidInput

    try:
        return Answer.model_validate_json(content)
    except ValidationError:
        raise InvalidInput(
            "The file is not the JSON of an answer, as `wardround ask --json` writes it."
        ) from None
