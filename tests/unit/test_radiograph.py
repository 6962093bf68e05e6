"""Films in every encoding that can be written here, against the same pixels unencoded."""

import zipfile
from pathlib import Path

import gdcm
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import RLELossless

from specialists.errors import InvalidInput, SeveralSeries, UnsupportedFormat
from specialists.readers import read_radiograph

DATA = Path(__file__).parents[1] / "data"
FILMS = ["cxr/dx_image.dcm", "cxr/ankle_RG3_J2KI.dcm"]


def film(path: Path, pixels, **elements) -> Path:
    """Write a film with given stored values and header elements."""
    dataset = pydicom.dcmread(DATA / "cxr" / "dx_image.dcm")
    pixels = np.asarray(pixels)
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored = elements.pop("BitsStored", dataset.BitsAllocated)
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    for keyword in ("PresentationLUTShape", "WindowCenter", "WindowWidth", "VOILUTFunction"):
        if keyword in dataset:
            del dataset[keyword]
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def transcode(source: Path, target: Path, syntax: str) -> Path:
    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize(
    "syntax",
    [
        "ImplicitVRLittleEndian",
        "ExplicitVRLittleEndian",
        "ExplicitVRBigEndian",
        "DeflatedExplicitVRLittleEndian",
        "RLELossless",
        "JPEGLosslessProcess14",
        "JPEGLosslessProcess14_1",
        "JPEGLSLossless",
        "JPEG2000Lossless",
    ],
)
def test_lossless_encoding_gives_the_same_pixels(name, syntax, tmp_path):
    encoded = transcode(DATA / name, tmp_path / "film.dcm", syntax)
    assert np.array_equal(_pixels(encoded), _pixels(DATA / name))


@pytest.mark.parametrize(
    "syntax", ["JPEGBaselineProcess1", "JPEGExtendedProcess2_4", "JPEGLSNearLossless", "JPEG2000"]
)
def test_lossy_encoding_gives_nearly_the_same_pixels(syntax, tmp_path):
    source = DATA / "cxr" / "dx_image.dcm"
    encoded = transcode(source, tmp_path / "film.dcm", syntax)
    assert np.abs(_pixels(encoded) - _pixels(source)).max() < 0.02


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_pydicoms_own_run_lengths_give_the_same_pixels(dtype, tmp_path):
    pixels = np.arange(64, dtype=dtype).reshape(8, 8) * 2
    plain = film(tmp_path / "plain.dcm", pixels)
    dataset = pydicom.dcmread(plain)
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "rle.dcm")
    assert np.array_equal(_pixels(tmp_path / "rle.dcm"), _pixels(plain))


def test_film_spans_the_full_bit_depth(tmp_path):
    stored = np.array([[0, 1024], [2048, 4095]], np.uint16)
    found = _pixels(film(tmp_path / "a.dcm", stored, BitsStored=12))
    assert found == pytest.approx(stored / 4095)


def test_signed_film_starts_at_its_least_value(tmp_path):
    stored = np.array([[-2048, -1024], [0, 2047]], np.int16)
    found = _pixels(film(tmp_path / "a.dcm", stored, BitsStored=12))
    assert found == pytest.approx((stored + 2048) / 4095)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "noted"),
    [
        ("MONOCHROME2", None, False, False),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME1", None, True, False),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", "IDENTITY", True, True),
    ],
)
def test_polarity_is_bright_for_dense(photometric, shape, inverted, noted, tmp_path):
    stored = np.array([[0, 255], [51, 102]], np.uint8)
    extra = {"PresentationLUTShape": shape} if shape else {}
    path = film(tmp_path / "a.dcm", stored, PhotometricInterpretation=photometric, **extra)
    found = read_radiograph([path])
    assert found.pixels == pytest.approx(1 - stored / 255 if inverted else stored / 255)
    assert any("bright" in note for note in found.notes) is noted


def test_rescaling_does_not_change_brightness_and_a_negative_slope_turns_it(tmp_path):
    stored = np.array([[0, 255], [51, 102]], np.uint8)
    scaled = film(tmp_path / "a.dcm", stored, RescaleSlope=4, RescaleIntercept=-1000)
    turned = film(tmp_path / "b.dcm", stored, RescaleSlope=-1, RescaleIntercept=255)
    assert _pixels(scaled) == pytest.approx(stored / 255)
    assert _pixels(turned) == pytest.approx(1 - stored / 255)


def test_modality_table_is_applied(tmp_path):
    stored = np.array([[0, 1], [2, 3]], np.uint8)
    table = _table([0, 4095, 1000, 2000], 12)
    path = film(tmp_path / "a.dcm", stored, ModalityLUTSequence=DicomSequence([table]))
    assert _pixels(path) == pytest.approx(np.array([[0, 4095], [1000, 2000]]) / 4095)


def test_window_is_ignored_unless_asked_for(tmp_path):
    stored = np.array([[0, 100], [150, 255]], np.uint8)
    path = film(tmp_path / "a.dcm", stored, WindowCenter=128, WindowWidth=57)
    assert _pixels(path) == pytest.approx(stored / 255)
    windowed = read_radiograph([path], apply_voi=True).pixels
    assert windowed == pytest.approx(np.array([[0, 0.0089], [0.9018, 1]]), abs=1e-3)


def test_display_table_is_applied_when_asked_for(tmp_path):
    stored = np.array([[0, 1], [2, 3]], np.uint8)
    table = _table([255, 0, 51, 102], 8)
    path = film(tmp_path / "a.dcm", stored, VOILUTSequence=DicomSequence([table]))
    windowed = read_radiograph([path], apply_voi=True).pixels
    assert windowed == pytest.approx(np.array([[1, 0], [0.2, 0.4]]))


def test_film_without_window_is_shown_whole_when_asked_for(tmp_path):
    stored = np.array([[0, 255], [51, 102]], np.uint8)
    found = read_radiograph([film(tmp_path / "a.dcm", stored)], apply_voi=True)
    assert found.pixels == pytest.approx(stored / 255)
    assert any("window" in note for note in found.notes)


def test_pixels_beyond_the_stated_depth_are_noted_and_kept(tmp_path):
    stored = np.array([[0, 4095], [1, 2]], np.uint16)
    found = read_radiograph([film(tmp_path / "a.dcm", stored, BitsStored=10)])
    assert found.pixels.max() == 1
    assert any("bit depth" in note for note in found.notes)


def test_header_gives_view_side_and_spacing():
    dog = read_radiograph([DATA / "cxr" / "dx_image.dcm"])
    chest = read_radiograph([DATA / "cxr" / "RG1_J2KI.dcm"])
    assert (dog.view, dog.laterality) == ("lateral", "left")
    assert dog.spacing_mm == pytest.approx((1.2, 1.2012))
    assert (chest.view, chest.laterality, chest.spacing_mm) == ("PA", None, None)
    assert chest.pixels.shape == (1955, 1841)


def test_real_chest_film_is_bright_in_its_middle_and_dark_in_its_lungs():
    pixels = read_radiograph([DATA / "cxr" / "RG1_J2KI.dcm"]).pixels
    spine, lung = pixels[800:1200, 880:960], pixels[500:700, 450:600]
    assert np.median(spine) > np.median(lung) + 0.05


def test_burned_in_text_is_noted(tmp_path):
    path = film(tmp_path / "a.dcm", np.eye(4, dtype=np.uint8), BurnedInAnnotation="YES")
    assert any("burned" in note for note in read_radiograph([path]).notes)


def test_first_of_several_frames_is_read(tmp_path):
    stored = np.stack([np.full((4, 4), 51, np.uint8), np.zeros((4, 4), np.uint8)])
    found = read_radiograph([film(tmp_path / "a.dcm", stored, NumberOfFrames=2)])
    assert found.pixels == pytest.approx(np.full((4, 4), 0.2))
    assert any("first" in note for note in found.notes)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "I;16", "1", "P", "LA", "RGB", "RGBA"])
def test_picture_modes_give_their_brightness(form, mode, tmp_path):
    grey = np.array([[0, 255], [255, 0]], np.uint8)
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(grey).convert(mode)
    picture.save(tmp_path / "film", form)
    assert _pixels(tmp_path / "film") == pytest.approx(grey / 255, abs=1e-6)


def test_sixteen_bit_picture_keeps_its_depth(tmp_path):
    stored = np.array([[0, 1, 2], [30_000, 30_001, 65_535]], np.uint16)
    Image.fromarray(stored).save(tmp_path / "film.png")
    assert _pixels(tmp_path / "film.png") == pytest.approx(stored / 65535, abs=1e-7)


def test_tiff_that_stores_white_as_zero_is_turned(tmp_path):
    stored = np.array([[0, 65_535], [1000, 2000]], np.uint16)
    tifffile.imwrite(tmp_path / "film.tif", stored, photometric="miniswhite")
    assert _pixels(tmp_path / "film.tif") == pytest.approx(1 - stored / 65535, abs=1e-6)


def test_cmyk_jpeg_gives_its_brightness(tmp_path):
    grey = Image.fromarray(np.full((16, 16), 200, np.uint8))
    grey.convert("CMYK").save(tmp_path / "film.jpg", quality=95)
    assert _pixels(tmp_path / "film.jpg") == pytest.approx(np.full((16, 16), 200 / 255), abs=0.02)


def test_exif_orientation_turns_the_film(tmp_path):
    stored = np.zeros((8, 16), np.uint8)
    stored[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored).save(tmp_path / "film.png", exif=exif)
    turned = _pixels(tmp_path / "film.png")
    assert turned.shape == (16, 8)
    assert turned[:8].min() == 1
    assert turned[8:].max() == 0


def test_coloured_film_is_noted(tmp_path):
    stored = np.zeros((4, 4, 3), np.uint8)
    stored[..., 0] = 255
    Image.fromarray(stored).save(tmp_path / "film.png")
    found = read_radiograph([tmp_path / "film.png"])
    assert found.pixels == pytest.approx(np.full((4, 4), 0.2126))
    assert any("colour" in note for note in found.notes)


def test_film_in_a_zip_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(DATA / "cxr" / "dx_image.dcm", "film")
    assert np.array_equal(_pixels(tmp_path / "a.zip"), _pixels(DATA / "cxr" / "dx_image.dcm"))


def test_one_of_several_films_in_a_zip_is_read_by_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(DATA / "cxr" / "dx_image.dcm", "b")
        archive.write(DATA / "cxr" / "ankle_RG3_J2KI.dcm", "a")
    with pytest.raises(SeveralSeries):
        read_radiograph([tmp_path / "a.zip"])
    shapes = {
        read_radiograph([tmp_path / "a.zip"], series=f"series {n}").pixels.shape for n in (1, 2)
    }
    assert shapes == {(169, 211), (1760, 1760)}
    with pytest.raises(InvalidInput):
        read_radiograph([tmp_path / "a.zip"], series="series 3")


@pytest.mark.parametrize("name", ["ct/series", "genomics/tiny1000G.vcf.gz", "ct/example_ct.nii.gz"])
def test_what_is_no_single_picture_is_refused(name):
    with pytest.raises(UnsupportedFormat):
        read_radiograph([DATA / name])


def test_pixels_are_writable_and_contiguous():
    pixels = _pixels(DATA / "cxr" / "nih_00000001_000.png")
    assert pixels.flags.writeable
    assert pixels.flags.c_contiguous
    assert pixels.dtype == np.float32


def _pixels(path: Path):
    return read_radiograph([path]).pixels


def _table(values: list[int], bits: int) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [len(values), 0, bits])
    item.add_new("LUTData", "US", values)
    return item
