"""Tiles of a whole slide, against OpenSlide's own deep-zoom generator on the same field."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from specialists.readers.slide_levels import tiff_levels

SLIDE = Path(__file__).parents[1] / "data" / "pathology" / "CMU-1-Small-Region.svs"
SIZE = 224
TARGET = 1.0

openslide = pytest.importorskip("openslide")


def seconds_a_tile(work: Callable[[], int]) -> float:
    def once() -> float:
        start = time.perf_counter()
        count = work()
        return (time.perf_counter() - start) / count

    return min(once() for _ in range(5))


@pytest.mark.bench
def test_tiles_cost_no_more_than_openslides_own() -> None:
    from openslide.deepzoom import DeepZoomGenerator

    def ours() -> int:
        levels, _ = tiff_levels(SLIDE)
        finest, count = levels[0], 0
        for top in range(0, finest.rows - SIZE, SIZE):
            for left in range(0, finest.columns - SIZE, SIZE):
                count += finest.region(top, left, SIZE, SIZE).shape[0] == SIZE
        return count

    def theirs() -> int:
        zoom = DeepZoomGenerator(openslide.OpenSlide(SLIDE), tile_size=SIZE, overlap=0)
        last = zoom.level_count - 1
        columns, rows = zoom.level_tiles[last]
        for row in range(rows - 1):
            for column in range(columns - 1):
                np.asarray(zoom.get_tile(last, (column, row)))
        return (rows - 1) * (columns - 1)

    mine, own = seconds_a_tile(ours), seconds_a_tile(theirs)
    print(
        f"\na tile of {SIZE} pixels: {mine * 1e3:.2f} ms, OpenSlide's deep zoom {own * 1e3:.2f} ms;"
        f" ratio {mine / own:.2f} (at most {TARGET:g})"
    )
    assert mine <= TARGET * own
