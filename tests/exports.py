"""Answers about the carried files, and a CT series with the UIDs that its sample lacks."""

from __future__ import annotations

from pathlib import Path

import pydicom

QUESTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "film": ("Is there pneumonia?", ("cxr/RG1_J2KI.dcm",)),
    "genome": (
        "What is the polygenic score PGS001229 of sample 1, with min overlap 0.01?",
        ("genomics/tiny1000G.vcf.gz", "genomics/PGS001229_hmPOS_GRCh38.txt.gz"),
    ),
    "skin": ("Which diagnoses come into question?", ("skin/PAT_778_1471_835.png",)),
    "retina": ("Is there diabetic retinopathy?", ("retina/IDRiD_100_reduced.jpg",)),
    "pathology": (
        "Which tissue does this patch of the colon show?",
        ("pathology/colon_TUM.jpg",),
    ),
}
STUDY, SERIES = "2.25.111111", "2.25.222222"
PATIENT = "Müller^Änne"


def stamped_series(source: Path, folder: Path) -> Path:
    """Copy a CT series and give it the UIDs and the name that were taken out of the sample."""
    folder.mkdir()
    for path in source.iterdir():
        image = pydicom.dcmread(path)
        image.SpecificCharacterSet = "ISO_IR 100"
        image.StudyInstanceUID, image.SeriesInstanceUID = STUDY, SERIES
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID
        image.PatientName, image.PatientID = PATIENT, "4711"
        image.save_as(folder / path.name)
    return folder
