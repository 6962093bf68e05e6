import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from specialists.errors import FileTooLarge, UnreadableFile, UnsupportedFormat, WardroundError
from specialists.readers.slide import read_slide, tissue

pytest.importorskip("openslide")
pytest.importorskip("wsidicom")

DATA = Path(__file__).parents[1] / "data" / "pathology"


def test_svs_gives_tiles_of_tissue_in_reading_order():
    slide = read_slide([DATA / "CMU-1-Small-Region.svs"], field_um=112.0, most=20)
    assert slide.um_per_px == 0.499
    assert slide.field_px == 224
    assert slide.tiles.shape == (20, 224, 224, 3)
    assert slide.places > 20
    assert slide.corners.tolist() == sorted(slide.corners.tolist())
    assert (slide.corners % 224 == 0).all()
    # Tissue is darker than glass.
    assert slide.tiles.mean() < 225
    assert slide.thumbnail[~slide.tissue].mean() > 230


def test_svs_pixels_are_those_that_pillow_reads():
    slide = read_slide([DATA / "CMU-1-Small-Region.svs"], field_um=112.0, most=3)
    with Image.open(DATA / "CMU-1-Small-Region.svs") as opened:
        whole = np.asarray(opened.convert("RGB"), np.int16)
    for tile, (top, left) in zip(slide.tiles, slide.corners, strict=True):
        expected = whole[top : top + 224, left : left + 224]
        assert np.abs(tile - expected).mean() < 1


def test_sample_depends_on_the_seed_alone():
    def corners(seed):
        path = DATA / "CMU-1-Small-Region.svs"
        return read_slide([path], field_um=112.0, most=8, seed=seed).corners.tolist()

    assert corners(1) == corners(1) != corners(2)


def test_dicom_slide_that_is_too_coarse_gives_no_tiles_and_names_its_stain():
    slide = read_slide([DATA / "dicom_wsi_lung.dcm"], field_um=112.0)
    assert slide.too_coarse
    assert len(slide.tiles) == 0
    assert slide.stain == "Congo red"
    assert (slide.rows, slide.columns) == (700, 1152)
    assert 0.1 < slide.tissue.mean() < 0.5


def test_dicom_slide_read_at_its_own_scale_gives_tiles():
    slide = read_slide([DATA / "dicom_wsi_lung.dcm"], field_um=28.968 * 128, size=128)
    assert slide.field_px == 128
    assert slide.tiles.shape[1:] == (128, 128, 3)
    assert len(slide.tiles) > 3


def test_uncompressed_tiles_come_back_as_they_were(tmp_path):
    rng = np.random.default_rng(0)
    pixels = np.full((512, 512, 3), 250, np.uint8)
    pixels[:256, :256] = rng.integers(100, 200, (256, 256, 3)) - np.array([0, 60, 0])
    tifffile.imwrite(
        tmp_path / "a.svs", pixels, tile=(128, 128), photometric="rgb",
        description="Aperio Image Library|AppMag = 20|MPP = 0.5", metadata=None,
    )  # fmt: skip
    slide = read_slide([tmp_path / "a.svs"], field_um=64.0, size=128)
    assert slide.corners.tolist() == [[0, 0], [0, 128], [128, 0], [128, 128]]
    assert np.array_equal(slide.tiles[0], pixels[:128, :128])


def _half_and_half() -> np.ndarray:
    """Violet tissue above glass, 1024 x 768."""
    y, x = np.mgrid[0:1024, 0:768]
    tissue_ = np.stack([160 + x // 16, 60 + y // 16, 170 + 0 * x], axis=2)
    return np.where((y < 512)[..., None], tissue_, 245).astype(np.uint8)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_plain_tiled_tiff_is_read_from_the_level_that_is_fine_enough(tmp_path, compression):
    pixels = _half_and_half()
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        options = {"tile": (128, 128), "photometric": "rgb", "compression": compression}
        file.write(pixels, subfiletype=0, **options)
        file.write(pixels[::4, ::4].copy(), subfiletype=1, **options)
    slide = read_slide([tmp_path / "a.tif"], field_um=128.0, size=64)
    assert (slide.rows, slide.columns, slide.um_per_px) == (1024, 768, None)
    assert slide.corners.tolist() == [[top, left] for top in (0, 256) for left in (0, 256, 512)]
    expected = pixels[256:512:4, 512::4].astype(int)
    assert np.abs(slide.tiles[5] - expected).max() <= 2
    assert "0.5 µm was assumed" in slide.notes[0]


def test_svs_with_jpeg_2000_tiles_is_read(tmp_path):
    pixels = _half_and_half()

    def tiles():
        for top in range(0, 1024, 256):
            for left in range(0, 768, 256):
                buffer = io.BytesIO()
                tile = Image.fromarray(pixels[top : top + 256, left : left + 256])
                tile.save(buffer, "JPEG2000", no_jp2=True, irreversible=False, mct=1)
                yield buffer.getvalue()

    tifffile.imwrite(
        tmp_path / "a.svs", tiles(), shape=pixels.shape, dtype=np.uint8, tile=(256, 256),
        photometric="rgb", compression="deflate", metadata=None,
        description="Aperio Image Library|AppMag = 40|MPP = 0.25",
    )  # fmt: skip
    with tifffile.TiffFile(tmp_path / "a.svs", mode="r+b") as file:
        file.pages.first.tags["Compression"].overwrite(33005)  # what the tiles really are
    slide = read_slide([tmp_path / "a.svs"], field_um=64.0, size=256)
    assert slide.um_per_px == 0.25
    assert np.abs(slide.tiles[0] - pixels[:256, :256].astype(int)).max() <= 2


def test_dicom_slide_in_an_archive_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(DATA / "dicom_wsi_lung.dcm", "one/a.dcm")
    slide = read_slide([tmp_path / "a.zip"], field_um=28.968 * 128, size=128)
    alone = read_slide([DATA / "dicom_wsi_lung.dcm"], field_um=28.968 * 128, size=128)
    assert np.array_equal(slide.tiles, alone.tiles)


def test_slide_that_ends_too_early_is_an_error_and_the_next_one_is_read(tmp_path):
    content = (DATA / "CMU-1-Small-Region.svs").read_bytes()
    (tmp_path / "a.svs").write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableFile):
        read_slide([tmp_path / "a.svs"], field_um=112.0)
    assert len(read_slide([DATA / "CMU-1-Small-Region.svs"], field_um=112.0, most=1).tiles) == 1


def test_tiles_too_large_to_decode_are_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((8192, 8192, 3), np.uint8), tile=(8192, 8192),
        photometric="rgb", compression="deflate",
    )  # fmt: skip
    with pytest.raises(FileTooLarge):
        read_slide([tmp_path / "a.tif"], field_um=112.0)


def test_slide_spread_over_files_is_refused_in_words(tmp_path):
    (tmp_path / "a.mrxs").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UnsupportedFormat, match="spread over several files"):
        read_slide([tmp_path / "a.mrxs"], field_um=112.0)


@pytest.mark.parametrize("name", ["colon_TUM.jpg", "missing.svs"])
def test_what_is_no_slide_is_refused(name):
    with pytest.raises(WardroundError) as caught:
        read_slide([DATA / name], field_um=112.0)
    assert str(DATA) not in str(caught.value)


def test_glass_has_no_tissue():
    glass = np.full((64, 64, 3), 243, np.uint8)
    assert not tissue(glass).any()
