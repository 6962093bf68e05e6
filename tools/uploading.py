"""The HTTP routes of uploads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastmcp import FastMCP
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from specialists.base import SpecialistSpec
from specialists.errors import (
    FileMissing,
    FileTooLarge,
    InvalidInput,
    NotAuthorised,
    UploadConflict,
    WardroundError,
)
from specialists.registry import spec_of
from specialists.registry import specs as registered
from tools.adapter import told
from tools.inspect import inspect_files
from tools.uploads import UploadStore
from tools.workshop import Workshop

__all__ = ["add_uploads"]

_STATUS: Mapping[type[WardroundError], int] = {
    NotAuthorised: 401,
    FileMissing: 404,
    UploadConflict: 409,
    FileTooLarge: 413,
    InvalidInput: 400,
}


def add_uploads(
    server: FastMCP[Any],
    shop: Workshop,
    only: Sequence[str],
    store_of: Callable[[str], UploadStore],
) -> None:
    """Put `/files/{sha256}` beside the MCP endpoint, for callers with a token.

    Args:
        server: Gets the route.
        shop: Tells callers apart, and gives the handles.
        only: The specialists that the server has; all when empty.
        store_of: Gives the uploads of a caller, by its name.
    """
    stores: dict[str, UploadStore] = {}
    specs = {name: spec_of(name) for name in only} or registered()

    async def files(request: Request) -> Response:
        room, caller = await _room(request, server, shop)
        store = stores.setdefault(caller, store_of(caller))
        sha256 = str(request.path_params["sha256"])
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise InvalidInput("A file is named by its SHA-256, in 64 small hex digits.")
        if request.method == "HEAD":
            return _state(store, sha256)
        path = store.find(sha256) if request.method == "GET" else await _take(request, store)
        if path is None and request.method == "GET":
            raise FileMissing("This file is not here, or not whole.")
        if path is None:
            return Response(status_code=204, headers=_headers(store.offset(sha256), done=False))
        return await anyio.to_thread.run_sync(_inspected, room, specs, path)

    server.custom_route("/files/{sha256}", methods=["GET", "HEAD", "PATCH"])(_mapped(files))


def _mapped(
    handle: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Errors of our tree become an HTTP status with the same body as over MCP."""

    async def answered(request: Request) -> Response:
        try:
            return await handle(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001 - the process's edge: logged and mapped
            body = told(error)
            status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 422)
            if not isinstance(error, WardroundError):
                status = 500
            return JSONResponse({"error": body}, status)

    return answered


async def _room(request: Request, server: FastMCP[Any], shop: Workshop) -> tuple[Workshop, str]:
    """The caller's part of the workshop; a route of one's own must ask for the token itself."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    known = None
    if scheme.lower() == "bearer" and server.auth is not None:
        known = await server.auth.verify_token(token.strip())
    if known is None or shop.callers is None:
        raise NotAuthorised("An upload needs the bearer token of a caller.")
    caller = shop.callers.named(known.client_id)
    return shop.of(caller), caller.name


async def _take(request: Request, store: UploadStore) -> Path | None:
    return await store.append(
        str(request.path_params["sha256"]),
        _stream(request),
        offset=_number(request, "Upload-Offset"),
        length=_number(request, "Upload-Length"),
        suffix=request.headers.get("Upload-Suffix", ""),
    )


async def _stream(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk


def _number(request: Request, name: str) -> int:
    value = request.headers.get(name, "")
    if not value.isascii() or not value.isdecimal() or len(value) > 15:
        raise InvalidInput(f"The header {name} must be a number of bytes.")
    return int(value)


def _state(store: UploadStore, sha256: str) -> Response:
    path = store.find(sha256)
    if path is not None:
        return Response(headers=_headers(path.stat().st_size, done=True))
    return Response(headers=_headers(store.offset(sha256), done=False))


def _headers(offset: int, *, done: bool) -> dict[str, str]:
    return {"Upload-Offset": str(offset), "Upload-Complete": "?1" if done else "?0"}


def _inspected(room: Workshop, specs: Mapping[str, SpecialistSpec], path: Path) -> Response:
    """Runs in a thread."""
    room.files.allow(path)
    seen = inspect_files(room.files, specs, [str(path)])
    return JSONResponse(
        seen.model_dump(mode="json"), headers=_headers(path.stat().st_size, done=True)
    )
