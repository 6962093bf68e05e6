"""The page as an MCP App (extension `io.modelcontextprotocol/ui`, 2026-01-26)."""

from __future__ import annotations

from typing import Any

from fastmcp import FastMCP
from fastmcp.apps import AppConfig, ResourceCSP
from fastmcp.resources import ResourceContent, ResourceResult

from agent.app.page import empty_page

__all__ = ["APP_META", "add_app"]

_URI = "ui://wardround/answer"
_TYPE = "text/html;profile=mcp-app"
_CSP = ResourceCSP(connect_domains=[], resource_domains=[], frame_domains=[], base_uri_domains=[])
_META = {
    "ui": AppConfig(csp=_CSP, prefers_border=True).model_dump(by_alias=True, exclude_none=True)
}

APP_META: dict[str, Any] = {"ui": {"resourceUri": _URI}}
"""Of a tool whose results are answers. Hosts without apps pass over it."""


def add_app(server: FastMCP[Any]) -> None:
    """Serve the page; hosts read it when a tool that names it is called."""

    @server.resource(_URI, name="Answer", mime_type=_TYPE, meta=_META)
    def answer_page() -> ResourceResult:
        """An answer with its pictures and evidence, to look through and review."""
        return ResourceResult([ResourceContent(empty_page(), mime_type=_TYPE, meta=_META)])
