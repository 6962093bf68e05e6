"""`wardround serve`."""

from __future__ import annotations

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
def command(http: bool, host: str, port: int, only: str | None, device: str | None) -> None:
    """Serve the tools over MCP, on stdio or HTTP.

    Files may be named below the folders of WARDROUND_ROOTS. Over HTTP every request needs a
    bearer token: WARDROUND_CALLERS names a file of callers (`wardround token` adds one), each
    with its own folders and tools; without it there is one caller, whose token is
    WARDROUND_TOKEN, or made for this run and told on stderr. Wherever it listens on more than
    the loopback address, put it behind TLS and name it in WARDROUND_ALLOWED_HOSTS.
    """
    from agent.server import serve, serve_http
    from agent.settings import Settings

    settings = Settings(device=device) if device else Settings()
    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    if http:
        serve_http(settings, names, _callers(settings), host, port)
    else:
        serve(settings, names)


def _callers(settings: Settings) -> Callers:
    from secrets import token_urlsafe

    from agent.commands import told
    from tools.callers import Caller, Callers

    if settings.callers is not None:
        return Callers.read(settings.callers)
    token = settings.token
    if token is None:
        token = token_urlsafe(32)
        told(f"Token of this run (Authorization: Bearer …): {token}")
    return Callers([Caller.of_token("caller", token, settings.roots)])
