import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageCms
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

from specialists.errors import UnsupportedFormat
from specialists.readers import read_photograph

DATA = Path(__file__).parents[1] / "data"


def test_real_photographs_are_read_as_they_are():
    for name in ("skin/PAT_778_1471_835.png", "retina/IDRiD_100_reduced.jpg"):
        with Image.open(DATA / name) as opened:
            expected = np.asarray(opened.convert("RGB"))
        assert np.array_equal(_pixels(DATA / name), expected)


def test_dicom_slide_frame_is_read_as_rgb():
    found = read_photograph([DATA / "pathology" / "dicom_wsi_lung.dcm"])
    red, green, blue = found.pixels.reshape(-1, 3).mean(axis=0)
    assert found.pixels.shape == (256, 256, 3)
    # Haematoxylin and Congo red on glass: bright, and least of all green.
    assert min(red, blue) > green > 100


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_dicom_photograph_gives_its_colours(photometric, tmp_path):
    colours = np.zeros((16, 16, 3), np.uint8)
    colours[:8] = (200, 100, 50)
    colours[8:] = (10, 220, 130)
    path = _dicom(tmp_path / "a.dcm", colours, photometric)
    assert np.abs(_pixels(path).astype(int) - colours).max() <= 6


def test_dicom_palette_is_looked_up(tmp_path):
    dataset = pydicom.dcmread(_dicom(tmp_path / "a.dcm", np.zeros((2, 2, 3), np.uint8), "RGB"))
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "PALETTE COLOR", 1
    del dataset.PlanarConfiguration
    dataset.PixelData = bytes([0, 1, 1, 0])
    for colour, values in (("Red", (10, 200)), ("Green", (20, 100)), ("Blue", (30, 50))):
        dataset.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [2, 0, 8])
        dataset.add_new(f"{colour}PaletteColorLookupTableData", "OW", bytes(values))
    dataset.save_as(tmp_path / "b.dcm")
    found = _pixels(tmp_path / "b.dcm")
    assert found[0].tolist() == [[10, 20, 30], [200, 100, 50]]


def test_grey_dicom_becomes_equal_colours():
    found = _pixels(DATA / "cxr" / "dx_image.dcm")
    assert found.shape == (169, 211, 3)
    assert np.ptp(found, axis=-1).max() == 0


def test_colour_profile_is_applied(tmp_path):
    stored = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    swapped = _swapped_profile()
    Image.fromarray(stored).save(tmp_path / "a.png", icc_profile=swapped)
    found = read_photograph([tmp_path / "a.png"])
    # The profile's red and blue primaries are exchanged.
    assert found.pixels[0, 0] == pytest.approx([50, 100, 200], abs=3)
    assert found.notes == ()


def test_colour_profile_that_is_broken_is_noted(tmp_path):
    stored = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    Image.fromarray(stored).save(tmp_path / "a.png", icc_profile=b"not a profile")
    found = read_photograph([tmp_path / "a.png"])
    assert found.pixels[0, 0].tolist() == [200, 100, 50]
    assert any("profile" in note for note in found.notes)


def test_transparent_parts_are_white(tmp_path):
    stored = np.zeros((2, 2, 4), np.uint8)
    stored[0] = (200, 100, 50, 255)
    Image.fromarray(stored).save(tmp_path / "a.png")
    found = _pixels(tmp_path / "a.png")
    assert found[0, 0].tolist() == [200, 100, 50]
    assert found[1, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation, tmp_path):
    upright = np.zeros((8, 16, 3), np.uint8)
    upright[:4, :8] = 250
    upright[4:, :8] = 120
    undo = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(undo)).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(_pixels(tmp_path / "a.png"), upright)


def test_sixteen_bits_keep_their_upper_eight(tmp_path):
    Image.fromarray(np.array([[0, 0x80FF], [0xFFFF, 0x0100]], np.uint16)).save(tmp_path / "a.png")
    assert _pixels(tmp_path / "a.png")[..., 0].tolist() == [[0, 0x80], [0xFF, 1]]


def test_cmyk_becomes_rgb(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    assert _pixels(tmp_path / "a.jpg")[0, 0] == pytest.approx([255, 0, 0], abs=6)


def test_first_page_of_a_tiff_is_read_and_noted(tmp_path):
    pages = [Image.new("RGB", (4, 4), colour) for colour in ((1, 2, 3), (4, 5, 6))]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    found = read_photograph([tmp_path / "a.tif"])
    assert found.pixels[0, 0].tolist() == [1, 2, 3]
    assert any("first of 2" in note for note in found.notes)


def test_what_is_no_picture_is_refused():
    with pytest.raises(UnsupportedFormat):
        read_photograph([DATA / "genomics" / "PGS000802_hmPOS_GRCh37.txt"])


def _pixels(path: Path):
    return read_photograph([path]).pixels


def _dicom(path: Path, colours, photometric: str) -> Path:
    dataset = pydicom.dcmread(DATA / "cxr" / "dx_image.dcm")
    dataset.Modality, dataset.SOPClassUID = "XC", "1.2.840.10008.5.1.4.1.1.77.1.4"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = *colours.shape[:2], 3
    dataset.PhotometricInterpretation, dataset.PlanarConfiguration = photometric, 0
    if photometric == "RGB":
        dataset.PixelData = colours.tobytes()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    else:
        encoded = io.BytesIO()
        Image.fromarray(colours).save(encoded, "JPEG", quality=100, subsampling="4:2:2")
        dataset.PixelData = pydicom.encaps.encapsulate([encoded.getvalue()])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.save_as(path)
    return path


def _swapped_profile() -> bytes:
    """The sRGB profile with the tags of its red and blue primaries exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exchanged = profile.replace(b"rXYZ", b"tmp.").replace(b"bXYZ", b"rXYZ")
    return exchanged.replace(b"tmp.", b"bXYZ")
