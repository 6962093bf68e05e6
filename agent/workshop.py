"""The tools' workshop in this process, the DICOMweb and the FHIR server, as the settings say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.settings import Settings
from tools.dicomweb import Archive
from tools.fhir import RecordServer
from tools.names import is_path
from tools.server import Workshop

__all__ = ["archive", "located", "records", "workshop"]


def workshop(settings: Settings) -> Workshop:
    """Set it up; nothing is loaded or reached yet."""
    return Workshop.create(
        settings.roots,
        settings.device,
        settings.memory_gib,
        settings.read_limits,
        archive(settings),
        records(settings),
        settings.score_downloads,
        settings.models_dir,
        settings.model_endpoints,
        settings.calibrations,
    )


def archive(settings: Settings) -> Archive | None:
    """The DICOMweb server of the settings, where they name one."""
    if not settings.dicomweb_url:
        return None
    return Archive(
        settings.dicomweb_url.rstrip("/"),
        settings.thread_file.parent / "dicomweb",
        settings.dicomweb_authorization,
    )


def records(settings: Settings) -> RecordServer | None:
    """The FHIR server of the settings, where they name one."""
    if not settings.fhir_url:
        return None
    return RecordServer(
        settings.fhir_url.rstrip("/"),
        settings.thread_file.parent / "fhir",
        settings.fhir_authorization,
    )


def located(files: Sequence[str | Path], settings: Settings) -> list[Path]:
    """Where the files lie that a user named: studies and records of servers are fetched.

    Raises:
        WardroundError: If a study can't be fetched.
    """
    store = workshop(settings).files
    return [
        path
        for file in files
        for path in (store.paths(str(file)) if not is_path(str(file)) else [Path(file)])
    ]
