"""What the tools of one server share, and which part of it is the caller's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from specialists import hub
from specialists.host import Host
from specialists.polygenic import library
from specialists.readers import Limits, configure
from tools.calls import Calls
from tools.dicomweb import Archive
from tools.fhir import RecordServer
from tools.files import FileStore
from tools.ledger import Ledger
from tools.pictures import PictureStore

if TYPE_CHECKING:
    from tools.callers import Caller, Callers

__all__ = ["Workshop"]


@dataclass
class Workshop:
    """Files, models and pictures.

    Attributes:
        files: Allowed roots, and the handles given out.
        host: The loaded models, shared by all callers.
        pictures: Of the latest results.
        callers: Who may call, where the server tells callers apart.
        calls: Under way or just answered, for a caller who lost the connection.
    """

    files: FileStore = field(default_factory=FileStore)
    host: Host = field(default_factory=Host)
    pictures: PictureStore = field(default_factory=PictureStore)
    callers: Callers | None = None
    calls: Calls = field(default_factory=Calls)
    shared: Path | None = None
    """Folder in which what callers were given lies, for other processes that serve them."""
    _rooms: dict[str, Workshop] = field(default_factory=dict)

    @classmethod
    def create(
        cls,
        roots: Iterable[Path] = (),
        device: str = "auto",
        memory_gib: float | None = None,
        read_limits: Mapping[str, float] | None = None,
        archive: Archive | None = None,
        records: RecordServer | None = None,
        score_downloads: bool = True,
        models: Path | None = None,
        endpoints: Mapping[str, tuple[str, str, str]] | None = None,
        calibrated: bool = True,
    ) -> Workshop:
        """Set a workshop up from plain settings.

        Args:
            roots: Folders in which callers may name files.
            device: Torch device, 'auto', or devices by tool.
            memory_gib: Budget over the models on each device; None: what the device has.
            read_limits: Fields of `specialists.readers.Limits`.
            archive: A DICOMweb server whose studies may be named.
            records: A FHIR server whose patients may be named.
            score_downloads: Scores may be fetched from the PGS Catalog by their id.
            models: Folder of hub models.
            endpoints: Hub ids that servers serve: URL, the model's name there, API key.
            calibrated: Whether calibrations on the user's own cases are used.
        """
        if not score_downloads:
            library.configure(address=None)
        served = {model: hub.Endpoint(*told) for model, told in (endpoints or {}).items()}
        hub.configure(models, served)
        if read_limits:
            configure(Limits(**read_limits))  # type: ignore[arg-type]
        files = FileStore(roots, archive, records)
        return cls(files=files, host=Host(device, memory_gib, calibrated))

    def here(self) -> Workshop:
        """The part of whoever is calling: own roots, handles and pictures, the same models.

        To be asked in the request's own task, not in a thread of it.

        Raises:
            NotAuthorised: If the server tells callers apart, and this one is unknown.
        """
        return self if self.callers is None else self.of(self.callers.current())

    def of(self, caller: Caller) -> Workshop:
        """The part of one caller."""
        if caller.name not in self._rooms:
            archive = self.files.archive
            own = archive.of(caller.name) if archive is not None and caller.dicomweb else None
            records = self.files.records
            known = records.of(caller.name) if records is not None and caller.fhir else None
            self._rooms[caller.name] = self._room(caller, own, known)
        return self._rooms[caller.name]

    def _room(
        self, caller: Caller, archive: Archive | None, records: RecordServer | None
    ) -> Workshop:
        if self.shared is None:
            return Workshop(FileStore(caller.roots, archive, records), self.host)
        place = self.shared / "callers" / caller.name
        # What was sent or fetched for the caller may be read by each process that serves it.
        own = [self.shared / kind / caller.name for kind in ("uploads", "dicomweb", "fhir")]
        ledger = Ledger(place / "handles")
        files = FileStore([*caller.roots, *own], archive, records, ledger)
        return Workshop(files, self.host, PictureStore(folder=place / "pictures"))
