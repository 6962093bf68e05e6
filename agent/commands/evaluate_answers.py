"""`wardround evaluate answers`: whole answers to cases, measured."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["evaluate_answer_cases"]


def evaluate_answer_cases(cases: Path, root: Path | None, as_json: bool) -> None:
    """Ask every case, and write the figures: a table, or JSON."""
    from agent.commands import run, show_json
    from agent.evaluate.answers import read_cases

    report = run(_measured(read_cases(cases), root or cases.resolve().parents[1]))
    if as_json:
        show_json(report)
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(report))


async def _measured(cases: Any, root: Path) -> dict[str, Any]:
    import tempfile

    from agent.agent import Agent
    from agent.commands import Progress
    from agent.evaluate.answers import answered, judged, summed_up
    from agent.settings import Settings

    progress, rows = Progress(), []
    with tempfile.TemporaryDirectory() as folder:
        async with Agent(Settings(state_dir=Path(folder))) as agent:
            async for name, answer in answered(agent, cases, root):
                progress.show(name)
                rows.append(judged(name, answer))
    progress.clear()
    return {"total": summed_up(rows), "answers": rows}


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    head = ("statements", "supported", "coverage", "strange")
    yield f"{'case':28}{'language':9}" + "".join(f"{name:>11}" for name in head)
    for row in report["answers"]:
        yield (
            f"{row['case']:28}{row['language']:9}{row['statements']:>11}{row['supported']:>11}"
            f"{_figure(row['coverage']):>11}{_figure(row['hallucination']):>11}"
        )
    total = report["total"]
    yield ""
    counted = ("answers", "statements", "dropped")
    yield ", ".join(f"{total[name]} {name}" for name in counted)
    for name in ("cited", "supported", "coverage", "hallucination"):
        yield f"  {name:14} {_figure(total[name])}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
