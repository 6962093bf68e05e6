"""Runs TotalSegmentator as a program of its own, and reads the label map that it writes.

Source: TotalSegmentator's README (`--ml`: one NIfTI file, with the labels' names in a header
extension in XML).
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.base import Progress
from specialists.errors import BackendUnavailable, UnusableGeometry

__all__ = ["Labelled", "labelled", "segment"]

_LABEL = re.compile(r'<Label Key="(\d+)"[^>]*>\s*(?:<!\[CDATA\[)?([\w ]+)')
_PAUSE_S = 0.2

Labelled = tuple[NDArray[np.uint8], dict[int, str]]
"""Labels on the volume's grid (x, y, z), and the name of each that is there."""


def segment(
    array: NDArray[Any], affine: NDArray[np.float64], device: str, folder: Path, progress: Progress
) -> Labelled:
    """Segment a volume.

    Args:
        array: Shape (x, y, z), Hounsfield units, RAS+.
        affine: Shape (4, 4): index to mm in RAS.
        device: A torch device string; without a GPU the task is run at 3 mm.
        folder: Where files are put meanwhile; the caller removes it.
        progress: Called while it runs; what it raises ends the program.

    Raises:
        BackendUnavailable: If the program ends with an error.
        UnusableGeometry: If what it wrote is not on the volume's grid.
    """
    from nibabel.loadsave import save
    from nibabel.nifti1 import Nifti1Image

    given, made = folder / "volume.nii.gz", folder / "labels.nii.gz"
    save(Nifti1Image(np.asarray(array, np.int16), affine), given)  # type: ignore[no-untyped-call]
    on_gpu = device.startswith("cuda")
    where = device.replace("cuda", "gpu") if on_gpu else "cpu"
    words = ["-i", str(given), "-o", str(made), "--ml", "--quiet", "--device", where]
    _run([*words, *([] if on_gpu else ["--fast"])], progress)
    if not made.is_file():
        raise BackendUnavailable("TotalSegmentator ended without a label map.")
    labels, names = labelled(made)
    if labels.shape != array.shape:
        raise UnusableGeometry("TotalSegmentator's label map is not on the volume's grid.")
    return labels, names


def _run(words: list[str], progress: Progress) -> None:
    command = [sys.executable, "-m", "totalsegmentator.bin.TotalSegmentator", *words]
    started = time.monotonic()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as program:
        try:
            while program.poll() is None:
                progress(0.3, f"segmenting, {time.monotonic() - started:.0f} s")
                time.sleep(_PAUSE_S)
        finally:
            program.kill()
    if program.returncode != 0:
        raise BackendUnavailable(
            "TotalSegmentator ended with an error. Its weights must be here: "
            "totalseg_download_weights -t total."
        )


def labelled(file: Path) -> Labelled:
    """Read a label map with the names of its labels.

    Raises:
        BackendUnavailable: If it has no names, so that nothing could be told of it.
    """
    from nibabel.loadsave import load

    image: Any = load(file)
    told = " ".join(
        extension.get_content().decode("utf-8", "replace")
        if isinstance(extension.get_content(), bytes)
        else str(extension.get_content())
        for extension in image.header.extensions
    )
    names = {int(number): name.strip() for number, name in _LABEL.findall(told)}
    if not names:
        raise BackendUnavailable("TotalSegmentator's label map does not name its labels.")
    return np.asarray(image.dataobj).astype(np.uint8), names
