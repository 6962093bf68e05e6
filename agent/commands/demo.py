"""`wardround demo`: three real cases, from file to answer."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click

__all__ = ["CASES", "Case", "command"]


@dataclass(frozen=True)
class Case:
    """A question about real files."""

    name: str
    question: str
    files: tuple[str, ...]
    """Below the data folder."""


CASES = (
    Case("film", "Is there pneumonia?", ("cxr/RG1_J2KI.dcm",)),
    Case("ct", "What does this CT show?", ("ct/series",)),
    Case(
        "genome",
        "What is the polygenic score PGS001229 of sample 1, with min overlap 0.01?",
        ("genomics/tiny1000G.vcf.gz", "genomics/PGS001229_hmPOS_GRCh38.txt.gz"),
    ),
)


@click.command()
@click.option(
    "--out",
    default="demo-output",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the pictures.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the sample files; default: tests/data of the repository.",
)
def command(out: Path, data: Path | None) -> None:
    """Answer three real cases (a film, a CT, a genome) and write their pictures."""
    from agent.commands import run

    folder = data or Path(__file__).resolve().parents[2] / "tests" / "data"
    if not folder.is_dir():
        raise click.UsageError(
            "The sample files come with the repository (tests/data), not with the installed "
            "package. Run this in a clone, or name a folder with --data."
        )
    sys.exit(run(_shown(folder, out)))


async def _shown(data: Path, out: Path) -> int:
    from agent.agent import Agent
    from agent.commands import Progress, told
    from agent.commands.ask import exit_code
    from agent.export.markdown import to_markdown

    worst, progress = 0, Progress()
    async with Agent() as agent:
        for case in CASES:
            started = time.perf_counter()
            files = [data / name for name in case.files]
            async for event in agent.stream(case.question, files):
                progress.show(f"{case.name}: {event.kind} {event.text} {event.detail}")
                if event.answer is None:
                    continue
                progress.clear()
                sys.stdout.write(to_markdown(event.answer) + "\n\n")
                sys.stdout.flush()
                paths = await agent.save_pictures_async(event.answer.pictures, out, case.name)
                told(f"{case.name}: {time.perf_counter() - started:.1f} s")
                worst = max(worst, exit_code(event.answer))
                for path in paths:
                    sys.stdout.write(f"Picture: {path}\n")
                sys.stdout.write("\n---\n\n")
    told(f"The pictures are in {out}.")
    return worst
