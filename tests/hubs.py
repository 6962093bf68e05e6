"""A stand-in for the models' hub: as much of its API as fetching a model asks of it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from safetensors.numpy import save

COMMIT, NEWER = "a" * 40, "b" * 40
READER, STRANGER = "hf_reader", "hf_stranger"
"""Tokens of an account that accepted all terms, and of one that accepted none."""


def weights(seed: int = 0, kib: int = 300) -> bytes:
    import numpy as np

    values = np.random.default_rng(seed).normal(size=kib * 256).astype(np.float32)
    return save({"weight": values})


@dataclass
class Repository:
    """One model at its commits, the newest last."""

    files: dict[str, dict[str, bytes]]
    gated: bool = False
    licence: str = "mit"


@dataclass
class StandInHub:
    """What it has, what it was asked, and what it is to do wrong."""

    url: str = ""
    models: dict[str, Repository] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and Range of each request."""
    break_after: list[int] = field(default_factory=list)
    """The next answers with a file end after so many bytes."""
    ranges: bool = True
    spoil: bool = False
    """Files come with a wrong byte."""

    def add(self, name: str, *, gated: bool = False, licence: str = "mit") -> dict[str, bytes]:
        """Put a model there, small, with pickles and code beside its weights."""
        files = {
            "config.json": b'{"model_type": "tiny"}\n',
            "model.safetensors": weights(),
            "pytorch_model.bin": b"pickle",
            "modeling.py": b"print('code')\n",
            "README.md": b"# Card\n",
        }
        self.models[name] = Repository({COMMIT: files}, gated, licence)
        return files

    def fetched(self) -> list[str]:
        """Paths of the files that were asked for."""
        return [path.split("/", 5)[-1] for _, path, _ in self.asked if "/resolve/" in path]


@contextmanager
def standing_in() -> Iterator[StandInHub]:
    hub = StandInHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: StandInHub

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, self.headers.get("Range", "")))
        if self.headers.get("Authorization") not in (None, *_BEARERS):
            self._refuse(401, message="Invalid credentials in Authorization header")
        elif path.startswith("/api/models/"):
            self._describe(path.removeprefix("/api/models/"))
        else:
            self._send_file(path)

    def _describe(self, path: str) -> None:
        name, _, revision = path.partition("/revision/")
        model = self.hub.models.get(name)
        if model is None:
            self._refuse(404, "RepoNotFound")
            return
        commit = self._commit(model, revision or "main")
        if commit is None:
            self._refuse(404, "RevisionNotFound")
            return
        told = {
            "id": name,
            "sha": commit,
            "gated": "auto" if model.gated else False,
            "private": False,
            "tags": [],
            "downloads": 0,
            "cardData": {"license": model.licence},
            "siblings": [_sibling(*one) for one in model.files[commit].items()],
        }
        self._send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _send_file(self, path: str) -> None:
        owner, name, _, revision, file = path.lstrip("/").split("/", 4)
        model = self.hub.models[f"{owner}/{name}"]
        if model.gated and self.headers.get("Authorization") != _BEARERS[0]:
            self._refuse(401 if "Authorization" not in self.headers else 403, "GatedRepo")
            return
        content = model.files[self._commit(model, revision) or COMMIT][file]
        if self.hub.spoil:
            content = content[:-1] + bytes([content[-1] ^ 1])
        headers = {"ETag": '"x"', "X-Repo-Commit": revision}
        first = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-")
        if "Range" in self.headers and self.hub.ranges:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            self._send(206, content[int(first) :], headers, cut=True)
        else:
            self._send(200, content, headers, cut=True)

    def _commit(self, model: Repository, revision: str) -> str | None:
        return list(model.files)[-1] if revision == "main" else (
            revision if revision in model.files else None
        )  # fmt: skip

    def _refuse(self, status: int, code: str = "", message: str = "") -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": message})

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], *, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if cut and self.hub.break_after:
            self.wfile.write(body[: self.hub.break_after.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


_BEARERS = tuple(f"Bearer {token}" for token in (READER, STRANGER))


def _sibling(name: str, content: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    told: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": blob.hexdigest()}
    if name.endswith((".safetensors", ".bin")):
        told["lfs"] = {
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "pointerSize": 134,
        }
    return told
