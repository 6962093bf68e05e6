"""A real HTTP server that answers chats by script: what to say, in order, or what to do wrong."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Script:
    """What the server says, in order, and what it was asked."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        """The last one is said again and again where `repeats` is set."""
        self.repeats = False
        self.statements: list[dict[str, Any]] = []
        """What it composes, whenever it is asked to."""
        self.asked: list[dict[str, Any]] = []
        self.status = 200
        self.kind = "text/event-stream"
        self.finish: str | None = None
        """The reason that the last piece gives for its end."""
        self.pause_s = 0.0
        self.told = 0
        """Pieces that went out."""

    @property
    def plans(self) -> list[dict[str, Any]]:
        """The requests for a plan."""
        return [one for one in self.asked if _wanted(one) == "plan"]

    def next(self, asked: dict[str, Any]) -> str:
        """Give what is said to a request."""
        self.asked.append(asked)
        if _wanted(asked) == "statements" and self.statements:
            return json.dumps({"statements": self.statements})
        if self.repeats and len(self.answers) == 1:
            return self.answers[0]
        return self.answers.pop(0) if self.answers else ""


def _wanted(asked: dict[str, Any]) -> str:
    wanted = asked.get("response_format", {}).get("json_schema", {})
    return str(wanted.get("name", "completion"))


@contextmanager
def scripted_endpoint(script: Script) -> Iterator[str]:
    """Serve a script; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = script.next(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(script.status)
            self.send_header("Content-Type", script.kind)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                if script.kind != "text/event-stream":
                    self.wfile.write(content.encode())
                    return
                for start in range(0, len(content), 20):
                    last = start + 20 >= len(content)
                    self._tell(content[start : start + 20], script.finish if last else None)
                    time.sleep(script.pause_s)
                    script.told += 1
                self.wfile.write(b"data: [DONE]\n\n")

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            one = {"id": "gemma", "object": "model", "created": 1, "owned_by": "test"}
            self.wfile.write(json.dumps({"object": "list", "data": [one]}).encode())

        def _tell(self, piece: str, finish: str | None) -> None:
            delta = {"role": "assistant", "content": piece}
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                     "choices": [choice]}  # fmt: skip
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
