from io import BytesIO

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from specialists.pictures import MOST_BYTES, png


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
