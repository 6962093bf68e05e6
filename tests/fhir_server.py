"""A stand-in for a FHIR R4 server: one patient, search by type with counts and pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "Bearer of-the-ward"


@dataclass
class Ehr:
    """What the server has, how it answers, and what it was asked."""

    resources: list[dict[str, Any]]
    page: int = 2
    elsewhere: str = ""
    """Where the next page is said to be, instead of here."""
    status: int = 200
    asked: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, bundle: Path) -> Ehr:
        """Serve a Bundle's resources."""
        text = bundle.read_text("utf-8").replace("urn:uuid:p", "Patient/pat-4711")
        entries = json.loads(text)["entry"]
        return cls([one["resource"] for one in entries])

    def search(self, kind: str, query: dict[str, str], base: str) -> dict[str, Any]:
        """A search by patient."""
        found = [one for one in self.resources if one["resourceType"] == kind]
        if query.get("_summary") == "count":
            return {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
        start = int(query.get("page", 0)) * self.page
        bundle: dict[str, Any] = {
            "resourceType": "Bundle",
            "entry": [{"resource": one} for one in found[start : start + self.page]],
        }
        if query.get("_include"):
            named = [one for one in self.resources if one["resourceType"] == "Medication"]
            bundle["entry"] += [{"resource": one} for one in named]
        if start + self.page < len(found):
            following = f"{self.elsewhere or base}/{kind}?page={int(query.get('page', 0)) + 1}"
            bundle["link"] = [{"relation": "next", "url": following}]
        return bundle


@contextmanager
def fhir_server(ehr: Ehr) -> Iterator[str]:
    """Serve it on loopback; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            ehr.asked.append(self.path)
            _, _, kind, *rest = asked.path.split("/")
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            if self.headers.get("Authorization") != TOKEN:
                return self._tell(401, {})
            if rest:
                known = [one for one in ehr.resources if one.get("id") == rest[0]]
                return self._tell(200 if known else 404, known[0] if known else {})
            return self._tell(ehr.status, ehr.search(kind, query, base))

        def _tell(self, status: int, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    base = f"http://127.0.0.1:{server.server_port}/fhir"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield base
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
