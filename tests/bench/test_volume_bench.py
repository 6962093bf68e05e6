import sys
from pathlib import Path

import pytest

from specialists.readers.volume import read_volume
from tests.bench.clock import read_with_simpleitk, seconds

SERIES = Path(__file__).parents[1] / "data" / "ct" / "series"
TARGET = 1.2


@pytest.mark.bench
def test_reading_the_series_keeps_up_with_simpleitk(capsys: pytest.CaptureFixture[str]) -> None:
    read_volume([SERIES])
    read_with_simpleitk(SERIES)
    # In turns, so that what else the machine does falls on both.
    pairs = [
        (seconds(lambda: read_volume([SERIES])), seconds(lambda: read_with_simpleitk(SERIES)))
        for _ in range(7)
    ]
    ours, theirs = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    with capsys.disabled():
        sys.stdout.write(
            f"\nread_volume, 20 slices: {ours * 1e3:.0f} ms, SimpleITK {theirs * 1e3:.0f} ms: "
            f"ratio {ours / theirs:.2f} (target {TARGET})\n"
        )
    assert ours <= TARGET * theirs
