import copy
import gzip
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from specialists.errors import (
    FileMissing,
    FileTooLarge,
    InvalidInput,
    MislabelledFile,
    MixedPatients,
    SeveralSeries,
    TruncatedFile,
    UnreadableFile,
    UnsupportedFormat,
    UnusableGeometry,
    WardroundError,
)
from specialists.readers import worker
from specialists.readers.limits import Limits
from specialists.readers.volume import Volume, read_volume

DATA = Path(__file__).parents[1] / "data" / "ct"
SERIES = DATA / "series"
NIFTI = sorted(DATA.glob("*.nii.gz"))
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
Slices = list[Dataset]
Edit = Callable[[Slices], Slices]


def from_simpleitk(paths: Sequence[Path]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Array (x, y, z) and affine in RAS, turned to the closest axes by nibabel."""
    image = sitk.ReadImage([str(path) for path in paths])
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    affine = np.diag([-1, -1, 1, 1]) @ affine
    # dtype: nibabel wants one named where values are 64-bit integers.
    values = sitk.GetArrayFromImage(image).T.astype(np.float64)
    turned = nib.as_closest_canonical(nib.Nifti1Image(values, affine))
    return np.asarray(turned.dataobj), turned.affine


def series_in_itk_order() -> list[Path]:
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(SERIES))
    return [Path(name) for name in names]


def assert_same(one: Volume, other: Volume) -> None:
    np.testing.assert_allclose(one.affine, other.affine, atol=1e-6)
    assert one.array.dtype == other.array.dtype
    np.testing.assert_array_equal(one.array, other.array)


def assert_refused(error: WardroundError) -> None:
    """A message helps, and names no file, UID or person."""
    assert error.client_message.endswith(".")
    assert "/" not in error.client_message.replace("(", " ")
    assert "1.2." not in error.client_message


@pytest.fixture(scope="module")
def real() -> Volume:
    return read_volume([SERIES])


@pytest.fixture(scope="module")
def _cropped() -> Slices:
    """Eight slices of the real series, 96 rows x 128 columns around the spine, not compressed."""
    found = [pydicom.dcmread(path) for path in sorted(SERIES.iterdir())[:8]]
    for dataset in found:
        dataset.decompress(generate_instance_uid=False)
        pixels = dataset.pixel_array[200:296, 190:318]
        dataset.PixelData = pixels.tobytes()
        dataset.Rows, dataset.Columns = pixels.shape
        x, y, z = dataset.ImagePositionPatient
        dx = dataset.PixelSpacing[0]
        dataset.ImagePositionPatient = [x + 190 * dx, y + 200 * dx, z]
        dataset.SeriesInstanceUID = "1.2.3"
    return found


@pytest.fixture
def slices(_cropped: Slices) -> Slices:
    return copy.deepcopy(_cropped)


def write(slices: Slices, folder: Path) -> list[Path]:
    """Files whose names and instance numbers tell nothing of the order."""
    folder.mkdir(exist_ok=True, parents=True)
    paths = []
    for index, dataset in enumerate(slices):
        path = folder / f"{(index * 5 + 3) % 17:02d}-{len(list(folder.iterdir()))}.dcm"
        dataset.save_as(path)
        paths.append(path)
    return paths


def at(dataset: Dataset, *, dx: float = 0, dy: float = 0, dz: float = 0) -> Dataset:
    """A copy, moved."""
    moved = copy.deepcopy(dataset)
    x, y, z = moved.ImagePositionPatient
    moved.ImagePositionPatient = [round(x + dx, 6), round(y + dy, 6), round(z + dz, 6)]
    return moved


# The real series


def test_series_has_the_geometry_and_values_of_simpleitk(real: Volume) -> None:
    array, affine = from_simpleitk(series_in_itk_order())
    np.testing.assert_allclose(real.affine, affine, atol=1e-5)
    np.testing.assert_array_equal(real.array, array)
    assert real.array.dtype == np.int16
    assert real.array.shape == (512, 512, 20)
    assert real.spacing_mm == pytest.approx((0.9765625, 0.9765625, 2.0))
    assert (real.modality, real.unit, real.notes) == ("CT", "HU", ())


def test_series_lies_on_its_reference_segmentation(real: Volume) -> None:
    labels = read_volume([DATA / "example_seg_dicom.nii.gz"])
    assert labels.array.shape == real.array.shape
    np.testing.assert_allclose(labels.affine, real.affine, atol=1e-6)
    spleen, liver = real.array[labels.array == 1], real.array[labels.array == 5]
    ribs = real.array[(labels.array >= 92) & (labels.array <= 115)]
    assert 60 < spleen.mean() < 110
    assert spleen.std() < 30
    assert 60 < liver.mean() < 120
    assert liver.std() < 30
    assert ribs.mean() > 200


def test_list_of_files_in_any_order_gives_the_same_volume(real: Volume) -> None:
    files = sorted(SERIES.iterdir())
    assert_same(read_volume(files[::-2] + files[::2]), real)


def test_zip_gives_the_same_volume(real: Volume, tmp_path: Path) -> None:
    archive = tmp_path / "series.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for number, path in enumerate(sorted(SERIES.iterdir())):
            out.write(path, f"study/{number % 3}/{90 - number}")
    assert_same(read_volume([archive]), real)


def test_nested_folder_with_other_files_gives_the_same_volume_and_says_so(
    slices: Slices, tmp_path: Path
) -> None:
    whole = read_volume(write(slices, tmp_path / "whole"))
    for number, dataset in enumerate(slices):
        write([dataset], tmp_path / "nested" / f"level{number % 2}" / f"deeper{number // 3}")
    (tmp_path / "nested" / "readme.txt").write_text("Not a picture. " * 40)
    volume = read_volume([tmp_path / "nested"])
    assert_same(volume, whole)
    assert volume.notes == ("1 file without a DICOM picture ignored",)


def test_damaged_slice_in_a_folder_is_reported(tmp_path: Path) -> None:
    for path in sorted(SERIES.iterdir())[:6]:
        shutil.copy(path, tmp_path)
    third = sorted(tmp_path.iterdir())[2]
    third.write_bytes(third.read_bytes()[:90_000])
    volume = read_volume([tmp_path])
    assert volume.array.shape[2] == 6
    assert volume.notes[0] == "1 file damaged and left out"
    assert volume.notes[1].startswith("1 slice missing")


def test_damaged_slice_that_was_named_is_an_error(tmp_path: Path) -> None:
    files = [Path(shutil.copy(path, tmp_path)) for path in sorted(SERIES.iterdir())[:4]]
    files[1].write_bytes(files[1].read_bytes()[:90_000])
    with pytest.raises(TruncatedFile) as caught:
        read_volume(files)
    assert_refused(caught.value)


# Single slices


def test_ct_slice_of_unknown_thickness_is_one_millimetre_thick() -> None:
    volume = read_volume([DATA / "single_slice_pancreas.dcm"])
    array, affine = from_simpleitk([DATA / "single_slice_pancreas.dcm"])
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-5)
    assert volume.spacing_mm[2] == 1.0
    assert volume.notes == ("single slice of unknown thickness: 1 mm assumed",)


def test_oblique_mr_slice_has_the_geometry_of_simpleitk() -> None:
    volume = read_volume([DATA / "mr_single.dcm"])
    array, affine = from_simpleitk([DATA / "mr_single.dcm"])
    assert volume.array.shape == (1, 1024, 1024)
    assert volume.array.dtype == np.float32
    np.testing.assert_allclose(volume.array, array, rtol=1e-6)
    np.testing.assert_allclose(volume.affine[:3, 1:], affine[:3, 1:], atol=1e-4)
    # SimpleITK takes Spacing Between Slices too.
    np.testing.assert_allclose(volume.affine[:3, 0], affine[:3, 0], atol=1e-4)
    assert (volume.modality, volume.unit) == ("MR", None)


# Slices that are not as they should be


def test_order_comes_from_position_alone(slices: Slices, tmp_path: Path) -> None:
    straight = read_volume([*write(slices, tmp_path / "a")])
    for number, dataset in enumerate(slices):
        dataset.InstanceNumber = 100 - number * 3 % 7
    shuffled = read_volume([*write(slices[3:] + slices[:3], tmp_path / "b")])
    assert_same(shuffled, straight)
    assert straight.notes == ()


def test_missing_slices_are_filled_and_reported(slices: Slices, tmp_path: Path) -> None:
    whole = read_volume(write(slices, tmp_path / "whole"))
    volume = read_volume(write([*slices[:3], *slices[5:]], tmp_path / "gap"))
    assert volume.notes == ("2 slices missing (largest gap 6.0 mm): resampled to 2.00 mm",)
    np.testing.assert_allclose(volume.affine, whole.affine, atol=1e-6)
    assert volume.array.shape == whole.array.shape
    # The series goes down as numbers go up: given slices 3 and 4 are z 4 and 3.
    present = [0, 1, 2, 5, 6, 7]
    np.testing.assert_array_equal(volume.array[..., present], whole.array[..., present])
    ends = whole.array[..., [2, 5]].astype(float)
    np.testing.assert_allclose(
        volume.array[..., 3], ends[..., 0] * 2 / 3 + ends[..., 1] / 3, atol=0.51
    )


def test_gap_too_large_to_fill_is_refused(slices: Slices, tmp_path: Path) -> None:
    far = [at(each, dz=-60) for each in slices[4:]]
    with pytest.raises(UnusableGeometry, match=r"largest gap is 62\.0 mm") as caught:
        read_volume(write([*slices[:4], *far], tmp_path / "far"))
    assert_refused(caught.value)


def test_unequal_spacing_keeps_volumes_right(slices: Slices, tmp_path: Path) -> None:
    # A ball of 30 mm, seen by slices 1.0 to 2.6 mm apart.
    depths = np.cumsum([0, *([1.0, 2.6, 2.0] * 10)])
    centre = np.array([60.0, 45.0, depths[-1] / 2])
    stack = []
    for number, depth in enumerate(depths):
        dataset = at(slices[0], dz=float(depth))
        y, x = np.mgrid[: dataset.Rows, : dataset.Columns] * 0.9765625
        inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (depth - centre[2]) ** 2 < 15**2
        dataset.PixelData = np.where(inside, 1064, 24).astype(np.uint16).tobytes()
        dataset.InstanceNumber = number
        stack.append(dataset)
    volume = read_volume(write(stack, tmp_path / "unequal"))
    assert "unequal slice spacing (1.00 to 2.60 mm)" in volume.notes[0]
    ball = (volume.array > -480).sum() * abs(np.linalg.det(volume.affine[:3, :3]))
    assert ball == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.03)


def test_small_rounding_of_positions_is_no_unequal_spacing(slices: Slices, tmp_path: Path) -> None:
    rounded = [at(each, dz=(-1) ** number * 0.05) for number, each in enumerate(slices)]
    volume = read_volume(write(rounded, tmp_path / "rounded"))
    assert volume.notes == ()
    assert volume.array.shape[2] == 8


def test_identical_duplicates_are_dropped_and_reported(slices: Slices, tmp_path: Path) -> None:
    whole = read_volume(write(slices, tmp_path / "whole"))
    volume = read_volume(write([*slices, slices[2], slices[5]], tmp_path / "twice"))
    assert_same(volume, whole)
    assert volume.notes == ("2 duplicate slices left out",)


def test_different_slices_at_one_place_are_refused(slices: Slices, tmp_path: Path) -> None:
    other = copy.deepcopy(slices[2])
    other.PixelData = bytes(len(other.PixelData))
    with pytest.raises(UnusableGeometry, match="same place") as caught:
        read_volume(write([*slices, other], tmp_path / "phases"))
    assert_refused(caught.value)


@pytest.mark.parametrize("degrees", [-25, 6, 20])
def test_gantry_tilt_is_corrected(slices: Slices, tmp_path: Path, degrees: float) -> None:
    """A bar that runs along the table lies straight in space, whatever the gantry does."""
    angle = np.radians(degrees)
    normal = np.array([0, np.sin(angle), np.cos(angle)])
    stack = []
    for number in range(12):
        dataset = copy.deepcopy(slices[0])
        dataset.ImageOrientationPatient = [1, 0, 0, 0, np.cos(angle), -np.sin(angle)]
        dataset.ImagePositionPatient = [0, 0, 3 * number]
        dataset.PixelSpacing = [1, 1]
        rows = np.arange(dataset.Rows) * np.cos(angle)
        pixels = np.full((dataset.Rows, dataset.Columns), 24, np.uint16)
        pixels[(rows >= 30) & (rows <= 50), 40:60] = 1024
        dataset.PixelData = pixels.tobytes()
        stack.append(dataset)
    volume = read_volume(write(stack, tmp_path / "tilted"))
    assert volume.notes == (
        f"gantry tilt of {abs(degrees)}.0 degrees corrected by shifting the slices",
    )
    axes = volume.affine[:3, :3] / volume.spacing_mm
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    assert abs(axes[:, 2] @ (normal * [-1, -1, 1])) == pytest.approx(1)
    assert volume.spacing_mm[2] == pytest.approx(3 * np.cos(angle))
    inside = np.argwhere(volume.array > -500)
    placed = inside @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    # In RAS the bar's left edge is at -40 mm and its posterior edge at -50 mm.
    assert placed[:, 0].max() == pytest.approx(-40, abs=0.6)
    assert placed[:, 1].max() == pytest.approx(-30, abs=1.0)
    assert placed[:, 1].min() == pytest.approx(-50, abs=1.0)


def test_tilt_beyond_any_gantry_is_refused(slices: Slices, tmp_path: Path) -> None:
    slid = [at(each, dy=number * 2.0) for number, each in enumerate(slices)]
    with pytest.raises(UnusableGeometry, match="tilted by 45 degrees") as caught:
        read_volume(write(slid, tmp_path / "slid"))
    assert_refused(caught.value)


def test_scattered_slices_are_refused(slices: Slices, tmp_path: Path) -> None:
    scattered = [at(each, dx=(-1) ** number * 9.0) for number, each in enumerate(slices)]
    with pytest.raises(UnusableGeometry, match="one line") as caught:
        read_volume(write(scattered, tmp_path / "scattered"))
    assert_refused(caught.value)


def half_the_rows(slices: Slices) -> Slices:
    for dataset in slices[4:]:
        dataset.Rows = dataset.Rows // 2
        dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]
    return slices


def coronal_half(slices: Slices) -> Slices:
    for dataset in slices[4:]:
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    return slices


def other_pixels(slices: Slices) -> Slices:
    for dataset in slices[4:]:
        dataset.PixelSpacing = [0.5, 0.5]
    return slices


@pytest.mark.parametrize("edit", [half_the_rows, coronal_half, other_pixels])
def test_mixed_slices_are_refused(slices: Slices, tmp_path: Path, edit: Edit) -> None:
    with pytest.raises(UnusableGeometry, match=r"\(slices of each: 4, 4\)") as caught:
        read_volume(write(edit(slices), tmp_path / "mixed"))
    assert_refused(caught.value)


@pytest.mark.parametrize(
    "keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"]
)
def test_slices_without_a_place_are_refused(slices: Slices, tmp_path: Path, keyword: str) -> None:
    delattr(slices[3], keyword)
    with pytest.raises(UnusableGeometry, match="A slice has no") as caught:
        read_volume(write(slices, tmp_path / "placeless"))
    assert_refused(caught.value)


# What belongs together


def scout(dataset: Dataset) -> Dataset:
    made = copy.deepcopy(dataset)
    made.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    made.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    return made


@pytest.mark.parametrize("own_series", [False, True])
def test_localizer_is_left_out_and_reported(
    slices: Slices, tmp_path: Path, own_series: bool
) -> None:
    whole = read_volume(write(slices, tmp_path / "whole"))
    localizer = scout(slices[0])
    localizer.SeriesInstanceUID = "1.2.4" if own_series else slices[0].SeriesInstanceUID
    write([*slices, localizer], tmp_path / "with")
    volume = read_volume([tmp_path / "with"])
    assert_same(volume, whole)
    assert volume.notes == ("1 other series (localizers or single pictures) left out",)


def test_stray_slice_of_another_orientation_is_left_out_and_reported(
    slices: Slices, tmp_path: Path
) -> None:
    whole = read_volume(write(slices, tmp_path / "whole"))
    stray = scout(slices[0])
    stray.ImageType = slices[0].ImageType
    volume = read_volume(write([*slices, stray], tmp_path / "stray"))
    assert_same(volume, whole)
    assert volume.notes == ("1 slice of another orientation left out",)


def test_two_series_need_a_choice(slices: Slices, tmp_path: Path) -> None:
    for number, dataset in enumerate(slices):
        dataset.SeriesNumber = 4 if number < 5 else 7
        dataset.SeriesInstanceUID = f"1.2.{dataset.SeriesNumber}"
    write(slices, tmp_path / "two")
    with pytest.raises(SeveralSeries, match=r"2 series .*: 5 slices.*: 3 slices") as caught:
        read_volume([tmp_path / "two"])
    assert_refused(caught.value)
    assert read_volume([tmp_path / "two"], series="series 1").array.shape[2] == 5
    assert read_volume([tmp_path / "two"], series="series 2").array.shape[2] == 3
    with pytest.raises(InvalidInput):
        read_volume([tmp_path / "two"], series="series 3")


@pytest.mark.parametrize("own_series", [False, True])
def test_mixed_patients_are_refused(slices: Slices, tmp_path: Path, own_series: bool) -> None:
    for number, dataset in enumerate(slices):
        dataset.PatientID = f"PATIENT{number // 4}"
        if own_series:
            dataset.SeriesInstanceUID = f"1.2.{number // 4}"
    write(slices, tmp_path / "mixed")
    with pytest.raises(MixedPatients) as caught:
        read_volume([tmp_path / "mixed"])
    assert_refused(caught.value)


# Values


def test_slope_and_intercept_of_each_slice_are_used(slices: Slices, tmp_path: Path) -> None:
    whole = read_volume(write(slices, tmp_path / "whole"))
    for number, dataset in enumerate(slices):
        pixels = dataset.pixel_array.astype(np.int32)
        dataset.RescaleIntercept = -1024 - number
        dataset.PixelData = (pixels + number).astype(np.uint16).tobytes()
    assert_same(read_volume(write(slices, tmp_path / "varied")), whole)


def test_slope_that_is_not_whole_gives_float32(slices: Slices, tmp_path: Path) -> None:
    whole = read_volume(write(slices, tmp_path / "whole"))
    for dataset in slices:
        dataset.RescaleSlope, dataset.RescaleIntercept = 0.5, -512
    volume = read_volume(write(slices, tmp_path / "half"))
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array, whole.array / 2)


def test_ct_without_rescaling_has_no_unit(slices: Slices, tmp_path: Path) -> None:
    for dataset in slices:
        del dataset.RescaleSlope, dataset.RescaleIntercept
    volume = read_volume(write(slices, tmp_path / "raw"))
    assert volume.unit is None
    assert volume.notes == ("the header does not say that values are HU",)


@pytest.mark.parametrize(
    ("padding", "limit", "stored", "expected"),
    [
        (-2000, None, [-2000, -1999, 0], [-1024, -3023, -1024]),
        # Written as if pixels were unsigned, as some scanners do.
        (63536, None, [-2000, -1999, 0], [-1024, -3023, -1024]),
        (-2000, -1990, [-2000, -1995, -1989], [-1024, -1024, -3013]),
        # Soft tissue can't be padding.
        (1024, None, [1024, 1025, 0], [0, 1, -1024]),
    ],
)
def test_padding_becomes_air_unless_it_is_tissue(
    slices: Slices,
    tmp_path: Path,
    padding: int,
    limit: int | None,
    stored: list[int],
    expected: list[int],
) -> None:
    dataset = slices[0]
    pixels = np.zeros((dataset.Rows, dataset.Columns), np.int16)
    pixels[0, :3] = stored
    dataset.PixelData, dataset.PixelRepresentation = pixels.tobytes(), 1
    dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.add_new("PixelPaddingValue", "US" if padding > 2**15 else "SS", padding)
    if limit is not None:
        dataset.add_new("PixelPaddingRangeLimit", "SS", limit)
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue"):
        if keyword in dataset:
            delattr(dataset, keyword)
    volume = read_volume(write([dataset], tmp_path / "padded"))
    first_row = volume.array[::-1, -1, 0]
    assert first_row[:3].tolist() == expected


# Enhanced multi-frame


def enhanced(slices: Slices, order: Sequence[int]) -> Dataset:
    """One file with a functional group for each frame, and another intercept for each."""
    first = slices[0]
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = ENHANCED_CT
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.Modality, dataset.PatientID = "CT", "X"
    dataset.SeriesInstanceUID = dataset.StudyInstanceUID = generate_uid()
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = first.Rows, first.Columns, len(order)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = first.ImageOrientationPatient
    measures.PixelSpacing, measures.SliceThickness = first.PixelSpacing, 2
    shared = Dataset()
    shared.PlaneOrientationSequence = Items([orientation])
    shared.PixelMeasuresSequence = Items([measures])
    dataset.SharedFunctionalGroupsSequence = Items([shared])
    dataset.PerFrameFunctionalGroupsSequence = Items(
        [frame_group(slices[index], -1024 - index) for index in order]
    )
    dataset.PixelData = b"".join(
        (slices[index].pixel_array.astype(np.int32) + index).astype(np.uint16).tobytes()
        for index in order
    )
    return dataset


def frame_group(dataset: Dataset, intercept: float) -> Dataset:
    position, transformation, group = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = dataset.ImagePositionPatient
    transformation.RescaleSlope, transformation.RescaleIntercept = 1, intercept
    transformation.RescaleType = "HU"
    group.PlanePositionSequence = Items([position])
    group.PixelValueTransformationSequence = Items([transformation])
    return group


def test_enhanced_file_gives_the_volume_of_its_slices(slices: Slices, tmp_path: Path) -> None:
    whole = read_volume(write(slices, tmp_path / "whole"))
    path = tmp_path / "enhanced.dcm"
    enhanced(slices, [3, 0, 7, 1, 6, 2, 5, 4]).save_as(path, enforce_file_format=True)
    volume = read_volume([path])
    assert_same(volume, whole)
    assert (volume.modality, volume.unit) == ("CT", "HU")


def test_enhanced_file_with_a_missing_frame_reports_it(slices: Slices, tmp_path: Path) -> None:
    path = tmp_path / "enhanced.dcm"
    enhanced(slices, [0, 1, 2, 4, 5, 6, 7]).save_as(path, enforce_file_format=True)
    volume = read_volume([path])
    assert volume.notes == ("1 slice missing (largest gap 4.0 mm): resampled to 2.00 mm",)


def test_frames_without_places_are_refused(slices: Slices, tmp_path: Path) -> None:
    dataset = enhanced(slices, [0, 1, 2])
    del dataset.PerFrameFunctionalGroupsSequence
    path = tmp_path / "frames.dcm"
    dataset.save_as(path, enforce_file_format=True)
    with pytest.raises(UnusableGeometry, match="where they lie") as caught:
        read_volume([path])
    assert_refused(caught.value)


# NIfTI


@pytest.mark.parametrize("path", NIFTI, ids=lambda path: path.name)
def test_nifti_has_the_geometry_and_values_of_nibabel(path: Path) -> None:
    volume = read_volume([path])
    canonical = nib.as_closest_canonical(nib.load(path))
    np.testing.assert_allclose(volume.affine, canonical.affine, atol=1e-9)
    np.testing.assert_array_equal(volume.array, canonical.get_fdata())
    assert nib.aff2axcodes(volume.affine) == ("R", "A", "S")
    assert volume.array.dtype == np.int16
    assert (volume.modality, volume.unit, volume.notes) == (None, None, ())


def saved(path: Path, image: Any) -> Path:
    nib.save(image, path)
    return path


def ramp(shape: tuple[int, ...], dtype: type = np.int16) -> NDArray[Any]:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


AFFINE = np.array([[0, -1.5, 0, 20], [0, 0, 2.5, -30], [-3.0, 0, 0, 40], [0, 0, 0, 1]])


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.uint8, "int16"), (np.int32, "int16"), (np.uint16, "int16"), (np.float64, "float32")],
)
def test_nifti_of_any_axes_and_type_equals_nibabel(
    tmp_path: Path, kind: type, name: str, dtype: type, expected: str
) -> None:
    path = saved(tmp_path / name, kind(ramp((4, 5, 6), dtype), AFFINE))
    volume = read_volume([path])
    canonical = nib.as_closest_canonical(nib.load(path))
    np.testing.assert_array_equal(volume.array, canonical.get_fdata())
    np.testing.assert_allclose(volume.affine, canonical.affine)
    assert volume.array.dtype == expected
    assert volume.spacing_mm == pytest.approx((1.5, 2.5, 3.0))


def test_nifti_in_the_other_byte_order_equals_nibabel(tmp_path: Path) -> None:
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(np.int16)
    path = saved(tmp_path / "big.nii", nib.Nifti1Image(ramp((4, 5, 6)), AFFINE, header))
    assert path.read_bytes()[:4] == struct.pack(">i", 348)
    expected = nib.as_closest_canonical(nib.load(path)).get_fdata()
    np.testing.assert_array_equal(read_volume([path]).array, expected)


@pytest.mark.parametrize(
    ("slope", "intercept", "expected"),
    [
        (2.0, -1024.0, "int16"),
        (0.25, 1.0, "float32"),
        (0.0, 7.0, "int16"),
        (np.nan, np.nan, "int16"),
        (1.0, 40000.0, "float32"),
    ],
)
def test_nifti_scaling_equals_nibabel(
    tmp_path: Path, slope: float, intercept: float, expected: str
) -> None:
    path = saved(tmp_path / "v.nii", nib.Nifti1Image(ramp((4, 5, 6)), np.eye(4)))
    content = bytearray(path.read_bytes())
    content[112:120] = struct.pack("<2f", slope, intercept)
    path.write_bytes(content)
    volume = read_volume([path])
    np.testing.assert_allclose(volume.array, nib.load(path).get_fdata())
    assert volume.array.dtype == expected


@pytest.mark.parametrize(("sform", "qform"), [(0, 1), (1, 0), (2, 1), (0, 0)])
def test_nifti_orientation_comes_from_sform_then_qform_then_sizes(
    tmp_path: Path, sform: int, qform: int
) -> None:
    image = nib.Nifti1Image(ramp((4, 5, 6)), None)
    image.header.set_zooms((1.0, 2.0, 3.0))
    image.header.set_sform(np.diag([1, 2, 3, 1.0]) + np.eye(4, k=3) * 9, sform)
    image.header.set_qform(np.diag([-1, -2, 3, 1.0]), qform)
    path = saved(tmp_path / "v.nii", image)
    canonical = nib.as_closest_canonical(nib.load(path))
    volume = read_volume([path])
    np.testing.assert_allclose(volume.affine, canonical.affine, atol=1e-6)
    np.testing.assert_array_equal(volume.array, canonical.get_fdata())
    assert bool(volume.notes) == (sform == qform == 0)


def test_nifti_with_one_time_point_is_a_volume(tmp_path: Path) -> None:
    path = saved(tmp_path / "v.nii.gz", nib.Nifti1Image(ramp((4, 5, 6, 1)), np.eye(4)))
    assert read_volume([path]).array.shape == (4, 5, 6)


def test_nifti_units_of_length_are_used(tmp_path: Path) -> None:
    image = nib.Nifti1Image(ramp((4, 5, 6)), np.diag([0.001, 0.002, 0.003, 1]))
    image.header.set_xyzt_units("meter")
    volume = read_volume([saved(tmp_path / "v.nii", image)])
    assert volume.spacing_mm == pytest.approx((1.0, 2.0, 3.0))


def test_nifti_values_that_are_no_numbers_are_replaced_and_reported(tmp_path: Path) -> None:
    array = ramp((4, 5, 6), np.float32) - 3
    array[1, 1, 1], array[2, 2, 2] = np.nan, np.inf
    volume = read_volume([saved(tmp_path / "v.nii", nib.Nifti1Image(array, np.eye(4)))])
    assert volume.array[1, 1, 1] == volume.array[2, 2, 2] == -3
    assert volume.notes == ("2 voxels without a number set to the lowest value",)


def several(tmp_path: Path) -> Path:
    return saved(tmp_path / "v.nii", nib.Nifti1Image(ramp((4, 5, 6, 3)), np.eye(4)))


def pair(tmp_path: Path) -> Path:
    nib.save(nib.Nifti1Pair(ramp((4, 5, 6)), np.eye(4)), tmp_path / "v.img")
    return tmp_path / "v.hdr"


def analyze(tmp_path: Path) -> Path:
    nib.save(nib.AnalyzeImage(ramp((4, 5, 6)), np.eye(4)), tmp_path / "v.img")
    return tmp_path / "v.hdr"


def coloured(tmp_path: Path) -> Path:
    rgb = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    return saved(tmp_path / "v.nii", nib.Nifti1Image(rgb, np.eye(4)))


def complex_numbers(tmp_path: Path) -> Path:
    array = ramp((4, 5, 6), np.complex64)
    return saved(tmp_path / "v.nii", nib.Nifti1Image(array, np.eye(4)))


def cut(tmp_path: Path) -> Path:
    path = saved(tmp_path / "v.nii", nib.Nifti1Image(ramp((4, 5, 6)), np.eye(4)))
    path.write_bytes(path.read_bytes()[:-7])
    return path


def cut_in_header(tmp_path: Path) -> Path:
    path = cut(tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    return path


def cut_gzip(tmp_path: Path) -> Path:
    path = tmp_path / "v.nii.gz"
    path.write_bytes(NIFTI[0].read_bytes()[:-5000])
    return path


def short_gzip(tmp_path: Path) -> Path:
    path = tmp_path / "v.nii.gz"
    whole = gzip.decompress((DATA / "example_seg.nii.gz").read_bytes())
    path.write_bytes(gzip.compress(whole[:-9]))
    return path


def damaged_gzip(tmp_path: Path) -> Path:
    path = tmp_path / "v.nii.gz"
    content = bytearray(NIFTI[0].read_bytes())
    content[-6] ^= 0xFF
    path.write_bytes(content)
    return path


def with_dim(tmp_path: Path, *dim: int) -> Path:
    path = saved(tmp_path / "v.nii", nib.Nifti1Image(ramp((4, 5, 6)), np.eye(4)))
    content = bytearray(path.read_bytes())
    content[40:56] = struct.pack("<8h", *dim)
    path.write_bytes(gzip.compress(content))
    return path


def bomb(tmp_path: Path) -> Path:
    return with_dim(tmp_path, 3, 32000, 32000, 32000, 1, 1, 1, 1)


def negative_size(tmp_path: Path) -> Path:
    return with_dim(tmp_path, 3, 4, -5, 6, 1, 1, 1, 1)


def too_many_axes(tmp_path: Path) -> Path:
    return with_dim(tmp_path, 77, 4, 5, 6, 1, 1, 1, 1)


def not_nifti(tmp_path: Path) -> Path:
    path = tmp_path / "v.nii"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    return path


def skewed(tmp_path: Path) -> Path:
    affine = np.eye(4)
    affine[1, 2] = 0.4
    return saved(tmp_path / "v.nii", nib.Nifti1Image(ramp((4, 5, 6)), affine))


def flat(tmp_path: Path) -> Path:
    path = saved(tmp_path / "v.nii", nib.Nifti1Image(ramp((4, 5, 6)), np.eye(4)))
    content = bytearray(path.read_bytes())
    content[280:328] = bytes(48)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (several, UnusableGeometry),
        (pair, UnsupportedFormat),
        (analyze, UnsupportedFormat),
        (coloured, UnsupportedFormat),
        (complex_numbers, UnsupportedFormat),
        (cut, TruncatedFile),
        (cut_in_header, TruncatedFile),
        (cut_gzip, TruncatedFile),
        (short_gzip, TruncatedFile),
        (damaged_gzip, UnreadableFile),
        (bomb, FileTooLarge),
        (negative_size, UnreadableFile),
        (too_many_axes, UnreadableFile),
        (not_nifti, MislabelledFile),
        (skewed, UnusableGeometry),
        (flat, UnusableGeometry),
    ],
)
def test_nifti_that_is_no_volume_is_refused(
    tmp_path: Path, make: Callable[[Path], Path], error: type[WardroundError]
) -> None:
    path = make(tmp_path)
    with pytest.raises(error) as caught:
        read_volume([path])
    assert type(caught.value) is error
    assert_refused(caught.value)


# Limits


@pytest.fixture
def small_limits() -> Iterator[None]:
    worker.configure(Limits(workers=1, megapixels=0.05))
    yield
    worker.configure(Limits())


@pytest.mark.usefixtures("small_limits")
def test_volume_above_the_limit_is_refused_before_decoding(slices: Slices, tmp_path: Path) -> None:
    # Each slice is below the limit of 50,000 pixels; the eight together are not.
    with pytest.raises(FileTooLarge) as caught:
        read_volume(write(slices, tmp_path / "large"))
    assert_refused(caught.value)
    with pytest.raises(FileTooLarge):
        read_volume([DATA / "example_ct.nii.gz"])


def test_dicom_file_with_the_name_of_another_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "slice.nii"
    shutil.copy(DATA / "single_slice_pancreas.dcm", path)
    assert read_volume([path]).modality == "CT"


def test_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileMissing) as caught:
        read_volume([tmp_path / "absent.nii"])
    assert_refused(caught.value)


def test_film_is_no_volume() -> None:
    with pytest.raises(UnusableGeometry) as caught:
        read_volume([DATA.parent / "cxr" / "RG1_J2KI.dcm"])
    assert_refused(caught.value)


def test_mr_keeps_its_own_values(slices: Slices, tmp_path: Path) -> None:
    stored = slices[0].pixel_array
    for dataset in slices:
        dataset.Modality, dataset.BitsStored, dataset.HighBit = "MR", 12, 11
        del dataset.RescaleSlope, dataset.RescaleIntercept
    volume = read_volume(write(slices, tmp_path / "mr"))
    assert (volume.modality, volume.unit, volume.notes) == ("MR", None, ())
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array[::-1, ::-1, -1].T, stored)
