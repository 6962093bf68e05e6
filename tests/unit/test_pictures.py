import json
from io import BytesIO

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from specialists.pictures import MOST_BYTES, Layout, Panel, beside, footed, png


def test_small_picture_is_stored_as_it_is():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    with Image.open(BytesIO(png(Image.fromarray(pixels)))) as stored:
        assert (np.asarray(stored) == pixels).all()


def test_picture_that_would_be_too_large_is_made_smaller():
    pixels = np.random.default_rng(0).integers(0, 256, (700, 900, 3), dtype=np.uint8)
    content = png(Image.fromarray(pixels))
    assert len(content) < MOST_BYTES
    with Image.open(BytesIO(content)) as stored:
        assert stored.width / stored.height == pytest.approx(9 / 7, rel=0.01)


def _told(content: bytes) -> dict:
    with Image.open(BytesIO(content)) as stored:
        return json.loads(stored.info["wardround"])


def test_picture_says_where_its_panels_lie_and_what_colours_mean():
    layout = Layout(beside(40, 30, 8, ("Film", "Map")), (("Bone", (245, 170, 110)),), "A note.")
    told = _told(png(Image.new("RGB", (88, 50)), layout))
    assert [(one["name"], one["box"], one["marked"]) for one in told["panels"]] == [
        ("Film", [0, 0, 40, 30], False),
        ("Map", [48, 0, 88, 30], True),
    ]
    assert told["key"] == [["Bone", "#f5aa6e"]]
    assert told["note"] == "A note."


def test_panels_shrink_with_their_picture():
    pixels = np.random.default_rng(0).integers(0, 256, (700, 900, 3), dtype=np.uint8)
    content = png(Image.fromarray(pixels), Layout((Panel("All", (0, 0, 900, 700), 3, 9),)))
    with Image.open(BytesIO(content)) as stored:
        width, height = stored.size
    (panel,) = _told(content)["panels"]
    assert panel["box"] == pytest.approx([0, 0, width, height], abs=1)
    assert (panel["slice"], panel["slices"]) == (3, 9)


def test_words_below_a_picture_leave_its_panels():
    layout = Layout((Panel("Film", (0, 0, 60, 30)),), (("Bone", (1, 2, 3)),), "A note.")
    before = png(Image.new("RGB", (60, 40)), layout)
    after = _told(footed(before, "Calibrated anew."))
    assert after == {**_told(before), "note": "A note. Calibrated anew."}
