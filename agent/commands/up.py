"""`wardround up`."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agent.up import Server, Wanted

__all__ = ["command"]


@click.command()
@click.option("--dry-run", is_flag=True, help="Print the commands, start nothing.")
@click.option("--gemma", help="Gemma to serve: a hub id, a folder, or 'none'.")
@click.option("--medgemma/--no-medgemma", default=None, help="Serve MedGemma, or don't.")
@click.option("--gpu-gib", type=click.FloatRange(1), help="Memory of the GPU; default: read.")
@click.option("--gpus", help="Number of the GPU for both, or of Gemma's and MedGemma's: 0,1.")
@click.option("--vllm", default="vllm", show_default=True, help="vLLM's command.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Gemma's port; MedGemma's is next.")
@click.option("--wait", default=900.0, show_default=True, help="Seconds that one may take.")
def command(dry_run: bool, wait: float, gpus: str | None, **options: object) -> None:
    """Serve Gemma and MedGemma by vLLM on this machine's GPU, and stop them together.

    Which ones, follows from the card (`wardround models --for GIB`) and the settings: what
    WARDROUND_GEMMA_URL or WARDROUND_MEDGEMMA_URL name already is not started. Ctrl-C ends all; one
    that ends by itself ends the others. Logs are in the state folder's `up`.
    """
    from agent.commands import told
    from agent.commands.models_here import configured
    from agent.settings import Settings
    from agent.supervision import supervise
    from agent.up import servers
    from specialists.errors import InvalidInput
    from tools import hub

    settings = Settings()
    configured()
    found = servers(_wanted(gpus, **options), settings, hub.here())
    if not found:
        raise InvalidInput("Nothing is to be started: the settings name servers for all there is.")
    for server in found:
        hub.require_unchanged(server.model)
        if server.model not in hub.here():
            told(f"{server.model} is not pulled: vLLM fetches it itself, at no pinned commit.")
    if dry_run:
        _tell(found, commands=True)
        return
    _require_vllm(found)
    logs = settings.thread_file.parent / "up"
    supervise(found, logs, lambda: _tell(found, commands=False), told, wait)


def _wanted(gpus: str | None, **options: object) -> Wanted:
    from agent.gemma.choice import gpu_memory_gib
    from agent.up import Wanted
    from specialists.errors import InvalidInput

    given = {name: value for name, value in options.items() if value is not None}
    memory = given.pop("gpu_gib", None) or gpu_memory_gib()
    if memory is None:
        raise InvalidInput("There is no GPU here (nvidia-smi); --gpu-gib 24 plans for another.")
    if given.get("gemma") == "none":
        given["gemma"] = ""
    try:
        numbers = tuple(int(one) for one in (gpus or "").split(",") if one)
    except ValueError:
        raise InvalidInput("--gpus takes numbers: 0, or 0,1.") from None
    return Wanted(gpu_gib=memory, gpus=numbers, **given)  # type: ignore[arg-type]


def _tell(found: list[Server], *, commands: bool) -> None:
    for server in found:
        if commands:
            sys.stdout.write(server.line + "\n")
        for name, value in server.exports.items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    sys.stdout.flush()


def _require_vllm(found: list[Server]) -> None:
    import shutil

    from specialists.errors import BackendUnavailable

    if shutil.which(found[0].words[0]) is None:
        raise BackendUnavailable(
            'There is no vLLM here. pip install "wardround[vllm]", or name the one of another '
            "environment by --vllm; `wardround up --dry-run` prints the commands."
        )
