"""`wardround evaluate routing`: the plans of every planner on cases, measured."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["as_text", "evaluate_routing_cases"]

_TRAINED_ON = 12_000
_SEED = 20


def evaluate_routing_cases(cases: Path, root: Path | None, compared: bool, as_json: bool) -> None:
    """Measure and write: a table, or JSON."""
    from agent.commands import run, show_json
    from agent.evaluate.baselines import baselines
    from agent.evaluate.cases import read_cases

    read = read_cases(cases)
    # The generator asks its own server for the shipped tools, in an event loop of its own.
    others = baselines(_examples()) if compared else []
    report = run(_measured(read, root or cases.resolve().parent, others))
    if as_json:
        show_json(report)
    else:
        sys.stdout.write(as_text(report))


async def _measured(cases: Any, root: Path, others: Any) -> dict[str, Any]:
    from agent.agent import Agent
    from agent.commands import Progress
    from agent.evaluate.routing import evaluate_routing

    progress = Progress()
    async with Agent() as agent:
        report = await evaluate_routing(agent, cases, root, others, progress.show)
    progress.clear()
    return report


def _examples() -> Any:
    """Generated consultations, the same that the shipped Gemma is trained on."""
    from agent.gemma.training.cases import generate

    return list(generate(_SEED, _TRAINED_ON))


def as_text(report: Mapping[str, Any]) -> str:
    """Write a report as a table: one block a planner."""
    blocks = ["\n".join(_block(name, figures)) for name, figures in report["planners"].items()]
    return f"{report['n']} cases\n\n" + "\n\n".join(blocks) + "\n"


def _block(name: str, figures: Mapping[str, Any]) -> Iterator[str]:
    yield name
    for title, one in figures["metrics"].items():
        yield f"  {title:22} {_figure(one)}"
    yield f"  {'violations':22} {figures['violations']}"
    if figures["unavailable"]:
        yield f"  {'unavailable':22} {figures['unavailable']}"
    for title, one in figures["tools"].items():
        shown = f"precision {_figure(one['precision'])}   recall {_figure(one['recall'])}"
        yield f"  {title:22} {shown}   n = {one['n']}"
    for group in ("categories", "languages"):
        for title, one in figures[group].items():
            yield f"  exact, {title or '(none)':15} {_figure(one)}   n = {one['n']}"


def _figure(one: Mapping[str, Any]) -> str:
    if one["value"] is None:
        return "not measured           "
    return f"{one['value']:.3f}  ({one['low']:.3f} to {one['high']:.3f})"
