import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import SimpleITK as sitk

from specialists.readers.volume import read_volume

SERIES = Path(__file__).parents[1] / "data" / "ct" / "series"
TARGET = 1.2


def with_simpleitk() -> None:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(SERIES)))
    reader.Execute()


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.bench
def test_reading_the_series_keeps_up_with_simpleitk(capsys: pytest.CaptureFixture[str]) -> None:
    read_volume([SERIES])
    with_simpleitk()
    # In turns, so that what else the machine does falls on both.
    pairs = [(seconds(lambda: read_volume([SERIES])), seconds(with_simpleitk)) for _ in range(7)]
    ours, theirs = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    with capsys.disabled():
        sys.stdout.write(
            f"\nread_volume, 20 slices: {ours * 1e3:.0f} ms, SimpleITK {theirs * 1e3:.0f} ms: "
            f"ratio {ours / theirs:.2f} (target {TARGET})\n"
        )
    assert ours <= TARGET * theirs
