"""What a server over HTTP has around its tools: callers, limits, a log, uploads, a sign of life."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.middleware.rate_limiting import RateLimitingMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agent.settings import Settings
from tools.admission import Admission, Audit
from tools.callers import Callers
from tools.server import Workshop
from tools.uploading import add_uploads
from tools.uploads import UploadStore

__all__ = ["guard"]


def guard(
    server: FastMCP[Any], shop: Workshop, settings: Settings, only: Sequence[str] = ()
) -> None:
    """Put the log, and where callers are told apart permissions and limits, before the tools.

    Args:
        server: As built over `shop`.
        shop: Knows the callers.
        settings: Limits, and where log and uploads go.
        only: The specialists that the server has; all when empty.
    """
    if settings.audit_file is not None:
        server.add_middleware(Audit(settings.audit_file, shop.callers))
    if shop.callers is not None:
        _admit(server, shop.callers, settings.requests_per_second)
        _add_health(server)
        add_uploads(server, shop, only, lambda caller: _uploads(settings, caller))


def _admit(server: FastMCP[Any], callers: Callers, per_second: float) -> None:
    server.auth = callers.auth()
    server.add_middleware(
        RateLimitingMiddleware(
            per_second,
            burst_capacity=10 * max(1, round(per_second)),
            get_client_id=lambda _: callers.current().name,
        )
    )
    server.add_middleware(Admission(callers))


def _uploads(settings: Settings, caller: str) -> UploadStore:
    return UploadStore(
        settings.thread_file.parent / "uploads" / caller,
        limit_bytes=int(settings.upload_gib * 2**30),
        budget_bytes=int(settings.uploads_gib * 2**30),
        life_s=settings.upload_hours * 3600,
    )


def _add_health(server: FastMCP[Any]) -> None:
    @server.custom_route("/health", methods=["GET"])
    async def health(_: Request) -> Response:
        """Say that the server is up, and nothing else: this route alone needs no token."""
        return JSONResponse({"status": "ok"})
