"""A server over HTTP in a process of its own, with four callers."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastmcp import Client
from fastmcp.server.auth.providers.jwt import RSAKeyPair

from tests.servers import free_port
from tools.callers import add_caller

DATA = Path(__file__).parent / "data"
SKIN_TOOLS = ["consult", "inspect_files", "classify_skin_lesion"]


@dataclass(frozen=True)
class Served:
    url: str
    skin: str
    genes: str
    ward: str
    issued: RSAKeyPair
    audit: Path
    pid: int

    def client(self, token: str) -> Client[Any]:
        return Client(f"{self.url}/mcp", auth=token)

    def oauth(self, **claims: Any) -> str:
        said = {"subject": "nurse-7", "issuer": "https://login.example", "audience": "wardround"}
        return self.issued.create_token(**{**said, **claims})


@contextlib.contextmanager
def serving(folder: Path, beside: Served | None = None) -> Iterator[Served]:
    """Start a server; `beside` another, over the same folder and for the same callers."""
    file, issued, port = folder / "callers.json", RSAKeyPair.generate(), free_port()
    if beside is None:
        skin = add_caller(file, "skin-clinic", [DATA / "skin"], SKIN_TOOLS)
        genes = add_caller(file, "genetics", [DATA / "genomics"])
        ward = add_caller(file, "ward", [DATA])
        add_oauth(file, issued, f"http://127.0.0.1:{port}")
    else:
        skin, genes, ward, issued = beside.skin, beside.genes, beside.ward, beside.issued
    audit = folder / "audit.jsonl"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WARDROUND_")}
    set_here = {"CALLERS": file, "STATE_DIR": folder, "AUDIT_FILE": audit, "GEMMA_EMBEDDED": 0}
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "serve", "--http", "--port", str(port)],
        env={**kept, **{f"WARDROUND_{name}": str(value) for name, value in set_here.items()}},
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url)
        yield Served(url, skin, genes, ward, issued, audit, process.pid)
    finally:
        process.terminate()
        process.wait()


def add_oauth(file: Path, issued: RSAKeyPair, base_url: str) -> None:
    said = json.loads(file.read_text())
    said["callers"].append({"name": "nurse", "subject": "nurse-7", "roots": [str(DATA / "skin")]})
    said["oauth"] = {
        "issuer": "https://login.example",
        "audience": "wardround",
        "public_key": issued.public_key,
        "base_url": base_url,
    }
    file.write_text(json.dumps(said))


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the server did not start")
