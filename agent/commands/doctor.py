"""`wardround doctor`."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

__all__ = ["command"]

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
            "planner": {
                "in use": agent.planner_name,
                "endpoint": settings.gemma_url or "none (set WARDROUND_GEMMA_URL and _MODEL)",
                "checkpoint": settings.gemma_checkpoint or "none (set WARDROUND_GEMMA_CHECKPOINT)",
            },
            "advice": _advice(gpu_gib),
            "specialists": backend_states(),
            "files": {
                "allowed roots": len(settings.roots),
                "threads kept in": str(settings.thread_file),
            },
            "unreachable servers": dict(agent.toolbox.unreachable),
        }


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
