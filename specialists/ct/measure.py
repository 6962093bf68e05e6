"""Numbers from the masks, each with its unit, the voxels behind it and a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.ct.airway import trachea_measured
from specialists.ct.calcium import calcium_measured
from specialists.ct.composition import composition_measured
from specialists.ct.foci import noise_hu
from specialists.ct.masks import METAL_HU, Label
from specialists.ct.scan import HU, Scan, Side, number, rounded, written
from specialists.ct.stated import with_error
from specialists.ct.thirds import EMPHYSEMA_HU, LUNGS, thirds_of_lungs
from specialists.schema import Measurement

__all__ = ["AIR_LIKE_HU", "measurements", "metal_voxels"]

AIR_LIKE_HU = -980
"""Below, lung is as thin as air itself: emphysema, bullae or air beside the lung."""


def measurements(scan: Scan) -> tuple[Measurement, ...]:
    """Everything that is measured, in the order of a report."""
    counts = scan.masks.counts
    return (
        *_parts(scan),
        *_lungs(scan, counts),
        *thirds_of_lungs(scan),
        *trachea_measured(scan),
        *_airway_gas(scan, counts),
        *calcium_measured(scan),
        *_dense(scan, counts),
        *composition_measured(scan),
        *_tissues(scan, counts),
        *_field(scan),
    )


def _field(scan: Scan) -> list[Measurement]:
    names = ("field of view, right to left", "field of view, front to back")
    found = [
        _length(name, extent, f"{count} voxels of {size:.2f} mm", f"The {name}, is")
        for name, extent, count, size in zip(
            names, scan.coverage.extent_mm, scan.hu.shape, scan.spacing_mm, strict=False
        )
    ]
    if not scan.flat:
        based = f"{scan.hu.shape[2]} slices, {scan.spacing_mm[2]:.2f} mm apart"
        text = "The length of the scan along the body is"
        found.append(_length("scan length", scan.coverage.extent_mm[2], based, text))
    return [*found, _noise(scan)]


def _noise(scan: Scan) -> Measurement:
    value = float(round(noise_hu(scan.hu)))
    return Measurement(
        name="noise of soft tissue",
        value=value,
        unit=HU,
        based_on="steps between neighbouring voxels of the middle slice",
        text=f"The noise of soft tissue is {written(value, HU)}.",
    )


def _length(name: str, value_mm: float, based_on: str, text: str) -> Measurement:
    value = rounded(value_mm)
    return Measurement(
        name=name, value=value, unit="mm", based_on=based_on, text=f"{text} {written(value, 'mm')}."
    )


RESTS_ON = {
    "head": "bone that encloses most of the section",
    "chest": "lung in at least 12 % of the body's section",
    "abdomen": "a spine without lung or hip bones beside it",
    "pelvis": "large bones on both sides",
}


def _parts(scan: Scan) -> list[Measurement]:
    if scan.flat:
        return []
    return [
        Measurement(
            name=f"length of {part} in view",
            value=(value := rounded(min(length, scan.coverage.extent_mm[2]))),
            unit="mm",
            site=part,
            based_on=RESTS_ON[part],
            text=f"About {written(value, 'mm')} of the scan's length show the {part}, "
            f"judged by {RESTS_ON[part]}.",
        )
        for part, length in scan.coverage.lengths_mm.items()
    ]


def _lungs(scan: Scan, counts: dict[Label, int]) -> list[Measurement]:
    found: list[Measurement] = []
    for side, label in LUNGS:
        if counts[label]:
            found += _lung(scan, side, label)
    return found


def _lung(scan: Scan, side: Side, label: Label) -> list[Measurement]:
    values = _values(scan, label)
    part, note = _completeness(scan, side)
    basis = scan.basis(values.size)
    size = scan.size(values.size)
    mean = float(round(float(values.mean(dtype=np.float64))))
    low = rounded(100.0 * float((values < EMPHYSEMA_HU).mean()))
    name = f"lung {scan.size_word}" + (" in view" if part else "")
    contrast = (
        " A contrast agent seems to be present, which lowers it." if scan.masks.contrast else ""
    )
    return [
        _of_lung(
            name,
            size,
            scan.size_unit,
            side,
            with_error(basis, "lung volume"),
            f"The {scan.size_word} of the {side} lung{part} is "
            f"{written(size, scan.size_unit)}{note}.",
        ),
        _of_lung(
            "mean lung density",
            mean,
            HU,
            side,
            basis,
            f"The mean density of the {side} lung{part} is {written(mean, HU)}.",
        ),
        _of_lung(
            f"lung below {EMPHYSEMA_HU} HU",
            low,
            "%",
            side,
            basis,
            f"Of the {side} lung{part}, {written(low, '%')} lies below {EMPHYSEMA_HU} HU (the "
            "emphysema index, valid at full inspiration without contrast agent; not a diagnosis)."
            + contrast,
        ),
    ]


def _of_lung(
    name: str, value: float, unit: str, side: Side, based_on: str, text: str
) -> Measurement:
    return Measurement(
        name=name,
        value=value,
        unit=unit,
        site="lung",
        laterality=side,
        based_on=based_on,
        text=text,
    )


def _completeness(scan: Scan, side: Side) -> tuple[str, str]:
    """What to put after 'the left lung', and after its size."""
    if scan.flat:
        return " in this slice", ""
    coverage = scan.coverage
    cut = coverage.right_lung_cut if side == "right" else coverage.left_lung_cut
    if not cut:
        return "", ""
    ends = " and ".join(cut)
    return " in view", f"; the scan cuts the lung at its {ends}, so this is not the whole lung"


def _airway_gas(scan: Scan, counts: dict[Label, int]) -> list[Measurement]:
    text = "Gas in the trachea and main bronchi, as far as they could be followed, fills"
    voxels = counts[Label.AIRWAY]
    return [_sized(scan, "airway gas", voxels, "airway", text)] if voxels else []


def _tissues(scan: Scan, counts: dict[Label, int]) -> list[Measurement]:
    body = sum(count for label, count in counts.items() if label != Label.OUTSIDE)
    fat = counts[Label.SUBCUTANEOUS_FAT] + counts[Label.INTERNAL_FAT]
    found = [
        _sized(scan, "body", body, None, "The part of the body in view takes up"),
        _sized(scan, "fat", fat, None, "Fat (-190 to -30 HU) in view takes up"),
    ]
    if scan.coverage.parts and "head" not in scan.coverage.parts:
        found += _fat_by_place(scan, counts)
    text = "Soft tissue (-29 to 150 HU: muscle and organs together) in view takes up"
    found.append(_sized(scan, "soft tissue", counts[Label.SOFT_TISSUE], None, text))
    text = "Gas outside lungs and airways, in bowel or elsewhere, fills"
    found.append(_sized(scan, "gas outside lungs", counts[Label.GAS], None, text))
    if counts[Label.BONE]:
        found += _bone(scan, counts[Label.BONE])
    return found


def _fat_by_place(scan: Scan, counts: dict[Label, int]) -> list[Measurement]:
    under = "Fat outside the muscle wall (subcutaneous, an estimate) takes up"
    inner = "Fat inside the muscle wall (around organs, and between muscles) takes up"
    return [
        _sized(scan, "subcutaneous fat", counts[Label.SUBCUTANEOUS_FAT], None, under),
        _sized(scan, "internal fat", counts[Label.INTERNAL_FAT], None, inner),
    ]


def _bone(scan: Scan, voxels: int) -> list[Measurement]:
    values = _values(scan, Label.BONE)
    mean = float(round(float(values.mean(dtype=np.float64))))
    text = "Bone with its marrow in view takes up"
    return [
        _sized(scan, "bone", voxels, "bone", text),
        Measurement(
            name="mean bone density",
            value=mean,
            unit=HU,
            site="bone",
            based_on=scan.basis(voxels),
            text=f"The mean density of bone with its marrow in view is {written(mean, HU)}; "
            "it is no measure of osteoporosis.",
        ),
    ]


def _dense(scan: Scan, counts: dict[Label, int]) -> list[Measurement]:
    foci = scan.masks.foci
    count = float(len(foci.volumes_mm3))
    where = f"foci above {foci.above_hu:.0f} HU in soft tissue away from bone and body wall"
    found = []
    if not scan.flat:
        found.append(
            Measurement(
                name="dense foci outside bone",
                value=count,
                unit="1",
                based_on=f"foci of at least {number(rounded(foci.least_mm3))} mm3",
                text=f"The number of {where} is {number(count)}.",
            )
        )
        if foci.voxels:
            text = f"Together, the {where} take up"
            found.append(_sized(scan, "dense foci outside bone, volume", foci.voxels, None, text))
    metal = metal_voxels(scan)
    if metal:
        text = f"Material above {METAL_HU:.0f} HU (metal, or as dense as metal) takes up"
        found.append(_sized(scan, "metal-density material", metal, None, text))
    return found


def metal_voxels(scan: Scan) -> int:
    """Voxels in the body above what bone reaches."""
    if not scan.masks.metal:
        return 0
    return int(((scan.hu > METAL_HU) & scan.masks.body).sum())


def _sized(scan: Scan, name: str, voxels: int, site: str | None, text: str) -> Measurement:
    value = scan.size(voxels)
    name = name if name.endswith("volume") else f"{name} {scan.size_word}"
    return Measurement(
        name=name,
        value=value,
        unit=scan.size_unit,
        site=site,
        based_on=scan.basis(voxels),
        text=f"{text} {written(value, scan.size_unit)}.",
    )


def _values(scan: Scan, label: Label) -> NDArray[Any]:
    """The HU of one label's voxels."""
    values: NDArray[Any] = scan.hu[scan.masks.labels == label]
    return values
