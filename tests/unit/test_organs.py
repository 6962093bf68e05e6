from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nibabel.loadsave import save
from nibabel.nifti1 import Nifti1Image

from specialists.base import Request, Source
from specialists.errors import BackendUnavailable
from specialists.organs.backend import Organs, organ_of
from specialists.organs.program import labelled
from specialists.schema import Manifest

STAND_IN = '''
"""Writes a label map as TotalSegmentator documents it: names in a header extension in XML."""
import sys

import nibabel
import numpy

words = sys.argv[1:]
assert "--ml" in words and "--fast" in words and words[words.index("--device") + 1] == "cpu"
volume = nibabel.load(words[words.index("-i") + 1])
scan = numpy.asarray(volume.dataobj)
if scan.max() > 3000:
    sys.exit(1)
labels = numpy.zeros(scan.shape, numpy.uint8)
labels[2:6, 2:6, 2:6] = 1
labels[10:12, 2:6, :4] = 3
made = nibabel.Nifti1Image(labels, volume.affine)
table = "".join(
    f'<Label Key="{n}" Red="1" Green="0" Blue="0" Alpha="1"><![CDATA[{name}]]></Label>'
    for n, name in {1: "spleen", 2: "kidney_right", 3: "kidney_left"}.items()
)
inner = f"<VolumeInformation><LabelTable>{table}</LabelTable></VolumeInformation>"
xml = f"<CaretExtension>{inner}</CaretExtension>"
made.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, xml.encode()))
nibabel.save(made, words[words.index("-o") + 1])
'''


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package of TotalSegmentator's name that other interpreters find."""
    place = tmp_path / "site" / "totalsegmentator" / "bin"
    place.mkdir(parents=True)
    for folder in (place, place.parent):
        (folder / "__init__.py").touch()
    (place / "TotalSegmentator.py").write_text(STAND_IN)
    known = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", known)
    assert "totalsegmentator" not in sys.modules
    yield


def scan(path: Path, brightest: int = 400) -> Source:
    array = np.full((20, 16, 12), -1000, np.int16)
    array[2:18, 2:14] = 40
    array[5, 5, 5] = brightest
    save(Nifti1Image(array, np.diag([2.0, 2.0, 5.0, 1.0])), path)  # type: ignore[no-untyped-call]
    return Source((path,), Manifest(kind="volume", format="NIfTI", modality="CT"))


def read(source: Source) -> Any:
    return Organs("cpu").read({"volume": [source]}, Request(), lambda *_: None)


def test_organs_in_view_are_measured_by_name_and_side(program: None, tmp_path: Path) -> None:
    reading = read(scan(tmp_path / "ct.nii.gz"))
    spleen, kidney = reading.result.measurements
    assert (spleen.name, spleen.value, spleen.unit) == ("spleen volume", 1.28, "cm3")
    assert spleen.text == "The spleen in view measures 1.28 cm3."
    assert (kidney.site, kidney.laterality, kidney.value) == ("kidney", "left", 0.64)
    assert "cut off by the edge of the scan" in kidney.text
    assert "Apache-2.0" in reading.result.provenance.terms
    (mask,) = reading.masks
    assert [(s.number, s.name, s.laterality) for s in mask.segments] == [
        (1, "spleen", None),
        (3, "kidney", "left"),
    ]
    image = Nifti1Image.from_bytes(gzip.decompress(mask.nifti_gz))
    assert image.shape == (20, 16, 12)
    np.testing.assert_allclose(np.abs(np.diag(image.affine)[:3]), [2, 2, 5])


def test_program_that_fails_says_where_its_weights_come_from(program: None, tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match="totalseg_download_weights"):
        read(scan(tmp_path / "ct.nii.gz", brightest=3071))


def test_cancelled_call_ends_the_program(program: None, tmp_path: Path) -> None:
    source = scan(tmp_path / "ct.nii.gz")

    def cancelled(share: float, text: str) -> None:
        if text.startswith("segmenting"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Organs("cpu").read({"volume": [source]}, Request(), cancelled)


def test_label_map_without_names_is_refused(tmp_path: Path) -> None:
    save(Nifti1Image(np.ones((2, 2, 2), np.uint8), np.eye(4)), tmp_path / "a.nii.gz")  # type: ignore[no-untyped-call]
    with pytest.raises(BackendUnavailable, match="does not name"):
        labelled(tmp_path / "a.nii.gz")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("spleen", ("spleen", None)),
        ("lung_upper_lobe_left", ("lung upper lobe", "left")),
        ("vertebrae_L1", ("vertebrae L1", None)),
    ],
)
def test_names_become_organs_and_sides(name: str, told: tuple[str, str | None]) -> None:
    assert organ_of(name) == told
