"""Studies of a DICOMweb server (PS3.18): searched (QIDO-RS), fetched (WADO-RS), stored (STOW-RS).

What is fetched is written to disk as it comes and is read later by the limited reader processes,
like any other file. What is found has no name, ID, date or UID: a study and its series are named
by handles.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field

from specialists.errors import (
    BackendUnavailable,
    FileMissing,
    FileTooLarge,
    InvalidInput,
    ServerUnreachable,
    TruncatedFile,
    UnknownHandle,
)
from specialists.schema import Data
from tools.ledger import Ledger
from tools.names import uids_in

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient
    from pydicom import Dataset

__all__ = ["Archive", "FoundSeries", "FoundStudies", "FoundStudy", "StudyQuery"]

_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_CHUNK = 2**18
_TIMEOUT_S = (10, 120)


class StudyQuery(BaseModel):
    """What to look for; a study must fit all that is given."""

    model_config = ConfigDict(extra="forbid", title="find_studies")

    patient_id: str | None = Field(None, max_length=64, description="Patient ID (0010,0020).")
    accession_number: str | None = Field(
        None, max_length=16, description="Accession Number (0008,0050)."
    )
    study_date: str | None = Field(
        None,
        pattern=r"^\d{8}(-\d{8})?$",
        description="Study Date (0008,0020): YYYYMMDD, or a range YYYYMMDD-YYYYMMDD.",
    )
    modality: str | None = Field(
        None, pattern="^[A-Z]{2,4}$", description="Modality (0008,0060), such as CT, DX, SM."
    )
    limit: int = Field(10, ge=1, le=50, description="Most studies to give.")

    def filters(self) -> dict[str, str]:
        """The query's attributes, as QIDO-RS names them."""
        said = {
            "PatientID": self.patient_id,
            "AccessionNumber": self.accession_number,
            "StudyDate": self.study_date,
            "ModalitiesInStudy": self.modality,
        }
        return {name: value for name, value in said.items() if value}


class FoundSeries(Data):
    """One series of a study."""

    handle: str
    """Names the series' files for other tools."""
    modality: str | None = None
    body_part: str | None = None
    instances: int | None = None


class FoundStudy(Data):
    """One study, without who it is of."""

    handle: str
    """Names all of the study's files for other tools."""
    series: tuple[FoundSeries, ...]


class FoundStudies(Data):
    """What `find_studies` gives back."""

    studies: tuple[FoundStudy, ...]


@dataclass
class Archive:
    """A DICOMweb server.

    Args:
        url: Its base, such as http://pacs:8042/dicom-web.
        folder: Where what was fetched lies.
        authorization: Value of the Authorization header, where the server wants one.
        limit_bytes: Most to fetch for one reference.
        fresh_s: How long what was fetched is used again.
    """

    url: str
    folder: Path
    authorization: str | None = None
    limit_bytes: int = 4 * 2**30
    fresh_s: float = 600.0
    _ledger: Ledger = field(init=False)
    _client: DICOMwebClient | None = None

    def __post_init__(self) -> None:
        self._ledger = Ledger(self.folder / "handles")

    def of(self, name: str) -> Archive:
        """The same server for one caller: handles and what was fetched are its own."""
        return Archive(
            self.url, self.folder / name, self.authorization, self.limit_bytes, self.fresh_s
        )

    def find(self, query: StudyQuery) -> list[FoundStudy]:
        """Search for studies.

        Raises:
            InvalidInput: If the query says nothing: a whole archive is no answer.
            ServerUnreachable: If the server does not answer as it should.
        """
        filters = query.filters()
        if not filters:
            raise InvalidInput(
                "Say what to look for: patient_id, accession_number, study_date or modality."
            )
        with _told():
            found = self._open().search_for_studies(search_filters=filters, limit=query.limit)
            return [self._study(_value(one, "0020000D")) for one in found]

    def fetch(self, reference: str) -> Path:
        """Fetch a study, series or instance and give the folder that it lies in.

        Args:
            reference: `dicomweb:STUDY[/SERIES[/INSTANCE]]` with UIDs, or a handle of `find`.

        Raises:
            UnknownHandle: If the handle was not given out.
            FileMissing: If the server has no such thing.
            FileTooLarge: If it is larger than it may be.
            ServerUnreachable, TruncatedFile: If the server fails.
        """
        uids = self._uids_of(reference)
        place = self.folder / hashlib.sha256("/".join(uids).encode()).hexdigest()[:32]
        if place.exists() and time.time() - place.stat().st_mtime < self.fresh_s:
            return place
        coming = place.with_name(place.name + ".coming")
        shutil.rmtree(coming, ignore_errors=True)
        coming.mkdir(parents=True, mode=0o700)
        try:
            self._save(uids, coming)
            shutil.rmtree(place, ignore_errors=True)
            coming.rename(place)
        finally:
            shutil.rmtree(coming, ignore_errors=True)
        return place

    def store(self, datasets: Sequence[Dataset]) -> None:
        """Store instances, such as a structured report.

        Raises:
            ServerUnreachable: If the server does not take them.
        """
        with _told():
            self._open().store_instances(list(datasets))

    def _study(self, study: str) -> FoundStudy:
        series = self._open().search_for_series(study)
        return FoundStudy(
            handle=self._handle("study", study),
            series=tuple(self._series(study, one) for one in series),
        )

    def _series(self, study: str, found: Mapping[str, Any]) -> FoundSeries:
        instances = _value(found, "00201209")
        return FoundSeries(
            handle=self._handle("series", study, _value(found, "0020000E")),
            modality=_value(found, "00080060") or None,
            body_part=_value(found, "00180015") or None,
            instances=int(instances) if instances else None,
        )

    def _handle(self, kind: str, *uids: str) -> str:
        handle = f"{kind}-{hashlib.sha256('/'.join(uids).encode()).hexdigest()[:16]}"
        self._ledger.note(handle, {"uids": uids})
        return handle

    def _uids_of(self, reference: str) -> tuple[str, ...]:
        known = uids_in(reference)
        told = None if known else self._ledger.recall(reference)
        if not known and not told:
            raise UnknownHandle("This handle was not given out here. Search for the study again.")
        return known or tuple(str(uid) for uid in (told or {})["uids"])

    def _save(self, uids: Sequence[str], folder: Path) -> None:
        names = ("studies", "series", "instances")
        path = "/".join(f"{name}/{uid}" for name, uid in zip(names, uids, strict=False))
        with (
            _told(),
            self._session().get(
                f"{self.url}/{path}", headers={"Accept": _ACCEPT}, stream=True, timeout=_TIMEOUT_S
            ) as response,
        ):
            if response.status_code == 404:
                raise FileMissing("The DICOMweb server has no such study, series or instance.")
            response.raise_for_status()
            mark = _boundary(response.headers.get("Content-Type", ""))
            _save_parts(response.iter_content(_CHUNK), mark, folder, self.limit_bytes)

    def _session(self) -> Any:
        return self._open()._session

    def _open(self) -> DICOMwebClient:
        if self._client is None:
            try:
                from dicomweb_client import DICOMwebClient
            except ImportError:
                raise BackendUnavailable(
                    'DICOMweb needs an extra: pip install "wardround[dicomweb]".'
                ) from None
            headers = {"Authorization": self.authorization} if self.authorization else None
            self._client = DICOMwebClient(self.url, headers=headers)
            self._client.set_http_retry_params(max_attempts=2, wait_exponential_multiplier=100)
        return self._client


class _told:
    """Turns what the HTTP library raises into errors of our tree, without the URL and its UIDs."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, _: object) -> None:
        from requests import RequestException

        if kind is not None and issubclass(kind, RequestException):
            raise ServerUnreachable("The DICOMweb server does not answer as it should.") from None


def _value(found: Mapping[str, Any], tag: str) -> str:
    values = found.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _boundary(content_type: str) -> bytes:
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if not content_type.startswith("multipart/related") or found is None:
        raise ServerUnreachable("The DICOMweb server does not answer in parts.")
    return b"\r\n--" + found[1].encode()


def _save_parts(chunks: Iterable[bytes], mark: bytes, folder: Path, limit_bytes: int) -> None:
    """Write each part of a multipart body (RFC 2046) to a file of its own, as it comes."""
    names = (folder / f"{number:06d}.dcm" for number in range(10**6))
    buffer, out, written, ended = bytearray(b"\r\n"), None, 0, False
    try:
        for chunk in chunks:
            written += len(chunk)
            if written > limit_bytes:
                raise FileTooLarge(f"More than {limit_bytes / 2**30:g} GiB would be fetched.")
            buffer += chunk
            out, ended = _consume(buffer, mark, out, names)
            if ended:
                return
    finally:
        if out is not None:
            out.close()
    raise TruncatedFile("The DICOMweb server broke off.")


def _consume(
    buffer: bytearray, mark: bytes, out: BinaryIO | None, names: Iterator[Path]
) -> tuple[BinaryIO | None, bool]:
    """Write what can be told apart of the buffer; give the open part, and whether it was all."""
    while True:
        at = buffer.find(mark)
        if out is not None:
            ready = at if at >= 0 else max(0, len(buffer) - len(mark))
            out.write(buffer[:ready])
            del buffer[:ready]
            if at < 0:
                return out, False
            out.close()
            out, at = None, 0
        if at >= 0 and buffer[at + len(mark) :].startswith(b"--"):
            return None, True
        end = buffer.find(b"\r\n\r\n", at + len(mark)) if at >= 0 else -1
        if end < 0:
            return None, False
        del buffer[: end + 4]
        out = next(names).open("wb")
