from pathlib import Path

import numpy as np
import pytest
import tifffile

from specialists.errors import WardroundError
from specialists.readers.slide import read_slide, tissue

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
    from PIL import Image

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


@pytest.mark.parametrize("name", ["colon_TUM.jpg", "missing.svs"])
def test_what_is_no_slide_is_refused(name):
    with pytest.raises(WardroundError) as caught:
        read_slide([DATA / name], field_um=112.0)
    assert str(DATA) not in str(caught.value)


def test_glass_has_no_tissue():
    glass = np.full((64, 64, 3), 243, np.uint8)
    assert not tissue(glass).any()
