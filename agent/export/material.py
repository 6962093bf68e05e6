"""What an export is made of: the answer, and what is fetched for it at export time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.answer import Answer, Attachment, Call
from specialists.errors import InvalidInput
from specialists.schema import Evidence, Manifest, Provenance
from tools.origin import Origin, find_origins

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["Device", "Material", "Replayed", "device_of", "devices", "gather", "version"]

_SAME = ("kind", "format", "modality", "rows", "columns", "frames", "samples", "variants")
_MOVED = (
    "A file given is not one that was asked about, or was moved or changed since. Say "
    "--same-files (same_files=True) if it is a copy of one."
)


@dataclass(frozen=True)
class Replayed:
    """A call of the answer's plan, made again on the source files."""

    call: Call
    structured: Mapping[str, Any]
    masks: tuple[bytes, ...] = ()
    """Label maps, as the result links them."""


@dataclass(frozen=True, repr=False)
class Material:
    """All that an export may say. Has no repr: it may hold identifiers."""

    answer: Answer
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """The source files by attachment, where they were given."""
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """PNG bytes by URI."""
    replayed: tuple[Replayed, ...] = ()
    identified: bool = False
    """Whether HTML and Markdown name the patient."""
    review: Mapping[str, Any] | None = None
    """A reader's review of the answer, as the interactive page saved it."""
    moved: bool = False
    """Whether a file is another than at the question, by its handle: a copy, as the caller says."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def header(self) -> Dataset | None:
        """The header that names patient and study; None where no DICOM file was given."""
        return next((each.headers[0] for each in self.origins.values() if each.headers), None)

    def headers(self, attachment: str | None) -> Sequence[Dataset]:
        """The headers of an attachment's images."""
        origin = self.origins.get(attachment or "")
        return origin.headers if origin else ()


@dataclass(frozen=True)
class Device:
    """A model that was consulted, with the tool that it answered for."""

    tool: str
    model: Provenance


def devices(answer: Answer) -> list[Device]:
    """The models of an answer, in order, each once."""
    models = answer.provenance.models
    return [Device(tool, model) for tool, used in models.items() for model in dict.fromkeys(used)]


def device_of(answer: Answer, evidence: Evidence) -> Device | None:
    """The model that gave a piece of evidence; None where that can't be told."""
    used = list(answer.provenance.models.get(evidence.tool, ()))
    fact = answer.facts.get(evidence.id)
    if fact is not None and fact.backend is not None:
        used = [model for model in used if model.backend == fact.backend]
    if len(set(used)) == 1:
        return Device(evidence.tool, used[0])
    calls = [call for call in answer.plan.calls if call.tool == evidence.tool]
    if len(calls) != len(used):
        return None
    first = [call.attachments[0] if call.attachments else None for call in calls]
    if first.count(evidence.attachment) != 1:
        return None
    return Device(evidence.tool, used[first.index(evidence.attachment)])


def version(answer: Answer) -> str:
    """The version of wardround that gave the answer."""
    return answer.provenance.versions.get("wardround", "0")


def gather(
    answer: Answer,
    files: Sequence[str | Path] = (),
    *,
    identified: bool = False,
    same_files: bool = False,
) -> Material:
    """Read the source files' headers, and find out which attachment each file is.

    Args:
        answer: What the agent gave back, now or earlier.
        files: The files that were asked about, as they were named then.
        identified: Let HTML and Markdown name the patient.
        same_files: Take files that were moved or copied for the ones that were asked about,
            where kind and size agree; the answer's calls are then made again on them.

    Raises:
        InvalidInput: If a file is not one of the answer's.
        MixedPatients: If the files are of more than one patient.
    """
    if identified and not files:
        raise InvalidInput("Naming the patient needs the source files: name them.")
    origins = find_origins([Path(file) for file in files]) if files else []
    found = _matched(answer, origins, same_files)
    handles = {one.id: one.handle for one in answer.attachments}
    moved = any(handles[name] != origin.handle for name, origin in found.items())
    material = Material(answer, found, identified=identified, moved=moved)
    if identified and material.header is None:
        raise InvalidInput("None of the files names a patient: only DICOM files do.")
    return material


def _matched(answer: Answer, origins: Sequence[Origin], same_files: bool) -> dict[str, Origin]:
    left = [each for each in answer.attachments if each.manifest is not None]
    found: dict[str, Origin] = {}
    for origin in origins:
        attachment = next(_candidates(left, origin, same_files), None)
        if attachment is None:
            raise InvalidInput(_MOVED)
        found[attachment.id] = origin
        left.remove(attachment)
    return dict(sorted(found.items()))


def _candidates(
    attachments: Sequence[Attachment], origin: Origin, same_files: bool
) -> Iterator[Attachment]:
    yield from (each for each in attachments if each.handle == origin.handle)
    if same_files:
        facts = _facts(origin.manifest)
        yield from (
            each for each in attachments if each.manifest and _facts(each.manifest) == facts
        )


def _facts(manifest: Manifest) -> list[Any]:
    return [getattr(manifest, name) for name in _SAME]
