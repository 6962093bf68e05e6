"""How far off the measurements are: against a reference segmentation, and on synthetic scans.

    python -m specialists.ct.validate --ct FILE --seg FILE [--description TEXT] [--card FILE]

    python -m specialists.ct.validate --phantom

print the figures as JSON; `--card FILE` also adds them to a card, which the backend cites. The
segmentation has TotalSegmentator's label numbers (version 2, task "total").

TotalSegmentator's labels hold no body. Two things are measured in its place: the share of all
labelled voxels (organs, bones, muscles) that lie inside the body mask, and Dice against a body
found by another method, a watershed of the gradient's magnitude that starts from the labels on
one side and from the air that touches the scan's edge on the other. The second shares no
threshold at the skin with the mask under test; it is no outline drawn by a person.

What is left out of the report has its figures here too, under "left_out": how much gas and how
much tissue of water's density a scan without free gas or fluid has outside the organs that may
hold them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.ct import truth
from specialists.ct.calcium import OUT_OF_VIEW, calcium, why_no_calcium
from specialists.ct.composition import muscle_at
from specialists.ct.masks import Label, Masks, segment
from specialists.ct.morphology import Mask, Spacing, closed, filled, grown
from specialists.ct.phantom import Chest
from specialists.ct.reference import scan_of
from specialists.ct.region import torso
from specialists.ct.scan import Scan
from specialists.readers.volume import Volume

__all__ = ["body_by_gradient", "dice", "main", "phantom", "validate"]

RIGHT_LUNG = (12, 13, 14)
LEFT_LUNG = (10, 11)
VERTEBRAE = tuple(range(25, 51))
AORTA = 52
BOWEL = (6, 15, 18, 19, 20)
ORGANS = (*range(1, 22), 51, 52, 63, 64)
BACK_MUSCLES = (86, 87)
BONES = (*range(25, 51), 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 91, *range(92, 117))
PHANTOM_SPACINGS_MM: tuple[Spacing, ...] = (
    (0.5, 0.5, 5.0),
    (0.8, 0.8, 3.0),
    (1.5, 1.5, 0.5),
    (2.0, 2.0, 2.0),
    (3.0, 3.0, 3.0),
    (5.0, 5.0, 5.0),
)
LEAST_LUNG_VOXELS = 500
"""A side with fewer is not in view."""


def dice(one: Mask, other: Mask) -> float:
    """Twice the overlap by the sum of both; 1 where both are empty."""
    total = int(one.sum()) + int(other.sum())
    return 2.0 * int((one & other).sum()) / total if total else 1.0


def validate(hu: NDArray[Any], labels: NDArray[Any], spacing_mm: Spacing) -> dict[str, Any]:
    """Compare.

    Args:
        hu: Shape (x, y, z), axes to the patient's right, front and top.
        labels: TotalSegmentator's, same shape and axes.
        spacing_mm: Voxel size along x, y, z.

    Returns:
        `dice` by structure, and the share of labelled voxels inside the body mask.
    """
    scan = scan_of(Volume(hu, np.diag([*spacing_mm, 1.0]), spacing_mm, "CT", "HU"))
    masks = scan.masks
    figures = _lung_figures(masks, labels)
    bone = np.isin(labels, BONES)
    figures["bone"] = dice(masks.of(Label.BONE) & grown(bone, 15.0, spacing_mm), bone)
    figures["body_by_gradient"] = dice(masks.body, body_by_gradient(hu, labels > 0, spacing_mm))
    inside = float(masks.body[labels > 0].mean())
    return {
        "voxels": list(hu.shape),
        "spacing_mm": [round(size, 3) for size in spacing_mm],
        "dice": {name: round(value, 4) for name, value in figures.items()},
        "labelled_voxels_in_body": round(inside, 5),
        "spine": _spine_figures(scan, labels),
        "muscle_of_wall_and_back": _muscle_figures(scan, labels),
        "dense_volume_mm3": _calcium_figures(scan, labels),
        "left_out": _left_out(scan, labels),
    }


def _spine_figures(scan: Scan, labels: NDArray[Any]) -> dict[str, float]:
    """Distance of the spine's front and middle from those of the labelled vertebrae, in mm."""
    vertebrae = np.isin(labels, VERTEBRAE)
    depth = range(labels.shape[2])
    found = [z for z in depth if vertebrae[:, :, z].any() and scan.spine.known(z)]
    ahead, beside = [], []
    for z in found:
        x, y = np.nonzero(vertebrae[:, :, z])
        ahead.append((scan.spine.front_y[z] - np.percentile(y, 99)) * scan.spacing_mm[1])
        beside.append((scan.spine.centre_x[z] - np.median(x)) * scan.spacing_mm[0])
    return {
        "slices": len(found),
        "front_median_abs_mm": round(float(np.median(np.abs(ahead))), 1),
        "middle_median_abs_mm": round(float(np.median(np.abs(beside))), 1),
    }


def _muscle_figures(scan: Scan, labels: NDArray[Any]) -> dict[str, float]:
    """How much of the muscle's area is labelled organ, and of labelled back muscle is in it."""
    organ, back = np.isin(labels, ORGANS), np.isin(labels, BACK_MUSCLES)
    lean = scan.masks.of(Label.SOFT_TISSUE)
    wrong = total = kept = labelled = 0
    for z in range(0, labels.shape[2], max(1, labels.shape[2] // 10)):
        trunk = torso(scan.masks.labels[:, :, z] > 0, scan.spacing_mm[:2])
        muscle = muscle_at(scan, z, trunk)
        total, wrong = total + int(muscle.sum()), wrong + int((muscle & organ[:, :, z]).sum())
        true = back[:, :, z] & lean[:, :, z]
        kept, labelled = kept + int((true & muscle).sum()), labelled + int(true.sum())
    return {
        "share_in_labelled_organs": round(wrong / max(1, total), 3),
        "share_of_labelled_back_muscle_found": round(kept / max(1, labelled), 3),
    }


def _calcium_figures(scan: Scan, labels: NDArray[Any]) -> dict[str, float] | None:
    """Dense volume as measured, and within 3 mm of the labelled aorta; none with contrast agent."""
    if why_no_calcium(scan) != OUT_OF_VIEW:
        return None
    aorta = grown(labels == AORTA, 3.0, scan.spacing_mm) & ~np.isin(labels, VERTEBRAE)
    dense = np.zeros(scan.hu.size, bool)
    dense[scan.masks.dense] = True
    near = int((dense.reshape(scan.hu.shape) & aorta).sum())
    return {
        "measured": round(sum(each.mm3 for each in calcium(scan)), 1),
        "within_3_mm_of_the_aorta": round(near * scan.voxel_mm3, 1),
    }


def _left_out(scan: Scan, labels: NDArray[Any]) -> dict[str, dict[str, float]]:
    """Gas and water's density in a scan that has neither free gas nor free fluid."""
    cm3 = scan.voxel_mm3 / 1000.0
    gas, bowel = scan.masks.of(Label.GAS), np.isin(labels, BOWEL)
    water = (scan.hu >= 0) & (scan.hu <= 20) & scan.masks.body
    water &= ~scan.masks.of(Label.SUBCUTANEOUS_FAT, Label.BONE)
    outside = water & (labels == 0)
    return {
        "free_gas": {
            "gas_cm3": round(float(gas.sum()) * cm3, 1),
            "outside_labelled_bowel_cm3": round(float((gas & ~bowel).sum()) * cm3, 1),
        },
        "free_fluid": {
            "between_0_and_20_hu_cm3": round(float(water.sum()) * cm3, 1),
            "outside_all_labels_cm3": round(float(outside.sum()) * cm3, 1),
        },
    }


def phantom() -> dict[str, Any]:
    """Lung volumes of a synthetic chest whose volumes are known, at several voxel sizes."""
    chest = Chest(bowel_gas=True, table=True, noise_hu=12.0)
    errors = []
    for spacing in PHANTOM_SPACINGS_MM:
        masks = segment(chest.draw(spacing), spacing)
        cm3 = float(np.prod(spacing)) / 1000.0
        for label, lung in ((Label.RIGHT_LUNG, chest.right), (Label.LEFT_LUNG, chest.left)):
            if lung:
                errors.append(abs(int(masks.of(label).sum()) * cm3 / lung.cm3 - 1.0))
    largest = round(100.0 * max(errors), 2)
    return {
        "spacings_mm": [list(spacing) for spacing in PHANTOM_SPACINGS_MM],
        "largest_error_of_lung_volume_percent": largest,
        "measures": {
            "spacings_mm": [list(spacing) for spacing in truth.SPACINGS_MM],
            "turned_deg": list(truth.TURNS_DEG),
            "noise_hu": truth.NOISE_HU,
        },
        "largest_errors": {
            "lung volume": {"value": largest, "unit": "%", "checks": len(errors)},
            **truth.largest_errors(),
        },
    }


def body_by_gradient(hu: NDArray[Any], labelled: Mask, spacing_mm: Spacing) -> Mask:
    """The body by a watershed of the gradient's magnitude, slice by slice.

    Inside starts from the labels with what lies between them; outside starts from the air that
    touches the edge of the slice.
    """
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(
        np.clip(hu.astype(np.float32), -1000, 200), [1.5 / size for size in spacing_mm]
    )
    inner = filled(closed(labelled, 25.0, spacing_mm, planar=True))
    body = np.zeros(labelled.shape, bool)
    for index in range(labelled.shape[2]):
        body[:, :, index] = _flooded(smooth[:, :, index], inner[:, :, index])
    return body


def _flooded(plane: NDArray[np.float32], inner: Mask) -> Mask:
    from scipy import ndimage

    slope = ndimage.gaussian_gradient_magnitude(plane, 1.0)
    height = np.clip(slope / max(1.0, float(slope.max())) * 65535, 0, 65535).astype(np.uint16)
    markers = np.where(_outer_air(plane, inner), np.int32(1), np.int32(0))
    markers[inner] = 2
    basins = ndimage.watershed_ift(height, markers)
    flooded: Mask = ndimage.binary_fill_holes(basins == 2)
    return flooded


def _outer_air(plane: NDArray[np.float32], inner: Mask) -> Mask:
    """Air connected with the slice's edge; the table beyond it belongs to the outside too."""
    from scipy import ndimage

    labels, count = ndimage.label((plane < -850) & ~inner)
    edge = np.zeros(count + 1, bool)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        edge[np.unique(side)] = True
    edge[0] = False
    outer: Mask = edge[labels]
    return outer


def _lung_figures(masks: Masks, labels: NDArray[Any]) -> dict[str, float]:
    right, left = np.isin(labels, RIGHT_LUNG), np.isin(labels, LEFT_LUNG)
    if min(int(right.sum()), int(left.sum())) < LEAST_LUNG_VOXELS:
        return {}
    return {
        "lungs": dice(masks.of(Label.RIGHT_LUNG, Label.LEFT_LUNG), right | left),
        "right_lung": dice(masks.of(Label.RIGHT_LUNG), right),
        "left_lung": dice(masks.of(Label.LEFT_LUNG), left),
    }


def _load(ct: Path, seg: Path) -> tuple[NDArray[Any], NDArray[Any], Spacing]:
    from specialists.readers import read_volume

    scan = read_volume([ct])
    labels = read_volume([seg])
    if scan.array.shape != labels.array.shape:
        raise SystemExit("The scan and the segmentation differ in shape.")
    if not np.allclose(scan.affine, labels.affine, atol=0.5):
        sys.stderr.write("Note: the affines of scan and segmentation differ.\n")
    x, y, z = scan.spacing_mm
    return scan.array, labels.array.astype(np.int16), (float(x), float(y), float(z))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m specialists.ct.validate")
    parser.add_argument("--ct", type=Path, help="DICOM folder or NIfTI file")
    parser.add_argument("--seg", type=Path, help="NIfTI file of labels")
    parser.add_argument("--phantom", action="store_true", help="measure a synthetic chest instead")
    parser.add_argument("--description", default="one CT", help="what the scan is, for the card")
    parser.add_argument("--card", type=Path, help="card to add the figures to")
    given = parser.parse_args(arguments)
    if given.phantom:
        found = phantom()
    elif given.ct and given.seg:
        figures = validate(*_load(given.ct, given.seg))
        found = {"description": given.description, **figures}
    else:
        parser.error("--ct and --seg, or --phantom")
    if given.card:
        _add(given.card, found)
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def _add(path: Path, found: dict[str, Any]) -> None:
    """Write the figures to the card; a case of the same description is replaced."""
    card = json.loads(path.read_text(encoding="utf-8")) if path.exists() else _empty()
    if "description" in found:
        others = [case for case in card["cases"] if case["description"] != found["description"]]
        card["cases"] = [*others, found]
    else:
        card["phantom"] = found
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _empty() -> dict[str, Any]:
    return {
        "model": "HU thresholds and morphology",
        "weights": None,
        "method": "Dice and errors as printed by python -m specialists.ct.validate",
        "cases": [],
    }


if __name__ == "__main__":
    main()
