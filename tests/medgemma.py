"""A stand-in for a server of MedGemma: notes what it is asked, and answers by what was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPORT = """<unused94>thought
The user wants a description. I look at the lungs, the heart and the bones.<unused95>**Findings:**

The heart is enlarged. There is a small right pleural effusion. No pneumothorax. Patchy opacity in \
the left lower lobe may represent pneumonia.

**Impression:** Cardiomegaly and a right pleural effusion."""
BOXES = """<unused94>thought
Cardiomegaly is central.<unused95>```json
[
  {"box_2d": [400, 300, 800, 750], "label": "cardiomegaly"},
  {"box_2d": [600, 100, 850, 300], "label": "right pleural effusion"},
  {"box_2d": [600, 100, 850], "label": "cardiomegaly"}
]
```"""
COMPARISON = "The right pleural effusion is new. The heart is unchanged."
CT_REPORT = """FINDINGS: There is a 9 mm nodule in the right upper lobe. No pleural effusion.
IMPRESSION: Right upper lobe nodule."""
ANSWER = "The left lung."


class Handler(BaseHTTPRequestHandler):
    """Speaks as much of the API as the client uses."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server: Any = self.server
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append(asked | {"key": self.headers["Authorization"]})
        if server.status != 200:
            self._send(server.status, "application/json", b'{"error": {"message": "no"}}')
        elif server.page is not None:
            self._send(200, "text/html", server.page)
        elif asked.get("stream"):
            self._stream(server.answer(asked))
        else:
            body = _first(asked["model"], server.letters(asked))
            self._send(200, "application/json", json.dumps(body).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, text: str) -> None:
        server: Any = self.server
        chunks = [_chunk({"content": piece}) for piece in text.splitlines(keepends=True)]
        chunks += [_chunk({}, server.ended), "data: [DONE]\n\n"]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        try:
            for chunk in chunks:
                self.wfile.write(chunk.encode())
                server.pause.wait(server.pause_s)
        except OSError:
            server.hung_up.set()

    def log_message(self, format: str, *args: object) -> None:
        return


def _chunk(delta: dict[str, str], ended: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": ended}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [choice]}  # fmt: skip
    return f"data: {json.dumps(chunk)}\n\n"


def _first(model: str, told: dict[str, float] | None) -> dict[str, Any]:
    alternatives = [{"token": t, "logprob": p, "bytes": None} for t, p in (told or {}).items()]
    first = {"token": "A", "logprob": 0.0, "bytes": None, "top_logprobs": alternatives}
    choice = {
        "index": 0,
        "finish_reason": "length",
        "message": {"role": "assistant", "content": "A"},
        "logprobs": {"content": [first]} if told is not None else None,
    }
    return {"id": "1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [choice]}  # fmt: skip


def words_of(asked: dict[str, Any]) -> list[str]:
    """The message's texts, with '[picture]' where a picture stands."""
    parts = asked["messages"][0]["content"]
    return [part.get("text", "[picture]") for part in parts]


class Standin(ThreadingHTTPServer):
    """The server; what it says can be set."""

    daemon_threads = True

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, handler: type[Handler] = Handler
    ) -> None:
        super().__init__((host, port), handler)
        self.asked: list[dict[str, Any]] = []
        self.status, self.page = 200, None
        self.report = REPORT
        self.boxes = BOXES
        self.told: dict[str, float] | None = {"B": -0.2, " B": -3.0, "A": -2.5, "The": -3.5}
        self.blind = False
        self.ended = "stop"
        self.pause, self.pause_s = threading.Event(), 0.0
        """How long it waits between two pieces of an answer; ends when set."""
        self.hung_up = threading.Event()
        """Set where a client went away before the end."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def answer(self, asked: dict[str, Any]) -> str:
        last = words_of(asked)[-1]
        if last == "Describe this X-ray":
            return self.report
        if "box_2d" in last:
            return self.boxes
        if last.startswith("The first image"):
            return COMPARISON
        if last.startswith("From the slices"):
            return CT_REPORT
        return ANSWER

    def letters(self, asked: dict[str, Any]) -> dict[str, float] | None:
        if words_of(asked)[-1] != "What does this picture show?" or self.told is None:
            return self.told
        # A blank picture is a shorter PNG than another.
        length = len(asked["messages"][0]["content"][0]["image_url"]["url"])
        return {"The": -0.1 if self.blind else -length / 1e5, "It": -2.0}


@contextmanager
def standin() -> Iterator[Standin]:
    """Serve until the end of the block."""
    server = Standin()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
