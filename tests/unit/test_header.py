"""What files are said to be: by content, by header, and never by more than the header knows."""

import shutil
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import generate_uid

from specialists.readers import inspect
from specialists.schema import Manifest

DATA = Path(__file__).parents[1] / "data"
CHEST, DOG = DATA / "cxr" / "RG1_J2KI.dcm", DATA / "cxr" / "dx_image.dcm"
SERIES = DATA / "ct" / "series"


def said(path: Path) -> Manifest:
    (found,) = inspect([path])
    assert found.error is None
    return found.manifest


def changed(path: Path, source: Path = CHEST, drop: tuple[str, ...] = (), **elements) -> Path:
    """A copy of a file with other header elements."""
    dataset = pydicom.dcmread(source)
    for keyword in drop:
        del dataset[keyword]
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def _code(value: str, meaning: str = "") -> DicomSequence:
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SRT", meaning
    return DicomSequence([item])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "cxr/RG1_J2KI.dcm",
            {
                "kind": "radiograph",
                "format": "DICOM",
                "modality": "CR",
                "body_part": "chest",
                "body_part_source": "header code",
                "view": "PA",
                "human": True,
                "age_years": 64,
                "sex": "female",
                "rows": 1955,
                "columns": 1841,
                "frames": 1,
                "spacing_mm": None,
            },
        ),
        (
            "cxr/ankle_RG3_J2KI.dcm",
            {"modality": "CR", "body_part": "extremity", "view": "AP", "laterality": "right"},
        ),
        (
            "cxr/dx_image.dcm",
            {
                "modality": "DX",
                "body_part": "chest",
                "view": "lateral",
                "human": False,
                "age_years": 5,
            },
        ),
        (
            "ct/single_slice_pancreas.dcm",
            {
                "kind": "volume",
                "modality": "CT",
                "body_part": "pancreas",
                "view": "axial",
                "frames": 1,
            },
        ),
        (
            "ct/mr_single.dcm",
            {
                "kind": "volume",
                "modality": "MR",
                "body_part": "shoulder",
                "body_part_source": "header text",
                "view": "sagittal",
            },
        ),
        (
            "pathology/dicom_wsi_lung.dcm",
            {"kind": "slide", "modality": "SM", "frames": 15, "rows": 700, "columns": 1152},
        ),
        ("ct/example_ct.nii.gz", {"kind": "volume", "format": "NIfTI", "modality": "CT"}),
        ("ct/example_ct_sm.nii.gz", {"modality": "CT", "rows": 101, "columns": 122, "frames": 30}),
        ("ct/example_mr_sm.nii.gz", {"kind": "volume", "modality": None}),
        ("ct/example_seg.nii.gz", {"kind": "volume", "modality": None}),
        (
            "cxr/nih_00000001_000.png",
            {"kind": "image", "format": "PNG", "modality": None, "rows": 512, "columns": 512},
        ),
        ("retina/IDRiD_100_reduced.jpg", {"kind": "image", "format": "JPEG", "rows": 712}),
        (
            "genomics/tiny1000G.vcf.gz",
            {"kind": "variants", "format": "VCF", "samples": 3202, "variants": 1004},
        ),
        (
            "genomics/PGS000001_hmPOS_GRCh38.txt.gz",
            {"kind": "scoring_file", "genome_build": "GRCh38", "variants": 77},
        ),
        ("genomics/PGS000802_hmPOS_GRCh37.txt", {"kind": "scoring_file", "genome_build": "GRCh37"}),
    ],
)
def test_real_file_is_told(name, expected):
    manifest = said(DATA / name).model_dump()
    assert {key: manifest[key] for key in expected} == expected


def test_content_counts_not_the_name(tmp_path):
    for source in (CHEST, DATA / "cxr/nih_00000001_000.png", DATA / "ct/example_mr_sm.nii.gz"):
        bare = tmp_path / "attachment"
        shutil.copyfile(source, bare)
        assert said(bare) == said(source)


def test_readable_file_of_another_name_is_noted(tmp_path):
    shutil.copyfile(DATA / "cxr" / "nih_00000001_000.png", tmp_path / "a.jpg")
    shutil.copyfile(CHEST, tmp_path / "b.png")
    for name, content in (("a.jpg", "PNG"), ("b.png", "DICOM")):
        manifest = said(tmp_path / name)
        assert manifest.format == content
        assert any("name says" in note for note in manifest.notes)


def test_folder_series_is_one_entry():
    (found,) = inspect([SERIES])
    manifest = found.manifest
    assert (len(found.paths), found.series) == (20, None)
    assert (manifest.kind, manifest.modality, manifest.frames) == ("volume", "CT", 20)
    assert manifest.spacing_mm == (0.9765625, 0.9765625, 2.0)
    assert manifest.view == "axial"
    assert all(path.parent == SERIES for path in found.paths)


def test_slices_named_one_by_one_are_one_entry_and_other_files_are_their_own():
    slices = sorted(SERIES.iterdir())
    found = inspect([CHEST, *slices[:10], DATA / "cxr" / "nih_00000001_000.png", *slices[10:]])
    assert [len(entry.paths) for entry in found] == [1, 20, 1]
    assert [entry.manifest.kind for entry in found] == ["radiograph", "volume", "image"]


def test_slices_come_in_the_order_of_their_numbers():
    (found,) = inspect(sorted(SERIES.iterdir(), reverse=True))
    numbers = [
        pydicom.dcmread(path, stop_before_pixels=True).InstanceNumber for path in found.paths
    ]
    assert numbers == sorted(numbers)


def test_two_series_of_a_zip_are_two_named_entries(tmp_path):
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(SERIES.iterdir())[:5]:
            archive.write(path, f"a/{path.name}")
        archive.write(DATA / "ct" / "single_slice_pancreas.dcm", "b/1.dcm")
        archive.writestr("README.txt", "about this study")
    found = inspect([tmp_path / "study.zip"])
    assert {entry.series for entry in found} == {"series 1", "series 2"}
    assert sorted(entry.manifest.frames for entry in found) == [1, 5]
    assert all(entry.paths == (tmp_path / "study.zip",) for entry in found)


def test_folder_of_other_files_gives_one_entry_each():
    found = inspect([DATA / "genomics"])
    kinds = {entry.manifest.kind for entry in found if entry.manifest}
    assert kinds == {"variants", "scoring_file"}


def test_two_films_of_a_folder_stay_two_entries(tmp_path):
    changed(tmp_path / "pa.dcm", SeriesInstanceUID="1.2.3")
    changed(tmp_path / "lat.dcm", SeriesInstanceUID="1.2.3", ViewPosition="LL")
    found = inspect([tmp_path])
    assert {entry.manifest.view for entry in found} == {"PA", "lateral"}


def test_missing_and_unequal_slices_are_noted(tmp_path):
    for path in sorted(SERIES.iterdir())[:8]:
        shutil.copy(path, tmp_path)
    assert not [note for note in said(tmp_path).notes if "slice" in note]
    sorted(tmp_path.iterdir())[4].unlink()
    assert any("missing: about 1" in note for note in said(tmp_path).notes)


def test_localizer_is_an_entry_of_its_own(tmp_path):
    for number, path in enumerate(sorted(SERIES.iterdir())[:4]):
        kind = ["ORIGINAL", "PRIMARY", "LOCALIZER" if number == 0 else "AXIAL"]
        changed(tmp_path / str(number), path, ImageType=kind, SeriesInstanceUID="1.2.3")
    found = inspect([tmp_path])
    assert sorted(entry.manifest.frames for entry in found) == [1, 3]
    assert any("localizer" in note for entry in found for note in entry.manifest.notes)


@pytest.mark.parametrize(
    ("elements", "part", "source"),
    [
        ({"BodyPartExamined": "THORAX"}, "chest", "header code"),
        ({"BodyPartExamined": "ANKLE", "StudyDescription": ""}, "ankle", "header code"),
        (
            {"BodyPartExamined": "", "StudyDescription": "Radiografia de tórax"},
            "chest",
            "header text",
        ),
        ({"BodyPartExamined": "", "StudyDescription": "follow-up"}, None, None),
        (
            {"BodyPartExamined": "", "StudyDescription": "", "ProtocolName": "Sprunggelenk"},
            "ankle",
            "header text",
        ),
        ({"BodyPartExamined": "CHEST", "ProtocolName": "ANKLE AP"}, None, None),
        ({"BodyPartExamined": "ANKLE", "ProtocolName": "CHEST PA"}, None, None),
        ({"BodyPartExamined": "", "ProtocolName": "KNEE", "StudyDescription": "CHEST"}, None, None),
    ],
)
def test_body_part_comes_from_codes_then_text_and_never_from_a_contradiction(
    elements, part, source, tmp_path
):
    manifest = said(changed(tmp_path / "a.dcm", **elements))
    assert (manifest.body_part, manifest.body_part_source) == (part, source)
    contradicts = "the header contradicts itself about the body part" in manifest.notes
    assert contradicts is (part is None and "follow" not in str(elements))


def test_coded_region_is_a_code(tmp_path):
    path = changed(
        tmp_path / "a.dcm", AnatomicRegionSequence=_code("T-D3000"), drop=("BodyPartExamined",)
    )
    assert said(path).body_part_source == "header code"
    assert said(path).body_part == "chest"


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"ViewPosition": "AP"}, "AP"),
        ({"ViewPosition": "LL"}, "lateral"),
        ({"ViewPosition": "RAO"}, "oblique"),
        ({"ViewPosition": "LLD"}, "decubitus"),
        ({"ViewPosition": "", "ViewCodeSequence": _code("R-10236")}, "lateral"),
        ({"ViewPosition": "", "SeriesDescription": "Thorax seitlich"}, "lateral"),
        ({"ViewPosition": "", "SeriesDescription": "CHEST PA AND LATERAL"}, None),
        ({"ViewPosition": "", "PatientOrientation": ["A", "F"]}, "lateral"),
        ({"ViewPosition": "", "PatientOrientation": ["L", "F"]}, None),
        ({"ViewPosition": "PA", "SeriesDescription": "LATERAL"}, None),
        ({"ViewPosition": "XX"}, None),
    ],
)
def test_view_is_normalised(elements, view, tmp_path):
    assert said(changed(tmp_path / "a.dcm", **elements)).view == view


@pytest.mark.parametrize(
    ("elements", "human"),
    [
        ({}, True),
        ({"PatientSpeciesDescription": "Homo sapiens"}, True),
        ({"PatientSpeciesDescription": "Felis catus"}, False),
        ({"PatientSpeciesCodeSequence": _code("L-80700")}, False),
        ({"PatientSpeciesCodeSequence": _code("337915000")}, True),
        ({"PatientBreedDescription": "Beagle"}, False),
        ({"PatientSexNeutered": "ALTERED"}, False),
        ({"ResponsiblePersonRole": "OWNER"}, False),
        ({"ResponsiblePersonRole": "PARENT"}, True),
        ({"StudyDescription": "EQUINE FETLOCK"}, False),
        (
            {
                "Modality": "IO",
                "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.3",
                "StudyDescription": "upper canine",
            },
            True,
        ),
    ],
)
def test_animals_are_told(elements, human, tmp_path):
    assert said(changed(tmp_path / "a.dcm", **elements)).human is human


@pytest.mark.parametrize(
    ("elements", "age"),
    [
        ({"PatientAge": "045Y"}, 45),
        ({"PatientAge": "018M"}, 1),
        ({"PatientAge": "003W"}, 0),
        ({"PatientAge": "011D"}, 0),
        ({"PatientAge": "089Y"}, 89),
        ({"PatientAge": "104Y"}, 90),
        ({"PatientBirthDate": "20000302", "StudyDate": "20200301"}, 19),
        ({"PatientBirthDate": "20000302", "StudyDate": "20200302"}, 20),
        ({"PatientBirthDate": "19100302", "StudyDate": "20200302"}, 90),
        ({"PatientBirthDate": "20210302", "StudyDate": "20200302"}, None),
        ({"PatientBirthDate": "", "StudyDate": "20200302"}, None),
    ],
)
def test_age_is_whole_years_and_ninety_at_most(elements, age, tmp_path):
    assert said(changed(tmp_path / "a.dcm", **elements)).age_years == age


@pytest.mark.parametrize(
    ("elements", "kind"),
    [
        ({"Modality": "DX", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1"}, "radiograph"),
        ({"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "volume"),
        ({"Modality": "OP", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.5.1"}, "photograph"),
        ({"Modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}, "image"),
        ({"Modality": "MG", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2"}, "image"),
        ({"Modality": "CR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "radiograph"),
    ],
)
def test_kind_follows_the_modality(elements, kind, tmp_path):
    manifest = said(changed(tmp_path / "a.dcm", **elements))
    assert (manifest.kind, manifest.modality) == (kind, elements["Modality"])


def test_missing_modality_is_taken_from_the_storage_class(tmp_path):
    manifest = said(changed(tmp_path / "a.dcm", drop=("Modality",)))
    assert (manifest.kind, manifest.modality) == ("radiograph", "CR")
    assert any("modality" in note for note in manifest.notes)


def test_value_that_its_type_does_not_allow_is_left_out(tmp_path):
    content = CHEST.read_bytes()
    assert content.count(b"0.000\\0.000") == 1
    (tmp_path / "a.dcm").write_bytes(content.replace(b"0.000\\0.000", b"abcde\\fghij"))
    assert said(tmp_path / "a.dcm").spacing_mm is None


def test_unequal_image_orientation_gives_its_plane(tmp_path):
    source = DATA / "ct" / "single_slice_pancreas.dcm"
    for orientation, plane in (
        ([1, 0, 0, 0, 0, -1], "coronal"),
        ([0, 1, 0, 0, 0, -1], "sagittal"),
        ([0.8, 0.6, 0, 0, 0.6, 0.8], "oblique"),
        ([0, 0, 0, 0, 0, 0], None),
    ):
        path = changed(tmp_path / "a.dcm", source, ImageOrientationPatient=orientation)
        assert said(path).view == plane


def test_multiframe_scan_takes_shared_geometry(tmp_path):
    measures, plane, shared = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing, measures.SpacingBetweenSlices = [0.5, 0.6], 3
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = DicomSequence([measures])
    shared.PlaneOrientationSequence = DicomSequence([plane])
    dataset = pydicom.dcmread(DOG)
    dataset.Modality, dataset.SOPClassUID = "MR", "1.2.840.10008.5.1.4.1.1.4.1"
    del dataset.PixelSpacing
    del dataset.ImagerPixelSpacing
    dataset.SharedFunctionalGroupsSequence = DicomSequence([shared])
    dataset.NumberOfFrames = 2
    dataset.PixelData = dataset.PixelData[: 169 * 211] * 2
    dataset.save_as(tmp_path / "a.dcm")
    manifest = said(tmp_path / "a.dcm")
    assert (manifest.frames, manifest.view) == (2, "axial")
    assert manifest.spacing_mm == pytest.approx((0.5, 0.6, 3.0))


def test_dicom_without_preamble_is_told(tmp_path):
    (tmp_path / "a").write_bytes(CHEST.read_bytes()[132:])
    assert said(tmp_path / "a").modality == "CR"


def test_bare_dataset_without_meta_information_is_told(tmp_path):
    dataset = pydicom.dcmread(DOG)
    pydicom.dcmwrite(tmp_path / "a", pydicom.Dataset(dataset), implicit_vr=True, little_endian=True)
    assert said(tmp_path / "a").modality == "DX"


def test_tiff_pages_and_aperio_slides_are_told(tmp_path):
    pixels = np.zeros((32, 48, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    text = "Aperio Image Library v11.2.1\r\n48x32|AppMag = 20|MPP = 0.5"
    tifffile.imwrite(tmp_path / "a.svs", pixels, photometric="rgb", description=text)
    assert said(tmp_path / "a.tif").kind == "image"
    slide = said(tmp_path / "a.svs")
    assert (slide.kind, slide.format, slide.modality) == ("slide", "SVS", "SM")
    assert slide.spacing_mm == pytest.approx((0.0005, 0.0005))


def test_exif_is_no_source(tmp_path):
    exif = Image.Exif()
    exif[0x010E], exif[0x013B], exif[0x0132] = "Jane Doe", "Dr Roe", "2020:01:02 03:04:05"
    Image.new("L", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    text = said(tmp_path / "a.jpg").model_dump_json()
    assert not any(word in text for word in ("Doe", "Roe", "2020"))


def test_nifti_of_other_orientation_and_size_is_told(tmp_path):
    values = np.full((10, 20, 30), -1000, np.int16)
    values[2:8, 5:15, :] = 40
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1.0, 2.0, 3.0, 1.0])), tmp_path / "a.nii")
    manifest = said(tmp_path / "a.nii")
    assert (manifest.rows, manifest.columns, manifest.frames) == (20, 10, 30)
    assert manifest.spacing_mm == (2.0, 1.0, 3.0)
    assert manifest.modality == "CT"
    assert any("inferred" in note for note in manifest.notes)


def test_two_scans_with_the_same_header_but_other_series_stay_apart(tmp_path):
    for series in ("1", "2"):
        uid = generate_uid()
        for path in sorted(SERIES.iterdir())[:3]:
            changed(tmp_path / f"{series}{path.name}", path, SeriesInstanceUID=uid)
    found = inspect([tmp_path])
    assert [len(entry.paths) for entry in found] == [3, 3]


def test_nothing_asked_gives_nothing():
    assert inspect([]) == []
