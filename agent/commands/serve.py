"""`wardround serve`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agent.settings import Settings
    from tools.callers import Callers

__all__ = ["command"]


@click.command()
@click.option("--http", is_flag=True, help="Serve streamable HTTP instead of stdio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, help="Port to listen on.")
@click.option("--only", help="Serve these tools alone: names, separated by commas.")
@click.option("--device", help="Torch device, or devices by tool: report_ct=cuda:1,*=cuda:0.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Over HTTP: so many processes on the port, each with models of its own.",
)
@click.option("--fd", type=int, hidden=True, help="A listening socket, from `--workers`.")
def command(
    http: bool,
    host: str,
    port: int,
    only: str | None,
    device: str | None,
    workers: int,
    fd: int | None,
) -> None:
    """Serve the tools over MCP, on stdio or HTTP.

    Files may be named below the folders of WARDROUND_ROOTS. Over HTTP every request needs a
    bearer token: WARDROUND_CALLERS names a file of callers (`wardround token` adds one), each
    with its own folders and tools; without it there is one caller, whose token is
    WARDROUND_TOKEN, or made for this run and told on stderr. Wherever it listens on more than
    the loopback address, put it behind TLS and name it in WARDROUND_ALLOWED_HOSTS.
    """
    from agent.server import serve, serve_http
    from agent.settings import Settings
    from agent.workers import run_workers

    settings = Settings(device=device) if device else Settings()
    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    if http and workers > 1:
        given = [*(("--only", only) if only else ()), *(("--device", device) if device else ())]
        sys.exit(run_workers(workers, host, port, given, _token(settings)))
    if http:
        serve_http(settings, names, _callers(settings), host, port, fd)
    else:
        serve(settings, names)


def _callers(settings: Settings) -> Callers:
    from tools.callers import Caller, Callers

    if settings.callers is not None:
        return Callers.read(settings.callers)
    token = settings.token or _token(settings)["WARDROUND_TOKEN"]
    return Callers([Caller.of_token("caller", token, settings.roots)])


def _token(settings: Settings) -> dict[str, str]:
    """A token for this run, as the environment has it, where nothing else lets callers in."""
    from secrets import token_urlsafe

    from agent.commands import told

    if settings.callers is not None or settings.token is not None:
        return {}
    token = token_urlsafe(32)
    told(f"Token of this run (Authorization: Bearer …): {token}")
    return {"WARDROUND_TOKEN": token}
