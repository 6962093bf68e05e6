"""What all DICOM objects of an export share."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agent.answer import Answer
from agent.export.codes import Code
from agent.export.material import Material, version
from specialists.errors import BackendUnavailable, InvalidInput

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept
    from pydicom import Dataset

__all__ = ["as_bytes", "concept", "equipment", "highdicom", "referable", "sealed"]

_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_TYPE_2 = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber")
_TYPE_2_STUDY = ("StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName")
MANUFACTURER = "wardround"


def highdicom() -> Any:
    """The library. Raises `BackendUnavailable` with the line that installs it."""
    try:
        import highdicom as library
        import highdicom.pr
        import highdicom.seg
        import highdicom.sr
    except ImportError:
        raise BackendUnavailable(
            "DICOM exports need highdicom. Install it: pip install 'wardround[export]'."
        ) from None
    return library


@contextmanager
def sealed() -> Iterator[None]:
    """While a DICOM object is made: nothing of the headers gets into logs, warnings or errors.

    Values are repeated as they are, even where they are longer than their type allows.

    Raises:
        InvalidInput: If the headers do not hold what the object needs.
    """
    from pydicom.config import disable_value_validation

    for name in ("highdicom", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")
        try:
            yield
        except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError):
            raise InvalidInput(
                "The headers of the files do not hold what the DICOM object needs, or hold values "
                "that the standard does not allow."
            ) from None


def referable(material: Material, attachment: str | None = None) -> list[Dataset]:
    """Headers of the images, fit to be referred to; of one attachment, or of all.

    Raises:
        InvalidInput: If no DICOM file was given, or the headers lack what a reference needs.
    """
    chosen = [
        origin
        for name, origin in material.origins.items()
        if origin.headers and attachment in (None, name)
    ]
    headers = [header for origin in chosen for header in origin.headers]
    if not headers:
        raise InvalidInput(
            "A DICOM object belongs to a study: name the DICOM files that were asked about."
        )
    if any(keyword not in header for header in headers for keyword in _NEEDED):
        raise InvalidInput(
            "The files' headers lack the UIDs of study, series or image (they may have been "
            "removed): there is no study that a DICOM object could belong to."
        )
    return [_complete(header) for header in headers]


def _complete(header: Dataset) -> Dataset:
    """With empty values where the header has none and the standard wants the element."""
    from pydicom import Dataset

    whole = Dataset()
    whole.update(header)
    for keyword in (*_TYPE_2, *_TYPE_2_STUDY):
        if keyword not in whole:
            setattr(whole, keyword, "")
    if whole.PatientSex not in ("M", "F", "O"):
        whole.PatientSex = ""
    return whole


def equipment(answer: Answer) -> dict[str, Any]:
    """What the General Equipment module says; the serial number is that of the software."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": "wardround",
        "software_versions": version(answer),
        "device_serial_number": version(answer),
    }


def concept(code: Code) -> CodedConcept:
    """A code as highdicom takes it."""
    coded: CodedConcept = highdicom().sr.CodedConcept(
        value=code.value, scheme_designator=code.scheme, meaning=code.meaning
    )
    return coded


def as_bytes(dataset: Dataset) -> bytes:
    """The file, text in UTF-8."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
