"""A manifest from DICOM headers.

Only the elements named here are looked at. What they hold is compared with lists of known words;
no text of a header goes into a manifest as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from specialists import anatomy
from specialists.errors import MislabelledFile, UnsupportedFormat
from specialists.readers.completeness import picture_size
from specialists.readers.dicom_codes import (
    ANIMAL,
    CLASSES,
    DENTAL,
    HUMAN_CODES,
    HUMAN_WORDS,
    KINDS,
    KNOWN_MODALITIES,
    NO_PICTURE,
    OLDEST,
    PLANES,
    SEXES,
    SIDES,
    STORAGE,
    VIEW_CODES,
    VIEW_WORDS,
)
from specialists.readers.elements import numbers, value
from specialists.readers.geometry import plane, slice_spacing
from specialists.schema import BodyPartSource, Laterality, Manifest

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["MANIFEST_KEYWORDS", "dicom_manifest", "laterality", "spacing", "view"]

_SERIES_TEXT = (
    "SeriesDescription",
    "ProtocolName",
    "StudyDescription",
    "AcquisitionDeviceProcessingDescription",
    "PerformedProcedureStepDescription",
)
_VIEW_TEXT = ("AcquisitionDeviceProcessingDescription", "SeriesDescription")
MANIFEST_KEYWORDS = (
    *_SERIES_TEXT,
    "AnatomicRegionSequence",
    "BodyPartExamined",
    "BurnedInAnnotation",
    "ImageLaterality",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "ImagerPixelSpacing",
    "Laterality",
    "PatientAge",
    "PatientBirthDate",
    "PatientBreedDescription",
    "PatientOrientation",
    "PatientSex",
    "PatientSexNeutered",
    "PatientSpeciesCodeSequence",
    "PatientSpeciesDescription",
    "PixelSpacing",
    "ResponsiblePersonRole",
    "SharedFunctionalGroupsSequence",
    "SpacingBetweenSlices",
    "StudyDate",
    "TotalPixelMatrixColumns",
    "TotalPixelMatrixRows",
    "ViewCodeSequence",
    "ViewPosition",
)

_CONTRADICTS_PART = "the header contradicts itself about the body part"
_CONTRADICTS_VIEW = "the header contradicts itself about the view"


def dicom_manifest(headers: Sequence[Dataset]) -> Manifest:
    """What a DICOM file, or the files of one series, are.

    Args:
        headers: Of `read_header` with `MANIFEST_KEYWORDS`; more than one form a stack.

    Raises:
        MislabelledFile: If modality and storage class contradict each other.
        UnsupportedFormat: If it is no picture.
    """
    # The levels of a slide are files of one series: the largest is the slide.
    header = max(headers, key=lambda each: value(each, "TotalPixelMatrixColumns") or 0)
    notes: list[str] = []
    modality = _modality(header, notes.append)
    if modality in NO_PICTURE:
        raise UnsupportedFormat("The DICOM file holds no picture (a report, plan or recording).")
    part, source = _body_part(header, notes.append)
    rows, columns, _ = picture_size(header) or (None, None, None)
    if modality == "SM":
        rows = value(header, "TotalPixelMatrixRows") or rows
        columns = value(header, "TotalPixelMatrixColumns") or columns
    return Manifest(
        kind=KINDS.get(modality or "", "image"),
        format="DICOM",
        modality=modality,
        body_part=part,
        body_part_source=source,
        view=view(header, modality, notes.append),
        laterality=laterality(header),
        human=_is_human(header, modality),
        age_years=_age(header),
        sex=SEXES.get(str(value(header, "PatientSex") or "").strip().upper()),
        rows=rows,
        columns=columns,
        frames=sum((picture_size(each) or (0, 0, 1))[2] for each in headers),
        spacing_mm=_spacings(headers, modality, notes.append),
        notes=(*notes, *_notes(header)),
    )


def _modality(header: Dataset, note: Callable[[str], None]) -> str | None:
    """Modality (0008,0060), held against SOP Class UID (0008,0016)."""
    stated = re.sub(r"[^A-Z]", "", str(value(header, "Modality") or "").upper())[:16]
    uid = str(value(header, "SOPClassUID") or "")
    if not uid:
        uid = str(header.file_meta.get("MediaStorageSOPClassUID") or "")
        note("the header does not name its storage class")
    may_be = CLASSES.get(uid.removeprefix(STORAGE), ()) if uid.startswith(STORAGE) else ()
    if not stated:
        note("the header does not name its modality")
        return may_be[0] if may_be else None
    if may_be and stated not in may_be:
        raise MislabelledFile(
            f"The header's modality contradicts its storage class, which is for {may_be[0]}."
        )
    return stated if stated in KNOWN_MODALITIES else "OT"


def _body_part(
    header: Dataset, note: Callable[[str], None]
) -> tuple[str | None, BodyPartSource | None]:
    """Codes before text; neither where they are about different places."""
    coded = set(_coded_parts(header))
    texts = [anatomy.in_text(str(value(header, keyword) or "")) for keyword in _SERIES_TEXT]
    texts = [parts for parts in texts if parts]
    told = [*([coded] if coded else []), *texts]
    if any(anatomy.disjoint(one, other) for one in told for other in told):
        note(_CONTRADICTS_PART)
        return None, None
    if coded:
        return anatomy.combine(coded), "header code"
    # The most special field first: a study's description is about all of its series.
    for parts in texts:
        if anatomy.combine(parts) is not None:
            return anatomy.combine(parts), "header text"
    return None, None


def _coded_parts(header: Dataset) -> Iterator[str]:
    part = anatomy.from_code(str(value(header, "BodyPartExamined") or ""))
    if part is not None:
        yield part
    for region in _items(header, "AnatomicRegionSequence"):
        part = anatomy.from_snomed(str(value(region, "CodeValue") or ""))
        if part is not None:
            yield part


def view(
    header: Dataset, modality: str | None, note: Callable[[str], None] = lambda _: None
) -> str | None:
    """PA, AP, lateral, oblique, …; axial, coronal or sagittal of a scan; None if unknown."""
    if modality in PLANES:
        orientation = numbers(header, "ImageOrientationPatient") or _shared(
            header, "PlaneOrientationSequence", "ImageOrientationPatient"
        )
        return plane(orientation)
    stated = VIEW_CODES.get(str(value(header, "ViewPosition") or "").strip().upper())
    codes = [str(value(item, "CodeValue") or "") for item in _items(header, "ViewCodeSequence")]
    claims = {stated, *(VIEW_CODES.get(code) for code in codes), _view_in_text(header)} - {None}
    if not claims and _seen_from_the_side(header):
        return "lateral"
    if len(claims) > 1 or (claims & {"PA", "AP"} and _seen_from_the_side(header)):
        note(_CONTRADICTS_VIEW)
        return None
    return next(iter(claims), None)


def _view_in_text(header: Dataset) -> str | None:
    """The one view that the texts name; none where they name several."""
    text = " ".join(str(value(header, keyword) or "") for keyword in _VIEW_TEXT)
    text = text.replace("_", " ").casefold()
    named = [name for name, words in VIEW_WORDS.items() if re.search(rf"\b(?:{words})\b", text)]
    return named[0] if len(named) == 1 else None


def _seen_from_the_side(header: Dataset) -> bool:
    """Whether Patient Orientation (0020,0020) has anterior or posterior along the rows."""
    orientation = value(header, "PatientOrientation")
    if orientation is None or isinstance(orientation, str) or len(orientation) != 2:
        return False
    return str(orientation[0])[:1] in {"A", "P"} and str(orientation[1])[:1] in {"F", "H"}


def laterality(header: Dataset) -> Laterality | None:
    """Image Laterality (0020,0062), Laterality (0020,0060) or Frame Laterality (0020,9072)."""
    for keyword in ("ImageLaterality", "Laterality"):
        side = SIDES.get(str(value(header, keyword) or "").strip().upper())
        if side is not None:
            return side
    for anatomy_item in _shared_items(header, "FrameAnatomySequence"):
        return SIDES.get(str(value(anatomy_item, "FrameLaterality") or "").strip().upper())
    return None


def _is_human(header: Dataset, modality: str | None) -> bool:
    species = str(value(header, "PatientSpeciesDescription") or "")
    breed = str(value(header, "PatientBreedDescription") or "").strip()
    codes = [str(value(i, "CodeValue")) for i in _items(header, "PatientSpeciesCodeSequence")]
    if species and not HUMAN_WORDS.search(species):
        return False
    if any(code not in HUMAN_CODES for code in codes):
        return False
    if breed.upper() not in {"", "N/A", "NA", "NONE", "HUMAN", "UNKNOWN"}:
        return False
    if value(header, "PatientSexNeutered") or value(header, "ResponsiblePersonRole") == "OWNER":
        return False
    # A canine is also a tooth.
    text = " ".join(str(value(header, keyword) or "") for keyword in _SERIES_TEXT)
    return modality in DENTAL or not ANIMAL.search(text.replace("_", " "))


def _age(header: Dataset) -> int | None:
    """Whole years, from Patient's Age (0010,1010) or from birth and study date; 90 at most."""
    stated = re.fullmatch(
        r"\s*(\d{1,3})([YMWD])\s*", str(value(header, "PatientAge") or "").upper()
    )
    if stated:
        in_a_year = {"Y": 1, "M": 12, "W": 52, "D": 365}[stated[2]]
        return min(int(stated[1]) // in_a_year, OLDEST)
    born, studied = (_date(value(header, key)) for key in ("PatientBirthDate", "StudyDate"))
    if born is None or studied is None or born > studied:
        return None
    years = studied[0] - born[0] - (studied[1:] < born[1:])
    return min(years, OLDEST) if years <= 130 else None


def _date(text: object) -> tuple[int, int, int] | None:
    found = re.fullmatch(r"(\d{4})[.\-]?(\d{2})[.\-]?(\d{2})", str(text or "").strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def spacing(header: Dataset) -> tuple[float, float] | None:
    """Row and column spacing in mm; None where it is absent, zero or not two numbers."""
    stated = (
        numbers(header, "PixelSpacing")
        or _shared(header, "PixelMeasuresSequence", "PixelSpacing")
        or numbers(header, "ImagerPixelSpacing")
    )
    return (stated[0], stated[1]) if len(stated) == 2 and min(stated) > 0 else None


def _spacings(
    headers: Sequence[Dataset], modality: str | None, note: Callable[[str], None]
) -> tuple[float, ...] | None:
    in_plane = spacing(headers[0])
    if in_plane is None:
        if value(headers[0], "PixelSpacing") is not None:
            note("the pixel spacing in the header is zero or invalid and was ignored")
        return None
    if modality not in PLANES:
        return in_plane
    between, fault = slice_spacing(
        [numbers(each, "ImagePositionPatient") for each in headers],
        numbers(headers[0], "ImageOrientationPatient"),
    )
    if fault:
        note(fault)
    stated = _shared(headers[0], "PixelMeasuresSequence", "SpacingBetweenSlices") or numbers(
        headers[0], "SpacingBetweenSlices"
    )
    if between is None and stated and stated[0] > 0 and len(headers) == 1:
        between = stated[0]
    return (*in_plane, between) if between is not None else in_plane


def _notes(header: Dataset) -> Iterator[str]:
    if str(value(header, "BurnedInAnnotation") or "").upper() == "YES":
        yield "text is burned into the picture; it may identify the patient"
    if "LOCALIZER" in str(value(header, "ImageType") or ""):
        yield "this is a localizer (scout view), not a scan"


def _items(header: Dataset, keyword: str) -> list[Any]:
    found = value(header, keyword)
    return list(found) if found is not None and not isinstance(found, (str, bytes)) else []


def _shared_items(header: Dataset, group: str) -> list[Any]:
    shared = _items(header, "SharedFunctionalGroupsSequence")
    return _items(shared[0], group) if shared else []


def _shared(header: Dataset, group: str, keyword: str) -> tuple[float, ...]:
    items = _shared_items(header, group)
    return numbers(items[0], keyword) if items else ()
