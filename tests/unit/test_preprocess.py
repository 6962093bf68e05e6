import numpy as np
import pytest

from specialists.chest_xray import preprocess as chest
from specialists.recogniser import preprocess as recogniser


def film(rows=300, columns=200):
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    rng = np.random.default_rng(0)
    waves = np.sin(x / columns * 9) * np.cos(y / rows * 7)
    return (0.5 + 0.35 * waves + rng.normal(0, 0.02, (rows, columns))).astype(np.float32)


@pytest.mark.parametrize("shape", [(300, 200), (64, 500), (2000, 1500), (16, 16)])
def test_chest_input_has_one_size_mean_zero_and_deviation_one(shape):
    result = chest.preprocess(film(*shape))
    assert result.shape == (1, chest.SIZE, chest.SIZE)
    assert result.dtype == np.float32
    assert (float(result.mean()), float(result.std())) == pytest.approx((0, 1), abs=1e-3)


def test_chest_input_ignores_brightness_and_contrast():
    plain, dim = chest.preprocess(film()), chest.preprocess(film() * 0.4 + 0.3)
    assert np.abs(plain - dim).mean() < 0.02


@pytest.mark.parametrize("shade", [0.0, 1.0])
def test_content_leaves_out_even_borders(shade):
    framed = np.pad(film(), ((30, 20), (25, 10)), constant_values=shade)
    rows, columns = chest.content(framed)
    assert (rows, columns) == (slice(30, 330), slice(25, 225))
    assert np.abs(chest.preprocess(framed) - chest.preprocess(film())).mean() < 0.02


def test_content_never_cuts_more_than_a_fifth_of_a_side():
    rows, columns = chest.content(np.zeros((100, 50), np.float32))
    assert rows.stop - rows.start >= 60
    assert columns.stop - columns.start >= 30


def test_even_film_becomes_zeros():
    assert not chest.preprocess(np.full((50, 50), 0.5)).any()


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 99)), np.zeros((64, 64, 3)), np.full((32, 32), np.nan)]
)
def test_chest_refuses_what_is_no_film(wrong):
    with pytest.raises(ValueError, match="film must"):
        chest.preprocess(wrong)


@pytest.mark.parametrize("shape", [(8, 8), (31, 700), (1200, 900)])
def test_recogniser_input_has_one_size_and_range(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    result = recogniser.preprocess(picture)
    assert result.shape == (3, recogniser.SIZE, recogniser.SIZE)
    assert result.dtype == np.float32
    assert -2 <= result.min() <= result.max() <= 2


def test_recogniser_keeps_colour_order():
    red = np.zeros((20, 30, 3), np.uint8)
    red[..., 0] = 255
    assert recogniser.preprocess(red)[:, 0, 0].tolist() == [2, -2, -2]


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((20, 20), np.uint8),
        np.zeros((20, 20, 4), np.uint8),
        np.zeros((20, 20, 3), np.float32),
        np.zeros((4, 20, 3), np.uint8),
    ],
)
def test_recogniser_refuses_what_is_no_colour_picture(wrong):
    with pytest.raises(ValueError, match="picture must"):
        recogniser.preprocess(wrong)
