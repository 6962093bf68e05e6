"""Which DICOM files belong together, by their headers.

For readers that run in a reader process:

    members = choose(paths, series)       # one series of one patient
    dataset = read_dataset(members[0])    # of specialists.readers.dicom: pixels still encoded
    stored = decode_pixels(dataset)       # rows x columns, or frames x rows x columns
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specialists.errors import InvalidInput, MixedPatients, SeveralSeries, UnreadableFile
from specialists.readers.archive import Member, entries, members_of_folder
from specialists.readers.dicom import read_header
from specialists.readers.elements import numbers, value
from specialists.readers.failures import guarded

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["SERIES_KEYWORDS", "Series", "Slice", "check_one_patient", "choose", "group"]

SERIES_KEYWORDS = (
    "SeriesInstanceUID",
    "SeriesNumber",
    "InstanceNumber",
    "FrameOfReferenceUID",
    "ImageType",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "PatientID",
    "PatientName",
    "PatientBirthDate",
)
_STACKED = frozenset({"CT", "MR", "PT", "NM", "SM"})
_ZIP_MAGIC = b"PK"


@dataclass(frozen=True)
class Slice:
    """A file and its header. Headers hold identifiers: they stay in the reader process."""

    member: Member
    header: Dataset


@dataclass(frozen=True)
class Series:
    """Files that were made together, in the order of their instance numbers."""

    name: str
    """'series 1', 'series 2', …: says nothing about the patient."""
    slices: tuple[Slice, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """Where the files lie."""
        return tuple(slice_.member for slice_ in self.slices)


def choose(paths: Sequence[Path], series: str | None = None) -> tuple[Member, ...]:
    """The files of one series.

    Args:
        paths: Files, one folder or one ZIP archive.
        series: Which series, as `inspect` named it; may be left out where there is only one.

    Raises:
        SeveralSeries: If there are several and none was chosen.
        MixedPatients: If the files of the series are of more than one patient.
        InvalidInput: If no series has the given name.
        UnreadableFile: If a file among them is not a readable DICOM picture.
    """
    members = [member for path in paths for member in expand(Path(path))]
    listed = len(members) == len(paths)
    slices = []
    for member in members:
        try:
            with guarded():
                slices.append(Slice(member, read_header(member, SERIES_KEYWORDS)))
        except UnreadableFile:
            # Files that were named must be readable; beside them in a folder anything may lie.
            if listed:
                raise
    if not slices:
        raise UnreadableFile("No readable DICOM picture is among the files.")
    found = group(slices)
    chosen = found if series is None else [each for each in found if each.name == series]
    if not chosen:
        raise InvalidInput(f"No series has this name; there are {len(found)}.")
    if len(chosen) > 1:
        raise SeveralSeries(f"There are {len(chosen)} series; choose one of them.")
    check_one_patient(chosen[0].slices)
    return chosen[0].members


def expand(path: Path) -> list[Member]:
    """The files of a folder, the entries of a ZIP archive, or the file itself."""
    if path.is_dir():
        return members_of_folder(path)
    with Member(path).open() as content:
        is_zip = content.read(2) == _ZIP_MAGIC
    return entries(path) if is_zip else [Member(path)]


def group(slices: Iterable[Slice]) -> list[Series]:
    """Put the slices of each series together; pictures that do not stack stay alone."""
    together: dict[tuple[Any, ...], list[Slice]] = {}
    for slice_ in slices:
        together.setdefault(_key(slice_), []).append(slice_)
    ordered = sorted(together.items(), key=lambda item: _rank(item[0], item[1]))
    return [
        Series(f"series {number}", tuple(sorted(found, key=_instance)))
        for number, (_, found) in enumerate(ordered, 1)
    ]


def check_one_patient(slices: Iterable[Slice]) -> None:
    """Raise MixedPatients if ID, name or birth date contradict each other; gaps do not."""
    identity = ("PatientID", "PatientName", "PatientBirthDate")
    seen: dict[str, set[str]] = {keyword: set() for keyword in identity}
    for slice_ in slices:
        for keyword, values in seen.items():
            text = str(value(slice_.header, keyword) or "").replace("^", " ")
            values.add(" ".join(text.casefold().split()))
    if any(len(values - {""}) > 1 for values in seen.values()):
        raise MixedPatients("The files are of more than one patient; send one patient at a time.")


def _key(slice_: Slice) -> tuple[Any, ...]:
    header = slice_.header
    modality = str(value(header, "Modality") or "")
    if modality not in _STACKED:
        return ("", str(slice_.member.path), slice_.member.entry)
    localizer = "LOCALIZER" in _strings(value(header, "ImageType"))
    uid = str(value(header, "SeriesInstanceUID") or "")
    if uid:
        return (uid, modality, localizer)
    # Taken out by an anonymiser: what was made together shares frame of reference and geometry.
    orientation = tuple(round(x, 2) for x in numbers(header, "ImageOrientationPatient"))
    place = (
        slice_.member.path.parent,
        value(header, "Rows"),
        value(header, "Columns"),
        orientation,
    )
    return ("", modality, localizer, str(value(header, "FrameOfReferenceUID") or ""), *place)


def _rank(key: tuple[Any, ...], found: Sequence[Slice]) -> tuple[int, str, str]:
    number = _number(value(found[0].header, "SeriesNumber"))
    return number, str(key[0]), min(_place(slice_.member) for slice_ in found)


def _instance(slice_: Slice) -> tuple[int, str]:
    return _number(value(slice_.header, "InstanceNumber")), _place(slice_.member)


def _place(member: Member) -> str:
    return f"{member.path}/{member.entry.name}" if member.entry else str(member.path)


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 2**31


def _strings(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)  # type: ignore[attr-defined]
