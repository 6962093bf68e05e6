"""What is this file, and which specialists take it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from specialists.acceptance import refusal
from specialists.base import SpecialistSpec
from specialists.schema import InspectedFile, Inspection, Manifest
from tools.files import FileStore, Held
from tools.recognition import complete

__all__ = ["inspect_files"]


def inspect_files(
    store: FileStore, specs: Mapping[str, SpecialistSpec], names: Sequence[str]
) -> Inspection:
    """Look at what the caller named. A file that can't be read is an entry, not a failure.

    Raises:
        InvalidInput: If a name is outside the roots, leads nowhere, or is an unknown handle.
    """
    held = [complete(store, one) for one in store.find(names)]
    return Inspection(files=tuple(_described(one, specs) for one in held))


def _described(held: Held, specs: Mapping[str, SpecialistSpec]) -> InspectedFile:
    error = held.found.error
    if held.found.manifest is None or error is not None:
        code, message = (error.code, error.client_message) if error else ("unreadable_file", "")
        return InspectedFile(handle=held.handle, error_code=code, error=message)
    reasons = {name: _why_not(spec, held.found.manifest) for name, spec in specs.items()}
    return InspectedFile(
        handle=held.handle,
        manifest=held.found.manifest,
        accepted_by=tuple(name for name, reason in reasons.items() if reason is None),
        refused_by={name: reason for name, reason in reasons.items() if reason is not None},
    )


def _why_not(spec: SpecialistSpec, manifest: Manifest) -> str | None:
    """None if some role of the specialist takes the file; else the reason of the main role."""
    reasons = [refusal(accepts, manifest) for accepts in spec.accepts]
    return None if None in reasons else reasons[0]
