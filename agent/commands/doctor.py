"""`wardround doctor`."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

__all__ = ["command"]

_PACKAGES = {
    "torch": "models", "safetensors": "models", "cyvcf2": "genomics", "openslide-python": "slides",
    "wsidicom": "slides", "gdcm": "",
}  # fmt: skip


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(as_json: bool) -> None:
    """Say what would be used here, why, and what is missing."""
    from agent.commands import run, show_json

    report = run(_examined())
    if as_json:
        show_json(report)
    else:
        for part, facts in report.items():
            sys.stdout.write(f"{part}\n")
            sys.stdout.writelines(f"  {name}: {value}\n" for name, value in facts.items())
    sys.exit(0 if not report["unreachable servers"] else 1)


async def _examined() -> dict[str, dict[str, Any]]:
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
            },
            "specialists": backend_states(),
            "files": {
                "allowed roots": len(settings.roots),
                "threads kept in": str(settings.thread_file),
            },
            "unreachable servers": dict(agent.toolbox.unreachable),
        }


def _versions() -> dict[str, str]:
    found = {"wardround": version("wardround")}
    for package, extra in _PACKAGES.items():
        try:
            found[package] = version("python-gdcm" if package == "gdcm" else package)
        except PackageNotFoundError:
            found[package] = f'missing: pip install "wardround[{extra}]"'
    return found
