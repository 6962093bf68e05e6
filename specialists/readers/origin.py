"""Who and what a DICOM file is of: for exports that go back into the patient's record.

The one reader whose result holds identifiers. It is called when an export is written and by
nothing else; its result goes into that export, and never into an answer, a log or an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from specialists.readers import worker
from specialists.readers.dicom import read_header
from specialists.readers.elements import value
from specialists.readers.series import choose

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["headers_as_json", "read_headers"]

_MODULES = {
    "patient": "PatientID PatientName PatientBirthDate PatientSex IssuerOfPatientID",
    "study": "StudyInstanceUID StudyID StudyDate StudyTime AccessionNumber ReferringPhysicianName",
    "series": "SeriesInstanceUID SeriesNumber Modality Laterality FrameOfReferenceUID "
    "PositionReferenceIndicator SeriesDescription",
    "instance": "SOPClassUID SOPInstanceUID InstanceNumber SpecificCharacterSet ImageType "
    "AcquisitionDate AcquisitionTime ContentDate",
    "plane": "ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness "
    "SpacingBetweenSlices ImagerPixelSpacing",
    "pixels": "Rows Columns NumberOfFrames SamplesPerPixel PhotometricInterpretation BitsAllocated "
    "BitsStored HighBit PixelRepresentation",
    "display": "RescaleSlope RescaleIntercept RescaleType WindowCenter WindowWidth "
    "VOILUTFunction PresentationLUTShape",
}
KEYWORDS = tuple(keyword for part in _MODULES.values() for keyword in part.split())
_FORMS = {
    "UI": re.compile(r"[0-2](\.(0|[1-9][0-9]*))+"),
    "DA": re.compile(r"\d{8}"),
    "TM": re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?"),
}


def read_headers(paths: Sequence[Path], series: str | None = None) -> list[Dataset]:
    """Read what an export repeats of the headers of one file or series, without pixels.

    Args:
        paths: The files, as `inspect` found them.
        series: Which series, where one file holds several.

    Returns:
        A dataset an image, with the elements of `KEYWORDS` that are there and are what their
        type demands.

    Raises:
        UnreadableFile: A class of it, that says what is wrong.
        MixedPatients: If the files of the series are of more than one patient.
    """
    from pydicom import Dataset
    from pydicom.config import disable_value_validation

    texts: list[str] = worker.run(f"{__name__}:headers_as_json", list(paths), series)
    with disable_value_validation():
        return [Dataset.from_json(text) for text in texts]


def headers_as_json(paths: Sequence[Path], series: str | None) -> list[str]:
    """As `read_headers`, in the DICOM JSON model; runs in a reader process."""
    return [
        _usable(read_header(member, KEYWORDS)).to_json(suppress_invalid_tags=True)
        for member in choose(paths, series)
    ]


def _usable(header: Dataset) -> Dataset:
    from pydicom import Dataset

    kept = Dataset()
    for keyword in KEYWORDS:
        found = value(header, keyword)
        if found is not None and _well_formed(header[keyword].VR, found):
            kept[keyword] = header[keyword]
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        stated = str(header.file_meta.get(f"MediaStorage{keyword}") or "")
        if keyword not in kept and _well_formed("UI", stated):
            setattr(kept, keyword, stated)
    return kept


def _well_formed(vr: str, found: object) -> bool:
    form = _FORMS.get(vr)
    return form is None or (form.fullmatch(str(found)) is not None and len(str(found)) <= 64)
