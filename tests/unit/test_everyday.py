import csv

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from specialists.training.everyday import collect, named


def paint(path, seed, size=(500, 300)):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    small.resize(size).save(path)


@pytest.mark.parametrize(
    ("stem", "kind", "name"),
    [
        ("left07", "sample", ""),
        ("baboon", "sample", "baboon"),
        ("sphx_glr_plot_roc_001", "plot", "sphx_glr_plot_roc"),
        ("aloe_left", "background", "aloe"),
    ],
)
def test_views_and_numbers_of_one_thing_have_one_name(stem, kind, name):
    assert named(stem, kind) == name


def test_collected_pictures_are_small_and_differ(tmp_path):
    paint(tmp_path / "in" / "wood-d.png", 1)
    paint(tmp_path / "in" / "deep" / "twin.png", 1)
    paint(tmp_path / "in" / "wood-l.png", 2)
    paint(tmp_path / "in" / "tiny.png", 3, (90, 90))
    (tmp_path / "in" / "broken.jpg").write_bytes(b"no picture")
    rows = collect({"background": tmp_path / "in"}, tmp_path / "out")
    with (tmp_path / "out" / "labels.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == rows
    assert [row["kind"] for row in rows] == ["world background"] * 2
    assert rows[-1]["group"] == "background wood"
    with Image.open(tmp_path / "out" / "images" / rows[0]["image_id"]) as stored:
        assert max(stored.size) == 400
