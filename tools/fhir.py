"""Patients of a FHIR R4 server: how much there is of each type first, then only what a call wants.

What is fetched is written to disk, a file a type, and is read by the limited reader processes.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specialists.errors import FileMissing, FileTooLarge, ServerUnreachable
from specialists.readers.record import COUNTS, PARTS
from tools.names import record_in

if TYPE_CHECKING:
    import httpx2

__all__ = ["RecordServer"]

_FILE = "record.json"
_PAGE = 200
_MOST_PAGES = 200
_TIMEOUT_S = 60.0
_GONE = (404, 410)
_WITH = {"MedicationRequest": "medication", "MedicationStatement": "medication"}
"""References whose targets come with a search (`_include`)."""


@dataclass
class RecordServer:
    """A FHIR server.

    Args:
        url: Its base, such as http://ehr:8080/fhir.
        folder: Where what was fetched lies.
        authorization: Value of the Authorization header, where the server wants one.
        limit_bytes: Most to fetch of one type.
        fresh_s: How long what was fetched is used again.
    """

    url: str
    folder: Path
    authorization: str | None = None
    limit_bytes: int = 64 * 2**20
    fresh_s: float = 600.0

    def of(self, name: str) -> RecordServer:
        """The same server for one caller: what was fetched is its own."""
        return RecordServer(
            self.url, self.folder / name, self.authorization, self.limit_bytes, self.fresh_s
        )

    def fetch(self, reference: str) -> Path:
        """Fetch who the patient is, and how much the record has of each type; give the file.

        Args:
            reference: `fhir:ID`, the logical id of a Patient.

        Raises:
            FileMissing: If the server has no such patient.
            ServerUnreachable: If it does not answer as it should.
        """
        patient = record_in(reference)
        place = self.folder / hashlib.sha256(patient.encode()).hexdigest()[:32] / _FILE
        if self._fresh(place):
            return place
        with self._open() as client:
            person = self._get(client, f"{self.url}/Patient/{patient}", self.limit_bytes)
            counts = {
                kind: self._count(client, kind, patient)
                for kinds in PARTS.values()
                for kind in kinds
            }
        entry = [{"resource": person}]
        _write(place, {"resourceType": "Bundle", "type": "collection", "entry": entry,
                       COUNTS: {kind: n for kind, n in counts.items() if n}})  # fmt: skip
        return place

    def fill(self, record: Path, parts: Sequence[str]) -> None:
        """Fetch parts of a record beside it, a search a type; other files are left alone.

        Raises:
            FileTooLarge: If there is more than may be.
            ServerUnreachable: If the server does not answer as it should.
        """
        if not record.is_relative_to(self.folder.resolve()):
            return
        known = json.loads(record.read_bytes())
        patient, counts = known["entry"][0]["resource"]["id"], known[COUNTS]
        kinds = [kind for part in parts for kind in PARTS[part] if kind in counts]
        missing = [kind for kind in kinds if not self._fresh(record.with_name(f"{kind}.json"))]
        with self._open() as client:
            for kind in missing:
                entries = self._search(client, kind, patient)
                found = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
                _write(record.with_name(f"{kind}.json"), found)

    def _count(self, client: httpx2.Client, kind: str, patient: str) -> int:
        query = {"patient": patient, "_summary": "count"}
        found = self._get(client, f"{self.url}/{kind}", 2**20, query, unknown={})
        total = found.get("total", 0)
        return total if isinstance(total, int) else 0

    def _search(self, client: httpx2.Client, kind: str, patient: str) -> list[Any]:
        """Everything of one type, page by page."""
        query = {"patient": patient, "_count": str(_PAGE)}
        if kind in _WITH:
            query["_include"] = f"{kind}:{_WITH[kind]}"
        address: str | None = f"{self.url}/{kind}"
        entries: list[Any] = []
        left = self.limit_bytes
        for _ in range(_MOST_PAGES):
            if address is None:
                return entries
            page = self._get(client, address, left, query)
            entries += page.get("entry") or []
            left -= len(json.dumps(page))
            query, address = {}, self._next(page)
        raise FileTooLarge("The record is larger than may be fetched.")

    def _next(self, page: dict[str, Any]) -> str | None:
        """The next page, on the same server and nowhere else."""
        for link in page.get("link") or []:
            if isinstance(link, dict) and link.get("relation") == "next":
                address = str(link.get("url"))
                if not address.startswith((f"{self.url}/", f"{self.url}?")):
                    raise ServerUnreachable("The FHIR server names a page on another server.")
                return address
        return None

    def _get(
        self,
        client: httpx2.Client,
        address: str,
        limit: int,
        query: dict[str, str] | None = None,
        unknown: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """One resource; what the HTTP library says of the address goes no further."""
        import httpx2

        try:
            with client.stream("GET", address, params=query or None) as response:
                if unknown is not None and response.status_code in (400, 404):
                    return unknown  # a type that the server does not have
                if response.status_code in _GONE:
                    raise FileMissing("The FHIR server has no such patient.")
                response.raise_for_status()
                body = _limited(response, limit)
            found = json.loads(body)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
            raise ServerUnreachable("The FHIR server does not answer as it should.") from None
        return found if isinstance(found, dict) else {}

    def _open(self) -> httpx2.Client:
        import httpx2

        headers = {"Accept": "application/fhir+json"}
        if self.authorization:
            headers["Authorization"] = self.authorization
        return httpx2.Client(headers=headers, timeout=_TIMEOUT_S, follow_redirects=False)

    def _fresh(self, file: Path) -> bool:
        return file.exists() and time.time() - file.stat().st_mtime < self.fresh_s


def _limited(response: httpx2.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > limit:
            raise FileTooLarge("The record is larger than may be fetched.")
    return bytes(body)


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    coming = file.with_name(file.name + ".coming")
    coming.touch(mode=0o600)
    coming.write_text(json.dumps(content), encoding="utf-8")
    coming.replace(file)
