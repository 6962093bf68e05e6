"""`wardround serve`."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command()
@click.option("--http", is_flag=True, help="Serve streamable HTTP instead of stdio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, help="Port to listen on.")
@click.option("--only", help="Serve these tools alone: names, separated by commas.")
def command(http: bool, host: str, port: int, only: str | None) -> None:
    """Serve the tools over MCP, on stdio or HTTP.

    Files may be named below the folders of WARDROUND_ROOTS. Over HTTP there is no
    authentication yet: the server answers only to its own host's name, and belongs behind one
    that authenticates wherever it listens on more than the loopback address.
    """
    from agent.server import serve

    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    serve(http=http, host=host, port=port, only=names)
