"""Numbers of a synthetic chest, and how they are written."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from specialists.ct.masks import Label
from specialists.ct.measure import measurements
from specialists.ct.morphology import Spacing
from specialists.ct.phantom import LUNG_HU, Chest, Ellipsoid
from specialists.ct.reference import scan_of
from specialists.ct.scan import HU, Scan, number, rounded, spaced, written
from specialists.errors import MislabelledFile, UnusableGeometry
from specialists.readers.volume import Volume
from specialists.schema import Measurement

STEP: Spacing = (2.0, 2.0, 3.0)


def volume(chest: Chest, spacing: Spacing = STEP, slices: slice = slice(None)) -> Volume:
    array = np.ascontiguousarray(chest.draw(spacing)[:, :, slices])
    return Volume(array, np.diag([*spacing, 1.0]), spacing, "CT", "HU")


@cache
def whole() -> Scan:
    return scan_of(volume(Chest(bowel_gas=True, stone=True)))


@cache
def by_name() -> dict[tuple[str, str | None], Measurement]:
    return {(m.name, m.laterality): m for m in measurements(whole())}


@pytest.mark.parametrize(
    ("value", "written_as"),
    [(0.04, "0"), (12.34, "12.3"), (99.95, "100"), (1204.4, "1204"), (-752.6, "-753"), (7.0, "7")],
)
def test_numbers_are_rounded_as_written(value: float, written_as: str) -> None:
    assert number(rounded(value)) == written_as
    assert float(written_as) == rounded(value)


def test_units_are_written_as_in_the_field() -> None:
    assert written(12.5, "cm3") == "12.5 cm3"
    assert written(-850.0, HU) == "-850 [hnsf'U] (Hounsfield units)"
    assert spaced(1204331) == "1 204 331"


def test_every_sentence_holds_its_value_and_unit() -> None:
    for measured in measurements(whole()):
        unit = "" if measured.unit == "1" else f" {measured.unit}"
        assert f" {number(measured.value)}{unit}" in f" {measured.text}"
        assert measured.text.endswith(".")
        assert measured.based_on


def test_names_tell_measurements_apart() -> None:
    found = measurements(whole())
    assert len({(m.name, m.laterality) for m in found}) == len(found)


@pytest.mark.parametrize("side", ["right", "left"])
def test_lung_volume_and_density_are_those_of_the_phantom(side: str) -> None:
    lung = Chest().right if side == "right" else Chest().left
    assert lung is not None
    found = by_name()
    assert found["lung volume", side].value == pytest.approx(lung.cm3, rel=0.02)
    assert found["lung volume", side].unit == "cm3"
    # Mixed voxels at the border are a few percent of the lung.
    assert found["mean lung density", side].value == pytest.approx(LUNG_HU, abs=35)
    assert found["lung below -950 HU", side].value == 0.0
    assert side in found["lung volume", side].text


def test_voxels_behind_a_number_give_the_number() -> None:
    measured = by_name()["lung volume", "right"]
    assert measured.based_on is not None
    match = re.match(r"([\d ]+) voxels of ([\d.]+) mm3; off by", measured.based_on)
    assert match
    voxels = int(match[1].replace(" ", ""))
    assert voxels == int((whole().masks.labels == Label.RIGHT_LUNG).sum())
    assert rounded(voxels * float(match[2]) / 1000.0) == measured.value


def test_parts_of_the_body_add_up() -> None:
    found = by_name()
    parts = found["subcutaneous fat volume", None].value + found["internal fat volume", None].value
    assert parts == pytest.approx(found["fat volume", None].value, abs=1.0)
    counts = whole().masks.counts
    assert sum(counts.values()) == whole().masks.labels.size


def test_gas_outside_lungs_is_that_of_the_bowel() -> None:
    gas = Ellipsoid((10.0, 35.0, -70.0), (30.0, 16.0, 14.0))
    measured = by_name()["gas outside lungs volume", None]
    assert measured.value == pytest.approx(gas.cm3, rel=0.06)
    assert "in bowel or elsewhere" in measured.text


def test_subcutaneous_fat_is_the_shell_of_the_phantom() -> None:
    wide, deep = Chest().body
    height = whole().hu.shape[2] * STEP[2]
    shell = np.pi * (wide * deep - (wide - 12.0) * (deep - 12.0)) * height / 1000.0
    # The window leaves out most voxels that mix fat with air at the skin.
    assert by_name()["subcutaneous fat volume", None].value == pytest.approx(shell, rel=0.1)


def test_field_of_view_is_the_size_of_the_volume() -> None:
    found = by_name()
    assert found["field of view, right to left", None].value == 270.0
    assert found["field of view, front to back", None].value == 210.0
    assert found["scan length", None].value == 171.0


def test_the_stone_is_counted() -> None:
    measured = by_name()["dense foci outside bone", None]
    assert (measured.value, measured.unit) == (1.0, "1")


def test_a_lung_that_the_scan_cuts_is_called_in_view() -> None:
    found = measurements(scan_of(volume(Chest(), slices=slice(0, 35))))
    lung = next(m for m in found if m.name == "lung volume in view" and m.laterality == "left")
    assert "cuts the lung at its top" in lung.text
    assert not any(m.name == "lung volume" for m in found)


def test_a_single_slice_gives_areas() -> None:
    found = measurements(scan_of(volume(Chest(), (1.0, 1.0, 5.0), slice(17, 18))))
    assert {m.unit for m in found} <= {"cm2", HU, "%", "mm"}
    right = next(m for m in found if m.name == "lung area in view" and m.laterality == "right")
    # The section through the middle of an ellipsoid.
    assert right.value == pytest.approx(np.pi * 3.8 * 5.2, rel=0.03)
    assert not any("volume" in m.text for m in found)


@pytest.mark.parametrize("kind", ["grey levels", "only air", "bright"])
def test_values_that_are_not_hounsfield_units_are_refused(kind: str) -> None:
    hu = Chest().draw(STEP).astype(np.float32)
    arrays: dict[str, NDArray[Any]] = {
        "grey levels": np.clip((hu + 1000) / 8, 0, 255),
        "only air": np.full_like(hu, -1000),
        "bright": hu + 2000,
    }
    made = Volume(arrays[kind], np.eye(4), STEP, None, None)
    with pytest.raises(MislabelledFile, match="Hounsfield"):
        scan_of(made)


@pytest.mark.parametrize("spacing", [(0.0, 1.0, 1.0), (1.0, float("nan"), 1.0), (1.0, 1.0, 900.0)])
def test_impossible_voxel_sizes_are_refused(spacing: Spacing) -> None:
    made = Volume(Chest().draw(STEP), np.eye(4), spacing, "CT", "HU")
    with pytest.raises(UnusableGeometry):
        scan_of(made)


def test_a_single_slice_without_thickness_is_measured() -> None:
    array = np.ascontiguousarray(Chest().draw(STEP)[:, :, 28:29])
    scan = scan_of(Volume(array, np.eye(4), (2.0, 2.0, 0.0), "CT", "HU"))
    assert any(m.name == "body area" for m in measurements(scan))
