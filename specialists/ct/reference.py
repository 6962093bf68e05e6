"""The backend of `report_ct`: thresholds and morphology, nothing trained."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from specialists.base import Progress, Reading, Request, Source
from specialists.ct.label_map import label_map
from specialists.ct.masks import segment
from specialists.ct.measure import measurements
from specialists.ct.region import coverage
from specialists.ct.report import NOT_ASSESSED, findings, narrative, summary, warnings
from specialists.ct.scan import Scan
from specialists.ct.spec import CtResult, ReportCt
from specialists.ct.spine import find_spine
from specialists.ct.stated import card, errors_in_words
from specialists.errors import MislabelledFile, UnusableGeometry
from specialists.schema import Provenance

if TYPE_CHECKING:
    from specialists.readers.volume import Volume

__all__ = ["Reference", "evaluated_on", "report", "scan_of"]

VERSION = "1.0"
NOMINAL_SLICE_MM = 10.0
"""Thickness of a single slice for the thresholds on volume: a slice shows part of each thing."""
_log = logging.getLogger(__name__)


class Reference:
    """Measures a CT volume.

    Args:
        device: Not used: everything runs on the processor.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.evaluated_on = evaluated_on()

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Read the volume, measure it, and write the report.

        Raises:
            UnreadableFile: The files do not form a volume of Hounsfield units.
        """
        from specialists.readers import read_volume

        started = time.monotonic()
        (source,) = inputs["volume"]
        progress(0.0, "Reading the volume")
        volume = read_volume(list(source.paths), source.series)
        progress(0.2, "Measuring")
        scan = scan_of(volume, lambda share, text: progress(0.2 + 0.6 * share, text))
        result = report(scan, volume.notes, self.evaluated_on, started)
        pictures = []
        if not isinstance(request, ReportCt) or request.previews:
            from specialists.ct.picture import draw

            progress(0.85, "Drawing")
            pictures = draw(scan)
        progress(1.0, "Done")
        _log.info(
            "CT of %d slices measured in %.1f s", scan.hu.shape[2], time.monotonic() - started
        )
        return Reading(result, pictures, [label_map(scan.masks.labels, volume.affine)])


def scan_of(volume: Volume, progress: Progress = lambda share, text: None) -> Scan:
    """Segment a volume.

    Raises:
        MislabelledFile: The values are not Hounsfield units.
        UnusableGeometry: The voxel size is not known, or no body is in view.
    """
    hu = volume.array
    x, y, z = (float(size) for size in volume.spacing_mm)
    if hu.shape[2] == 1 and not z > 0:
        z = 1.0
    if not all(np.isfinite(size) and 0.05 <= size <= 50 for size in (x, y, z)):
        raise UnusableGeometry("The voxel size is missing or impossible: volumes need it in mm.")
    _check_hounsfield(hu)
    depth = NOMINAL_SLICE_MM if hu.shape[2] == 1 else z
    masks = segment(hu, (x, y, depth), progress)
    if not masks.labels.any():
        raise UnusableGeometry("No body was found in the volume.")
    seen = coverage(hu, masks.labels, (x, y, z))
    return Scan(hu, (x, y, z), masks, seen, find_spine(masks.labels, (x, y, z)))


def report(scan: Scan, notes: tuple[str, ...], evaluated: str, started: float) -> CtResult:
    """Everything that is said about a scan."""
    measured = measurements(scan)
    found = findings(scan)
    limits = (*notes, *warnings(scan, measured))
    return CtResult(
        summary=summary(scan, measured, found),
        findings=found,
        measurements=measured,
        narrative=narrative(scan, measured, found, limits),
        not_assessed=NOT_ASSESSED,
        warnings=limits,
        provenance=Provenance(
            specialist="report_ct",
            backend="reference",
            model="HU thresholds and morphology",
            version=VERSION,
            evaluated_on=evaluated,
            duration_s=round(time.monotonic() - started, 3),
        ),
    )


def evaluated_on() -> str:
    """The figures of the card `reference.json`, in a sentence."""
    found = card()
    error = found["phantom"]["largest_error_of_lung_volume_percent"]
    return (
        f"{' '.join(_case(case) for case in found['cases'])} Lung volumes of a synthetic chest "
        f"within {error} % at voxels from 0.5 to 5 mm. {errors_in_words()} No scan of a whole "
        "chest was available to check against, and the same scans were at hand while thresholds "
        "were chosen."
    )


def _case(case: dict[str, Any]) -> str:
    parts = []
    if "lungs" in case["dice"]:
        lungs = case["dice"]
        parts.append(
            f"lungs {lungs['lungs']:.3f} (right {lungs['right_lung']:.3f}, left "
            f"{lungs['left_lung']:.3f}) against TotalSegmentator's lobes"
        )
    parts.append(f"bone {case['dice']['bone']:.3f} against TotalSegmentator's bones")
    parts.append(f"body {case['dice']['body_by_gradient']:.3f} against a watershed of the gradient")
    return f"Dice on {case['description']}: {'; '.join(parts)}."


def _check_hounsfield(hu: NDArray[Any]) -> None:
    """Any CT has tissue near water and something lighter: fat, lung or air."""
    sample = hu[:: max(1, hu.shape[0] // 128), :: max(1, hu.shape[1] // 128)]
    tissue = float(((sample > -200) & (sample < 300)).mean())
    light = float((sample < -20).mean())
    if tissue < 0.005 or light < 0.002:
        raise MislabelledFile(
            "The values are not Hounsfield units: a CT has tissue near 0 and fat or air below."
        )
