"""`wardround demo`: real cases, from file to answer, and one that is refused."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.answer import Answer

__all__ = ["CASES", "Case", "command"]


@dataclass(frozen=True)
class Case:
    """A question about real files."""

    name: str
    title: str
    """What it is, and what it is meant to show."""
    question: str
    files: tuple[str, ...]
    """Below the data folder."""
    refused: bool = False
    """Whether the file is not to be read for this question."""


CASES = (
    Case(
        "film",
        "A chest film. A calibrated probability, and a map of what the decision rests on.",
        "Is there pneumonia?",
        ("cxr/RG1_J2KI.dcm",),
    ),
    Case(
        "ct",
        "A CT of the upper abdomen. Measurements with units, each from a mask that is drawn.",
        "What does this CT show?",
        ("ct/series",),
    ),
    Case(
        "question",
        "A question about a picture that has no header. What it is, is recognised first.",
        "Which part of the body does this image show?",
        ("recogniser/MR_slice_1.jpg",),
    ),
    Case(
        "pathology",
        "A patch of bowel under the microscope. The organ, from the question, picks the classes.",
        "Which tissue does this patch of the colon show?",
        ("pathology/colon_TUM.jpg",),
    ),
    Case(
        "skin",
        "A skin lesion, by telephone. A set of diagnoses, where a single one would be a guess.",
        "Which diagnoses come into question for this skin lesion?",
        ("skin/PAT_778_1471_835.png",),
    ),
    Case(
        "retina",
        "A fundus photograph. The grade as a set, and candidate lesions outlined.",
        "Is there referable diabetic retinopathy?",
        ("retina/IDRiD_100_reduced.jpg",),
    ),
    Case(
        "genome",
        "Genotypes and a scoring file. How many variants were matched stands beside the score.",
        "What is the polygenic score PGS001229 of sample 1, with min overlap 0.01?",
        ("genomics/tiny1000G.vcf.gz", "genomics/PGS001229_hmPOS_GRCh38.txt.gz"),
    ),
    Case(
        "refusal",
        "An ankle, with the question of the first film. No model sees it, whatever is asked.",
        "Is there pneumonia?",
        ("cxr/ankle_RG3_J2KI.dcm",),
        refused=True,
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
    """Answer seven real cases and refuse an eighth, as Markdown, and write their pictures."""
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

    worst, progress, began = 0, Progress(), time.perf_counter()
    async with Agent() as agent:
        for number, case in enumerate(CASES, 1):
            started = time.perf_counter()
            answer = await _answered(agent, case, data, progress)
            paths = await agent.save_pictures_async(answer.pictures, out, case.name)
            sys.stdout.write(_told(f"Case {number} of {len(CASES)}", case, answer, paths))
            sys.stdout.flush()
            told(f"{case.name}: {time.perf_counter() - started:.1f} s")
            worst = max(worst, _exit_code(case, answer))
    told(f"{time.perf_counter() - began:.0f} s in all. The pictures are in {out}.")
    return worst


async def _answered(agent: Any, case: Case, data: Path, progress: Any) -> Answer:
    async for event in agent.stream(case.question, [data / name for name in case.files]):
        progress.show(f"{case.name}: {event.kind} {event.text} {event.detail}")
        if event.answer is not None:
            progress.clear()
            answer: Answer = event.answer
    return answer


def _told(heading: str, case: Case, answer: Answer, pictures: list[Path]) -> str:
    from agent.export.markdown import to_markdown

    told = f"**{heading}.** {case.title}\n\n{to_markdown(answer)}\n\n"
    return told + "".join(f"Picture: {path}\n" for path in pictures) + "\n---\n\n"


def _exit_code(case: Case, answer: Answer) -> int:
    """A file that is refused where it should be is a success."""
    from agent.commands.ask import exit_code

    if case.refused:
        return 3 if answer.evidence else 0
    return exit_code(answer)
