"""What stands between a caller over HTTP and the tools: permissions, and a log of who did what."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from fastmcp.exceptions import NotFoundError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import Tool, ToolResult

from specialists.errors import UnknownTool
from tools.adapter import ERROR_KEY, error_result
from tools.callers import Callers
from tools.names import is_handle

__all__ = ["Admission", "Audit"]

logger = logging.getLogger(__name__)


class Admission(Middleware):
    """A tool that a caller may not use is not there for it."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def on_list_tools(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Sequence[Tool]]
    ) -> Sequence[Tool]:
        """List the caller's tools alone."""
        caller = self._callers.current()
        return [tool for tool in await call_next(context) if caller.may_use(tool.name)]

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, ToolResult]
    ) -> ToolResult:
        """Answer as for a tool that does not exist, where it is not the caller's."""
        if not self._callers.current().may_use(context.message.name):
            return error_result(UnknownTool("There is no tool of that name here."))
        return await call_next(context)


class Audit(Middleware):
    """Writes one JSON object a call: who, which tool, digests of the files' names, how it went.

    No question, path, result or patient data stands in it. A handle stands as it is: it is a
    digest already.

    Args:
        file: Appended to; made readable by its owner alone.
        callers: Who calls; None where callers are not told apart.
    """

    def __init__(self, file: Path, callers: Callers | None = None) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        self._out: IO[str] = file.open("a", encoding="utf-8", buffering=1)
        self._callers = callers

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, ToolResult]
    ) -> ToolResult:
        """Let the call happen and write it down, also one that was refused or cancelled."""
        started, outcome = time.perf_counter(), "cancelled"
        try:
            result = await call_next(context)
            outcome = _outcome(result)
            return result
        except NotFoundError:
            outcome = UnknownTool.code
            raise
        except Exception:
            outcome = "internal_error"
            raise
        finally:
            self._write(context.message, outcome, time.perf_counter() - started)

    def _write(self, message: Any, outcome: str, duration_s: float) -> None:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "caller": self._callers.current().name if self._callers is not None else None,
            "tool": message.name,
            "files": _digests(message.arguments or {}),
            "outcome": outcome,
            "duration_s": round(duration_s, 3),
        }
        self._out.write(json.dumps(line) + "\n")


def _outcome(result: ToolResult) -> str:
    told = (result.meta or {}).get(ERROR_KEY)
    return "done" if told is None else str(told["code"])


def _digests(arguments: Mapping[str, Any]) -> list[str]:
    files = arguments.get("files")
    names = files if isinstance(files, list) else []
    return [_named(name) for name in names if isinstance(name, str)]


def _named(name: str) -> str:
    return name if is_handle(name) else "sha256:" + hashlib.sha256(name.encode()).hexdigest()
