"""`wardround ask`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agent.agent import Agent
    from agent.answer import Answer

__all__ = ["answer_question", "command", "exit_code"]


@click.command()
@click.argument("question")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--fhir",
    "records",
    multiple=True,
    help="A patient's record beside the files: a FHIR Bundle, or a patient's id on the FHIR "
    "server (WARDROUND_FHIR_URL).",
)
@click.option("--json", "as_json", is_flag=True, help="Write the answer as JSON.")
@click.option("--thread", help="Continue, or begin, the conversation of this name.")
@click.option(
    "--pictures", type=click.Path(path_type=Path, file_okay=False), help="Write pictures here."
)
@click.option(
    "--second-reader", is_flag=True, help="Have another model of each tool read too, and compare."
)
@click.option(
    "--export",
    "exports",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the answer into this folder as JSON, Markdown, HTML, FHIR and, of DICOM files, "
    "DICOM. FHIR and DICOM name the patient.",
)
def command(
    question: str,
    files: tuple[Path, ...],
    records: tuple[str, ...],
    as_json: bool,
    thread: str | None,
    pictures: Path | None,
    exports: Path | None,
    second_reader: bool,
) -> None:
    """Ask QUESTION about FILES."""
    from agent.commands import run, show_json

    files = (*files, *map(_record, records))
    answer = run(answer_question(question, files, thread, pictures, exports, second_reader))
    if as_json:
        show_json(answer.model_dump(mode="json"))
    else:
        from agent.export.markdown import to_markdown

        sys.stdout.write(to_markdown(answer) + "\n")
    sys.exit(exit_code(answer))


def _record(named: str) -> Path:
    """A file where there is one of that name, otherwise a patient of the FHIR server."""
    return Path(named) if Path(named).exists() else Path(f"fhir:{named.removeprefix('fhir:')}")


async def answer_question(
    question: str,
    files: tuple[Path, ...],
    thread: str | None = None,
    pictures: Path | None = None,
    exports: Path | None = None,
    second_reader: bool = False,
) -> Answer:
    """Ask, showing on stderr what is being done, and write the pictures where asked."""
    from agent.agent import Agent
    from agent.commands import Progress

    progress = Progress()
    async with Agent() as agent:
        async for event in agent.stream(
            question, files, thread=thread, second_reader=second_reader
        ):
            progress.show(f"{event.kind} {event.text} {event.detail}")
            if event.answer is not None:
                progress.clear()
                if pictures is not None:
                    await agent.save_pictures_async(event.answer.pictures, pictures)
                if exports is not None:
                    return await _exported(event.answer, exports, files, agent)
                return event.answer
    raise RuntimeError("no answer")


async def _exported(answer: Answer, folder: Path, files: tuple[Path, ...], agent: Agent) -> Answer:
    """Write the answer in every form that applies; a failure is told with the answer."""
    from agent.answer import Failure
    from agent.commands import told
    from agent.export.forms import export_all
    from specialists.errors import WardroundError

    try:
        for path in await export_all(answer, folder, files, agent=agent):
            told(f"wrote {path}")
    except WardroundError as error:
        failure = Failure(tool="export", code=error.code, message=error.client_message)
        return answer.model_copy(update={"failures": (*answer.failures, failure)})
    return answer


def exit_code(answer: Answer) -> int:
    """0 done, 1 something failed and the rest was answered, 3 nothing could be answered."""
    answered = answer.evidence if answer.action == "call" else answer.action == "answer"
    if not answered:
        return 3
    return 1 if answer.failures else 0
