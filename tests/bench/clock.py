"""What the benches of volumes share: a clock, and SimpleITK's reading of a series."""

import time
from collections.abc import Callable
from pathlib import Path

import SimpleITK as sitk


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def read_with_simpleitk(folder: Path) -> None:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    reader.Execute()
