"""What files are, from their headers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from specialists.errors import (
    InvalidInput,
    LimitExceeded,
    UnsupportedFormat,
    WardroundError,
    WorkerLost,
)
from specialists.readers import worker
from specialists.readers.archive import Member, entries, members_of_folder, open_file
from specialists.readers.dicom import is_dicom, read_header
from specialists.readers.dicom_header import MANIFEST_KEYWORDS, dicom_manifest
from specialists.readers.failures import guarded
from specialists.readers.filesets import main_file, members
from specialists.readers.images import image_header
from specialists.readers.nifti_header import nifti_manifest
from specialists.readers.series import SERIES_KEYWORDS, Series, Slice, check_one_patient, group
from specialists.readers.sniff import claimed_format, identify
from specialists.readers.transport import transported
from specialists.schema import Manifest

__all__ = ["Found", "inspect", "inspect_paths"]

_KEYWORDS = (*SERIES_KEYWORDS, *MANIFEST_KEYWORDS)
_PICTURES = frozenset({"PNG", "JPEG", "TIFF"})
_GENOTYPES = frozenset({"VCF", "BCF", "BGEN", "PLINK"})


@transported
@dataclass(frozen=True)
class Found:
    """One thing that was found: a file, or a series of files; or why it could not be read."""

    paths: tuple[Path, ...]
    series: str | None
    """Which series of a ZIP archive; None for anything else."""
    manifest: Manifest | None
    error: WardroundError | None


def inspect(paths: Sequence[Path]) -> list[Found]:
    """Say what files are, without decoding them.

    Args:
        paths: Files, folders and ZIP archives.

    Returns:
        One entry a file; one entry a series for slices that belong together, whether they were
        named one by one or lie in a folder or ZIP archive. What could not be read has an error.
    """
    named = [Path(path) for path in paths]
    try:
        return _inspect_together(named)
    except (WorkerLost, LimitExceeded):
        # One of them ends the process: the others must not suffer for it.
        ending = {path: error for path in named if (error := _why_it_ends(path)) is not None}
    spared = [path for path in named if path not in ending]
    lost = [Found((path,), None, None, error) for path, error in ending.items()]
    return [*(_inspect_together(spared) if spared else []), *lost]


def _inspect_together(paths: Sequence[Path]) -> list[Found]:
    found: list[Found] = worker.run("specialists.readers.header:inspect_paths", list(paths))
    return found


def _why_it_ends(path: Path) -> WardroundError | None:
    """The error of a path that ends its reader process; None for any other."""
    try:
        _inspect_together([path])
    except (WorkerLost, LimitExceeded) as error:
        return error
    return None


def inspect_paths(paths: Sequence[Path]) -> list[Found]:
    """As `inspect`; runs in a reader process."""
    entries_: list[Found | Slice] = []
    for path in paths:
        try:
            with guarded():
                entries_ += _look(Path(path))
        except WardroundError as error:
            entries_.append(Found((Path(path),), None, None, error))
    return _with_series(entries_)


def _look(path: Path) -> list[Found | Slice]:
    if path.is_dir():
        return [*_collection(path, members_of_folder(path))]
    main = main_file(path)
    if main is not None:
        return [*_look(main)]
    with open_file(path) as content:
        form = identify(content, path.name)
        if form in _PICTURES:
            return [_noted(path, form, _picture(content, form))]
    if form == "DICOM":
        return [Slice(Member(path), read_header(Member(path), _KEYWORDS))]
    if form == "ZIP":
        return [*_collection(path, entries(path))]
    return [_noted(path, form, _other(path, form))]


def _with_series(found: Iterable[Found | Slice]) -> list[Found]:
    """Put one entry a series where the first of its slices stands, and one entry a fileset."""
    ordered: list[Found | Slice] = []
    for entry in found:
        # A fileset may have been named by each of its files.
        if isinstance(entry, Slice) or len(entry.paths) == 1 or entry not in ordered:
            ordered.append(entry)
    slices = [entry for entry in ordered if isinstance(entry, Slice)]
    of_slice = {id(slice_): series for series in group(slices) for slice_ in series.slices}
    done: set[str] = set()
    entries_: list[Found] = []
    for entry in ordered:
        if isinstance(entry, Found):
            entries_.append(entry)
        elif (series := of_slice[id(entry)]).name not in done:
            done.add(series.name)
            entries_.append(_series_entry(series, name=None))
    return entries_


def _collection(path: Path, members: Sequence[Member]) -> list[Found]:
    """A folder or archive: its series, and what in it could not be read."""
    slices: list[Slice] = []
    others: list[Found] = []
    ignored: WardroundError | None = None
    for member in members:
        try:
            with guarded():
                slices.append(_slice(member))
        except UnsupportedFormat as error:
            if member.entry is None:
                others += _beside(member.path)
            ignored = error
        except WardroundError as error:
            others.append(Found((member.path,), None, None, error))
    try:
        check_one_patient(slices)
    except WardroundError as error:
        return [Found((path,), None, None, error)]
    in_archive = bool(members) and members[0].entry is not None
    found = [_series_entry(series, series.name if in_archive else None) for series in group(slices)]
    if found or others:
        return [*found, *others]
    raise UnsupportedFormat("Nothing in it is of a format that is read here.") from ignored


def _slice(member: Member) -> Slice:
    with member.open() as content:
        if not is_dicom(content.read(132)):
            raise UnsupportedFormat("This is not a DICOM file.")
    return Slice(member, read_header(member, _KEYWORDS))


def _beside(path: Path) -> list[Found]:
    """Another kind of file in a folder: an entry where it is read here, else passed over."""
    try:
        with guarded():
            return [entry for entry in _look(path) if isinstance(entry, Found)]
    except UnsupportedFormat:
        return []
    except WardroundError as error:
        return [Found((path,), None, None, error)]


def _series_entry(series: Series, name: str | None) -> Found:
    paths = tuple(dict.fromkeys(member.path for member in series.members))
    try:
        with guarded():
            check_one_patient(series.slices)
            manifest = dicom_manifest([slice_.header for slice_ in series.slices])
    except WardroundError as error:
        return Found(paths, name, None, error)
    if name is None and len(paths) == 1:
        return _noted(paths[0], "DICOM", manifest)
    return Found(paths, name, manifest, None)


def _noted(path: Path, form: str, manifest: Manifest) -> Found:
    claimed = claimed_format(path.name)
    paths = members(path) if form in _GENOTYPES else (path,)
    if claimed not in (None, form):
        note = f"the file's name says {claimed}; its content is {manifest.format}"
        manifest = manifest.model_copy(update={"notes": (*manifest.notes, note)})
    return Found(paths, None, manifest, None)


def _picture(content: object, form: str) -> Manifest:
    header = image_header(content, form)  # type: ignore[arg-type]
    return Manifest(
        kind="slide" if header.is_slide else "image",
        format=header.format,
        modality="SM" if header.is_slide else None,
        rows=header.rows,
        columns=header.columns,
        frames=header.pages,
        spacing_mm=header.spacing_mm,
    )


def _other(path: Path, form: str) -> Manifest:
    if form == "NIfTI":
        return nifti_manifest(path)
    if form == "FHIR":
        from specialists.readers.record import inspect_record

        return inspect_record(path)
    if form == "PGS scoring file":
        from specialists.readers.scoring_file import inspect_scoring_file

        return inspect_scoring_file([path])
    if form == "chain file":
        from specialists.readers.chain_file import inspect_chain

        return inspect_chain(path)
    if form == "FASTA":
        from specialists.readers.reference_genome import inspect_reference

        return inspect_reference(path)
    if form in _GENOTYPES:
        from specialists.readers.variants import inspect_variants

        return inspect_variants([path])
    raise InvalidInput("The file is of no known format.")
