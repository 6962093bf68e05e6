from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from specialists.chest_xray.heat import INSIDE, spread
from specialists.chest_xray.lungs import SIDE, lung_box, lung_fields
from specialists.chest_xray.preprocess import darkness

DATA = Path(__file__).parents[1] / "data"
FILMS = sorted([*(DATA / "chest").glob("*.jpg"), *(DATA / "cxr").glob("*.png")])


def grey(path):
    return np.asarray(Image.open(path).convert("L"), np.float32) / 255


def chest(left=True, right=True):
    """A bright body with two dark lungs."""
    film = np.full((240, 240), 0.8, np.float32)
    y, x = np.mgrid[:240, :240]
    for column, there in ((70, left), (170, right)):
        if there:
            film[((x - column) / 32) ** 2 + ((y - 105) / 70) ** 2 < 1] = 0.2
    return film


@pytest.mark.parametrize("path", FILMS, ids=lambda path: path.stem)
def test_lungs_are_found_on_films_of_children_and_adults(path):
    fields, found = lung_fields(grey(path))
    assert found
    assert 0.1 < fields.mean() < 0.6
    assert not fields[:, [0, -1]].any()
    assert fields[:, : SIDE // 2].any()
    assert fields[:, SIDE // 2 :].any()


def test_the_armpits_and_the_belly_are_no_lung():
    fields, found = lung_fields(chest())
    assert found
    assert fields[42, 28]
    assert fields[42, 68]
    assert not fields[42, [2, 93]].any()
    assert not fields[85:].any()


def test_a_lung_that_is_not_dark_is_given_the_other_one_s_outline():
    both, one = lung_fields(chest())[0], lung_fields(chest(right=False))[0]
    assert (both & one).sum() > 0.85 * both.sum()


def test_where_no_lung_is_found_an_average_chest_is_taken():
    fields, found = lung_fields(np.full((100, 80), 0.5, np.float32))
    assert not found
    assert fields.any()


def test_the_box_holds_both_lungs_with_a_margin():
    left, top, right, bottom = lung_box(chest())
    assert left < 38 / 240 < 202 / 240 < right
    assert top < 35 / 240 < 175 / 240 < bottom


def test_a_close_up_s_map_keeps_its_mean_and_its_place():
    laid = spread(np.ones((96, 96), np.float32), (0.2, 0.3, 0.6, 0.9), 96)
    assert laid.mean() == pytest.approx(1, rel=1e-3)
    rows, columns = np.nonzero(laid)
    inside = 1 - 2 * INSIDE
    assert columns.min() / 96 * inside + INSIDE == pytest.approx(0.2 + INSIDE * 0.4, abs=0.02)
    assert rows.max() / 96 * inside + INSIDE == pytest.approx(0.9 - INSIDE * 0.6, abs=0.02)


def test_darkness_is_the_lungs_brightness_and_not_the_border_s():
    film = chest()
    assert darkness(film) == pytest.approx(0.2, abs=0.02)
    assert darkness(np.pad(film, 20)) == pytest.approx(0.2, abs=0.02)
