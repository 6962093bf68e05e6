"""`wardround doctor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.gemma import Planner
    from agent.settings import Settings

__all__ = ["command"]

_PROBE_S = 10.0
"""Longest wait for an endpoint to list its models."""
_PACKAGES = {
    "torch": "models", "safetensors": "models", "transformers": "gemma", "llguidance": "gemma",
    "cyvcf2": "genomics", "openslide-python": "slides", "wsidicom": "slides", "gdcm": "",
}  # fmt: skip


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option(
    "--gpu-gib",
    type=click.FloatRange(0),
    help="Advise for a GPU with so much memory, instead of the one that is here.",
)
def command(as_json: bool, gpu_gib: float | None) -> None:
    """Say what would be used here, why, and what is missing."""
    from agent.commands import run, show_json

    report = run(_examined(gpu_gib))
    if as_json:
        show_json(report)
    else:
        for part, facts in report.items():
            sys.stdout.write(f"{part}\n")
            sys.stdout.writelines(f"  {name}: {value}\n" for name, value in facts.items())
    sys.exit(0 if not report["unreachable servers"] else 1)


async def _examined(gpu_gib: float | None) -> dict[str, dict[str, Any]]:
    import platform

    from agent.agent import Agent
    from tools.server import backend_states

    async with Agent() as agent:
        settings = agent.settings
        return {
            "software": {"python": platform.python_version(), **_versions()},
            "planner": await _planner(agent.planners, settings),
            "advice": _advice(gpu_gib),
            "Gemma by GPU memory": _table(),
            "specialists": backend_states(),
            "files": {
                "allowed roots": len(settings.roots),
                "threads kept in": str(settings.thread_file),
            },
            "unreachable servers": dict(agent.toolbox.unreachable),
        }


async def _planner(planners: Sequence[Planner], settings: Settings) -> dict[str, str]:
    """Who would plan, and whether the endpoint answers."""
    fault = await _fault(settings)
    names = [one.name for one in planners][1 if fault else 0 :]
    endpoint = settings.gemma_url or "none (set WARDROUND_GEMMA_URL and _MODEL)"
    return {
        "in use": names[0],
        "behind it": ", then ".join(names[1:]) or "nobody",
        "endpoint": f"{endpoint}: {fault}" if fault else endpoint,
        "checkpoint": settings.gemma_checkpoint or "none (set WARDROUND_GEMMA_CHECKPOINT)",
    }


async def _fault(settings: Settings) -> str:
    """Why the endpoint can't be used; empty where it can, or none is set."""
    from agent.gemma.endpoint import EndpointGemma
    from specialists.errors import PlannerUnavailable

    if not settings.gemma_url:
        return ""
    gemma = EndpointGemma(settings.model_copy(update={"gemma_timeout_s": _PROBE_S}))
    try:
        names = await gemma.models()
    except PlannerUnavailable as error:
        return error.client_message
    finally:
        await gemma.close()
    if settings.gemma_model in names:
        return ""
    return f"it does not serve {settings.gemma_model}, but {', '.join(names) or 'nothing'}"


def _table() -> dict[str, str]:
    """Which Gemma for which GPU, the smallest first."""
    from agent.gemma.choice import CHOICES

    least, *others = reversed(CHOICES)
    told = {f"{one.memory_gib:g} GiB or more": f"{one.model}: {one.why}" for one in others}
    return {"none, or less": least.why, **told}


def _advice(gpu_gib: float | None) -> dict[str, str]:
    """Which Gemma fits the GPU, why, and the lines that serve and use it."""
    from agent.gemma.choice import choose, gpu_memory_gib

    memory = gpu_memory_gib() if gpu_gib is None else gpu_gib
    choice = choose(memory)
    told = {
        "GPU memory": "no GPU" if memory is None else f"{memory:.0f} GiB",
        "Gemma": choice.model or "the shipped one",
        "why": choice.why,
    }
    if choice.serve:
        told["serve it"] = choice.serve
        url = "http://localhost:8000/v1"
        told["use it"] = f"export WARDROUND_GEMMA_URL={url} WARDROUND_GEMMA_MODEL={choice.model}"
    return told


def _versions() -> dict[str, str]:
    found = {"wardround": version("wardround")}
    for package, extra in _PACKAGES.items():
        try:
            found[package] = version("python-gdcm" if package == "gdcm" else package)
        except PackageNotFoundError:
            found[package] = f'missing: pip install "wardround[{extra}]"'
    return found
