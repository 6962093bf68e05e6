"""From the file of a CT to the pictures that MedGemma sees, against SimpleITK's time to read it."""

import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from specialists.base import Source
from specialists.medgemma.volumes import ct_slices
from specialists.schema import Manifest
from tests.bench.clock import read_with_simpleitk, seconds

SERIES = Path(__file__).parents[1] / "data" / "ct" / "series"
SLICES = 600
TARGET = 1.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The carried scan, again and again: 600 slices of 512 x 512, half a millimetre apart."""
    place = tmp_path_factory.mktemp("scan")
    carried = [pydicom.dcmread(path) for path in sorted(SERIES.iterdir())]
    for one in carried:
        one.decompress()
    for number in range(SLICES):
        dataset = carried[number % len(carried)]
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPInstanceUID = f"1.2.3.{number}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.InstanceNumber = number + 1
        dataset.ImagePositionPatient = [*dataset.ImagePositionPatient[:2], 0.5 * number]
        dataset.save_as(place / f"{number:03}.dcm")
    return place


@pytest.mark.bench
def test_pictures_of_a_ct_are_ready_about_when_simpleitk_has_read_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Source((folder,), Manifest(kind="volume", format="DICOM", modality="CT"))
    seen = ct_slices(source)
    assert (len(seen.pictures), seen.count) == (85, SLICES)
    assert seen.pictures[0].shape == (512, 512, 3)
    assert seen.pictures[0].dtype == np.uint8
    read_with_simpleitk(folder)
    # In turns, so that what else the machine does falls on both.
    pairs = [(seconds(lambda: ct_slices(source)), seconds(lambda: read_with_simpleitk(folder)))
             for _ in range(5)]  # fmt: skip
    ours, theirs = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    with capsys.disabled():
        sys.stdout.write(
            f"\nct_slices, {SLICES} slices to 85 pictures: {ours:.2f} s, SimpleITK reads them in "
            f"{theirs:.2f} s: ratio {ours / theirs:.2f} (target {TARGET})\n"
        )
    assert ours <= TARGET * theirs
