"""The workshop of the tools that run in this process, from the settings."""

from __future__ import annotations

from agent.settings import Settings
from tools.dicomweb import Archive
from tools.server import Workshop

__all__ = ["workshop"]


def workshop(settings: Settings) -> Workshop:
    """Set it up; nothing is loaded or reached yet."""
    archive = None
    if settings.dicomweb_url:
        archive = Archive(
            settings.dicomweb_url.rstrip("/"),
            settings.thread_file.parent / "dicomweb",
            settings.dicomweb_authorization,
        )
    return Workshop.create(
        settings.roots, settings.device, settings.memory_gib, settings.read_limits, archive
    )
