"""The backend `totalsegmentator` of `report_ct`: volumes of organs by name, and their masks."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.base import LabelMap, Progress, Reading, Request, Source
from specialists.ct.spec import CtResult
from specialists.errors import UnusableGeometry
from specialists.organs.offer import NAME, TERMS
from specialists.organs.program import segment
from specialists.readers import read_volume
from specialists.schema import Laterality, MaskSegment, Measurement, Narrative, Provenance

__all__ = ["Organs", "organ_of"]

LEAST_CM3 = 0.05
NOT_ASSESSED = (
    "Disease: volumes say what is there and how large it is, not whether it is healthy.",
    "Organs that the model does not know, and parts outside the scan.",
)
CUT = "cut off by the edge of the scan"


class Organs:
    """Segments a CT volume with TotalSegmentator's task `total`.

    Args:
        device: A torch device string.
    """

    def __init__(self, device: str) -> None:
        self._device = device

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Read the volume, segment it, and measure each organ.

        Raises:
            UnusableGeometry: If the size of the voxels is not known.
            BackendUnavailable: If TotalSegmentator fails.
        """
        (source,) = inputs["volume"]
        progress(0.1, "reading the volume")
        volume = read_volume(list(source.paths), source.series)
        voxel_cm3 = abs(float(np.linalg.det(volume.affine[:3, :3]))) / 1000
        if not np.isfinite(voxel_cm3) or voxel_cm3 <= 0:
            raise UnusableGeometry("The voxel size is missing: volumes need it in mm.")
        with TemporaryDirectory() as folder:
            labels, names = segment(
                volume.array, volume.affine, self._device, Path(folder), progress
            )
        progress(0.9, "measuring")
        measured, segments = _measured(labels, names, voxel_cm3)
        told = " ".join(one.text for one in measured) or "No organ was found in the volume."
        result = CtResult(
            summary=told,
            measurements=tuple(measured),
            narrative=Narrative(text=told),
            not_assessed=NOT_ASSESSED,
            warnings=volume.notes,
            provenance=_provenance(),
        )
        return Reading(result, (), [_label_map(labels, volume.affine, segments)])


def _provenance() -> Provenance:
    from importlib.metadata import PackageNotFoundError, version

    try:
        known = version("TotalSegmentator")
    except PackageNotFoundError:
        known = "unknown"
    return Provenance(
        specialist="report_ct",
        backend=NAME,
        model="TotalSegmentator, task total",
        version=known,
        evaluated_on="Not evaluated here; its authors' figures are of their own test set.",
        terms=TERMS,
    )


def organ_of(name: str) -> tuple[str, Laterality | None]:
    """Turn a label's name into words and a side: 'kidney_left' is the kidney, left."""
    words = name.replace("_", " ").split()
    sides: dict[str, Laterality] = {"left": "left", "right": "right"}
    side = next((sides[word] for word in words if word in sides), None)
    return " ".join(word for word in words if word not in sides), side


def _measured(
    labels: NDArray[np.uint8], names: Mapping[int, str], voxel_cm3: float
) -> tuple[list[Measurement], list[MaskSegment]]:
    counts = np.bincount(labels.ravel(), minlength=256)
    touching = _at_edge(labels)
    measured, segments = [], []
    for number, name in sorted(names.items()):
        volume = float(counts[number]) * voxel_cm3
        if volume < LEAST_CM3:
            continue
        organ, side = organ_of(name)
        segments.append(MaskSegment(number=number, name=organ, laterality=side))
        measured.append(_volume(organ, side, volume, int(counts[number]), cut=number in touching))
    return measured, segments


def _at_edge(labels: NDArray[np.uint8]) -> set[int]:
    """Labels that reach the first or last slice: part of the organ may lie outside the scan."""
    ends = np.concatenate([labels[..., 0].ravel(), labels[..., -1].ravel()])
    return {int(number) for number in np.unique(ends)}


def _volume(
    organ: str, side: Laterality | None, volume_cm3: float, voxels: int, *, cut: bool
) -> Measurement:
    value = float(f"{volume_cm3:.3g}")
    whole = f"{side} {organ}" if side else organ
    note = f"; it is {CUT}" if cut else ""
    return Measurement(
        name=f"{organ} volume",
        value=value,
        unit="cm3",
        site=organ,
        laterality=side,
        based_on=f"{voxels} voxels{note}",
        text=f"The {whole} in view measures {value:g} cm3{note}.",
    )


def _label_map(
    labels: NDArray[np.uint8], affine: NDArray[Any], segments: Sequence[MaskSegment]
) -> LabelMap:
    from nibabel.nifti1 import Nifti1Image

    image = Nifti1Image(labels, affine)  # type: ignore[no-untyped-call]
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]
    content = gzip.compress(image.to_bytes(), compresslevel=1, mtime=0)
    return LabelMap("Organs of the CT, on its own grid", content, tuple(segments))
