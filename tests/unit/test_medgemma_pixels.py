"""The pictures of MedGemma's recipes, to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from specialists.errors import InvalidInput
from specialists.medgemma.endpoint import content, data_url
from specialists.medgemma.pixels import eight_bits, square
from specialists.medgemma.slices import ct_colours, mr_greys, places
from specialists.readers.volume import read_axial, read_volume

GREY = np.full((2, 4), 200, np.uint8)
RGB = np.full((4, 2, 3), (200, 10, 30), np.uint8)


def test_landscape_grey_gets_zeros_above_and_below() -> None:
    padded = square(GREY)
    assert padded.pixels.shape == (4, 4, 3)
    assert padded.pixels[..., 0].tolist() == [[0] * 4, [200] * 4, [200] * 4, [0] * 4]
    assert (padded.top, padded.left) == (1, 0)


def test_portrait_rgb_gets_zeros_on_either_side() -> None:
    padded = square(RGB)
    assert padded.pixels[0].tolist() == [[0, 0, 0], [200, 10, 30], [200, 10, 30], [0, 0, 0]]
    assert (padded.top, padded.left) == (0, 1)


def test_square_picture_stays_as_it_is() -> None:
    picture = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    assert np.array_equal(square(picture).pixels, picture)


def test_odd_row_of_zeros_stands_last() -> None:
    padded = square(np.full((2, 5), 9, np.uint8))
    assert padded.pixels[:, 0, 0].tolist() == [0, 9, 9, 0, 0]


def test_transparent_pixels_are_black_as_the_padding() -> None:
    clear = np.dstack([np.full((2, 2, 3), 200, np.uint8), [[255, 0], [128, 255]]]).astype(np.uint8)
    assert square(clear).pixels[..., 0].tolist() == [[200, 0], [100, 200]]


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 2, 5), (0, 4), (4,), (1, 2, 2, 3)])
def test_pictures_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput):
        square(np.zeros(shape, np.uint8))
    with pytest.raises(InvalidInput):
        square(np.zeros((2, 2), np.uint16))


def test_box_of_a_landscape_picture_is_mapped_back() -> None:
    padded = square(np.zeros((500, 1000), np.uint8))
    box = padded.box((250, 100, 750, 900))
    assert box is not None
    assert (box.left, box.top, box.right, box.bottom) == (100, 0, 900, 500)


def test_box_of_a_portrait_picture_is_cut_at_its_edge() -> None:
    padded = square(np.zeros((1000, 500), np.uint8))
    box = padded.box((900, 600, 100, 100))
    assert box is not None
    assert (box.left, box.top, box.right, box.bottom) == (0, 100, 350, 900)


def test_box_on_the_padding_alone_is_none() -> None:
    assert square(np.zeros((500, 1000), np.uint8)).box((0, 0, 250, 1000)) is None


def test_film_is_rounded_over_its_full_depth() -> None:
    bright = np.array([[-0.1, 0, 0.5, 1.0, 1.1, 1 / 255 / 2]], np.float32)
    assert eight_bits(bright).tolist() == [[0, 0, 128, 255, 255, 0]]


def test_at_most_85_slices_are_seen_each_once() -> None:
    assert places(1) == [0]
    assert places(40) == list(range(40))
    assert places(85) == list(range(85))


def test_above_85_slices_places_are_those_of_the_recipe() -> None:
    assert places(86) == list(range(1, 86))
    many = places(600)
    assert many == [round(i / 85 * 599) for i in range(1, 86)]
    assert (many[:3], many[-2:], len(set(many))) == ([7, 14, 21], [592, 599], 85)


@pytest.mark.parametrize(
    ("hu", "colours"),
    [
        (-3000, (0, 0, 0)),
        (-1024, (0, 0, 0)),
        (-135, (111, 0, 0)),
        (-134, (111, 1, 0)),
        (0, (128, 98, 0)),
        (1, (128, 99, 3)),
        (40, (132, 128, 128)),
        (80, (137, 157, 255)),
        (215, (154, 255, 255)),
        (1023, (255, 255, 255)),
        (1024, (255, 255, 255)),
        (3000, (255, 255, 255)),
    ],
)
def test_windows_at_their_edges(hu: int, colours: tuple[int, int, int]) -> None:
    for dtype in (np.int16, np.float32):
        assert tuple(ct_colours(np.array([hu], dtype))[0].tolist()) == colours


def test_mr_is_grey_from_least_to_greatest_of_the_volume() -> None:
    shown = mr_greys(np.array([[100, 150, 300]]), (100, 300))
    assert shown[0].tolist() == [[0] * 3, [64] * 3, [255] * 3]
    assert not mr_greys(np.full((1, 2), 7), (7, 7)).any()


@pytest.mark.parametrize("file", ["series", "example_ct.nii.gz", "single_slice_pancreas.dcm"])
def test_axial_slices_are_those_of_the_whole_volume(file: str, data: Path) -> None:
    whole = read_volume([data / "ct" / file]).array
    count = whole.shape[2]
    some = read_axial([data / "ct" / file], lambda n: list(range(0, n, 3)))
    # From the head down; front of the body first, the patient's right first.
    expected = [whole[::-1, ::-1, count - 1 - k].T for k in range(0, count, 3)]
    assert np.array_equal(some.array, np.stack(expected))
    assert (some.count, some.places) == (count, tuple(range(0, count, 3)))


def test_message_keeps_the_order_of_pictures_and_words() -> None:
    import base64
    from io import BytesIO

    from PIL import Image

    told = content(("first", square(RGB).pixels, "SLICE 1"))
    assert [one["type"] for one in told] == ["text", "image_url", "text"]
    head, coded = data_url(square(RGB).pixels).split(",")
    assert told[1]["image_url"]["url"] == f"{head},{coded}"
    with Image.open(BytesIO(base64.b64decode(coded))) as opened:
        assert np.array_equal(np.asarray(opened), square(RGB).pixels)


def test_contact_sheet_of_slices_says_which_slice_lies_where():
    import json
    from io import BytesIO

    from PIL import Image

    from specialists.medgemma.drawing import contact_sheet

    slices = [np.full((64, 64, 3), 40 * at, np.uint8) for at in range(5)]
    picture = contact_sheet(slices, "Slices", places=(0, 3, 6, 9, 12), count=14)
    with Image.open(BytesIO(picture.png)) as sheet:
        panels = json.loads(sheet.info["wardround"])["panels"]
        assert [(one["slice"], one["slices"]) for one in panels] == [
            (1, 14), (4, 14), (7, 14), (10, 14), (13, 14),
        ]  # fmt: skip
        for at, one in enumerate(panels):
            assert sheet.convert("RGB").crop(one["box"]).getcolors() == [(64 * 64, (40 * at,) * 3)]
    with Image.open(BytesIO(contact_sheet(slices, "Patches").png)) as sheet:
        assert "wardround" not in sheet.info
