"""Which of the DICOM files that were named are the volume. Runs in a reader process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from specialists.errors import (
    InvalidInput,
    SeveralSeries,
    UnreadableFile,
    UnsupportedFormat,
)
from specialists.readers.archive import Member
from specialists.readers.dicom import is_dicom, read_header
from specialists.readers.frames import FRAME_KEYWORDS
from specialists.readers.series import (
    SERIES_KEYWORDS,
    Series,
    Slice,
    check_one_patient,
    expand,
    group,
)

__all__ = ["select"]

_KEYWORDS = tuple(dict.fromkeys((*SERIES_KEYWORDS, *FRAME_KEYWORDS)))
_STACKED = frozenset({"CT", "MR", "PT"})


def select(paths: Sequence[Path], series: str | None) -> tuple[tuple[Slice, ...], list[str]]:
    """Find the slices of one series of one patient.

    Where no series is chosen, localizers and pictures that do not stack are left out if exactly
    one series is left then.

    Returns:
        The slices with their headers, in no useful order, and notes on what was left out.
    """
    slices, notes = _headers(paths)
    found = group(slices)
    if series is not None:
        chosen = [each for each in found if each.name == series]
        if not chosen:
            raise InvalidInput(f"No series has this name; there are {len(found)}.")
    else:
        check_one_patient(slices)
        chosen, more = _only(found)
        notes += more
    check_one_patient(chosen[0].slices)
    return chosen[0].slices, notes


def _headers(paths: Sequence[Path]) -> tuple[list[Slice], list[str]]:
    members = [member for path in paths for member in expand(path)]
    listed = len(members) == len(paths)
    slices: list[Slice] = []
    other, damaged = 0, 0
    for member in members:
        if not listed and not _claims_dicom(member):
            other += 1
            continue
        try:
            slices.append(Slice(member, read_header(member, _KEYWORDS)))
        except UnreadableFile as error:
            # Files that were named must be readable; beside them in a folder anything may lie.
            if listed:
                raise
            ignored = isinstance(error, UnsupportedFormat)
            other, damaged = other + ignored, damaged + (not ignored)
    if not slices:
        raise UnreadableFile("No readable DICOM picture is among the files.")
    notes = [_files(other, "without a DICOM picture ignored")] if other else []
    notes += [_files(damaged, "damaged and left out")] if damaged else []
    return slices, notes


def _claims_dicom(member: Member) -> bool:
    try:
        with member.open() as content:
            return is_dicom(content.read(132))
    except UnreadableFile:
        return False


def _only(found: Sequence[Series]) -> tuple[list[Series], list[str]]:
    if len(found) == 1:
        return list(found), []
    volumes = [each for each in found if _may_be_volume(each)]
    if len(volumes) != 1:
        counts = ", ".join(f"{each.name}: {_count(each)}" for each in (volumes or found)[:8])
        raise SeveralSeries(f"There are {len(volumes or found)} series ({counts}); choose one.")
    others = len(found) - 1
    return volumes, [f"{others} other series (localizers or single pictures) left out"]


def _may_be_volume(series: Series) -> bool:
    header = series.slices[0].header
    kinds = header.get("ImageType") or ()
    return str(header.get("Modality") or "") in _STACKED and "LOCALIZER" not in kinds


def _count(series: Series) -> str:
    frames = sum(int(each.header.get("NumberOfFrames") or 1) for each in series.slices)
    return f"{frames} slice{'s' * (frames > 1)}"


def _files(count: int, what: str) -> str:
    return f"{count} file{'s' * (count > 1)} {what}"
