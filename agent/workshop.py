"""The tools' workshop in this process, and the DICOMweb server, as the settings say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.settings import Settings
from tools.dicomweb import Archive
from tools.names import is_study
from tools.server import Workshop

__all__ = ["archive", "located", "workshop"]


def workshop(settings: Settings) -> Workshop:
    """Set it up; nothing is loaded or reached yet."""
    return Workshop.create(
        settings.roots,
        settings.device,
        settings.memory_gib,
        settings.read_limits,
        archive(settings),
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


def located(files: Sequence[str | Path], settings: Settings) -> list[Path]:
    """Where the files lie that a user named: studies of the DICOMweb server are fetched.

    Raises:
        WardroundError: If a study can't be fetched.
    """
    store = workshop(settings).files
    return [
        path
        for file in files
        for path in (store.paths(str(file)) if is_study(str(file)) else [Path(file)])
    ]
