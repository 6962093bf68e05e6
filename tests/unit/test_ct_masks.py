"""Masks against TotalSegmentator's labels on real scans, and on a synthetic chest's hard cases."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

from specialists.ct import phantom
from specialists.ct.bone import enhanced_cm3
from specialists.ct.foci import group, noise_hu
from specialists.ct.grid import Grid
from specialists.ct.masks import Label, Masks, segment
from specialists.ct.morphology import Spacing
from specialists.ct.phantom import Chest, Ellipsoid
from specialists.ct.region import coverage
from specialists.ct.validate import body_by_gradient, dice, validate

CT = Path(__file__).parents[1] / "data" / "ct"
STEP: Spacing = (2.0, 2.0, 3.0)


def nifti(name: str) -> tuple[NDArray[Any], Spacing]:
    image: Any = nibabel.load(CT / name)
    image = nibabel.as_closest_canonical(image)  # type: ignore[no-untyped-call]
    x, y, z = (float(size) for size in image.header.get_zooms())
    return np.asanyarray(image.dataobj), (x, y, z)


@cache
def bases() -> tuple[NDArray[Any], NDArray[Any], Spacing, Masks]:
    """The upper abdomen with the bases of both lungs."""
    hu, spacing = nifti("example_ct_sm.nii.gz")
    labels, _ = nifti("example_seg.nii.gz")
    return hu, labels, spacing, segment(hu, spacing)


@cache
def abdomen() -> tuple[NDArray[Any], NDArray[Any], Spacing, Masks]:
    """Twenty slices with contrast agent, and no lung but slivers."""
    slices = [dcmread(path) for path in (CT / "series").iterdir()]
    slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    rows = np.stack([one.pixel_array.astype(np.int16) for one in slices], axis=-1)
    hu = rows * int(slices[0].RescaleSlope) + int(slices[0].RescaleIntercept)
    hu = np.ascontiguousarray(hu.transpose(1, 0, 2)[::-1, ::-1])
    size = float(slices[0].PixelSpacing[0])
    labels, _ = nifti("example_seg_dicom.nii.gz")
    spacing = (size, size, 2.0)
    return hu, labels, spacing, segment(hu, spacing)


def cm3(masks: Masks, label: Label, spacing: Spacing = STEP) -> float:
    return float((masks.labels == label).sum()) * float(np.prod(spacing)) / 1000.0


@pytest.mark.parametrize(
    ("members", "reference"),
    [
        ((Label.RIGHT_LUNG, Label.LEFT_LUNG), (10, 11, 12, 13, 14)),
        ((Label.RIGHT_LUNG,), (12, 13, 14)),
        ((Label.LEFT_LUNG,), (10, 11)),
    ],
)
def test_lungs_agree_with_the_reference(
    members: tuple[Label, ...], reference: tuple[int, ...]
) -> None:
    _, labels, _, masks = bases()
    assert dice(masks.of(*members), np.isin(labels, reference)) > 0.93


def test_lungs_are_found_alike_in_the_longer_scan() -> None:
    hu, spacing = nifti("example_ct.nii.gz")
    _, labels, _, _ = bases()
    upper = segment(hu, spacing).labels[:, :, -labels.shape[2] :]
    lungs = np.isin(upper, (Label.RIGHT_LUNG, Label.LEFT_LUNG))
    assert dice(lungs, np.isin(labels, (10, 11, 12, 13, 14))) > 0.93


def test_no_lung_is_found_where_there_is_none() -> None:
    _, labels, _, masks = abdomen()
    assert not np.isin(labels, (10, 11, 12, 13, 14)).any()
    assert not masks.of(Label.RIGHT_LUNG, Label.LEFT_LUNG).any()


@pytest.mark.parametrize("scan", [bases, abdomen])
def test_everything_labelled_lies_in_the_body(scan: Any) -> None:
    _, labels, _, masks = scan()
    assert float(masks.body[labels > 0].mean()) >= 0.995


@pytest.mark.parametrize("scan", [bases, abdomen])
def test_body_agrees_with_a_watershed_of_the_gradient(scan: Any) -> None:
    hu, labels, spacing, masks = scan()
    assert dice(masks.body, body_by_gradient(hu, labels > 0, spacing)) > 0.95


@pytest.mark.parametrize("scan", [bases, abdomen])
def test_the_table_is_not_in_the_body(scan: Any) -> None:
    hu, _, _, masks = scan()
    below = np.zeros(hu.shape, bool)
    for index in range(hu.shape[2]):
        back = int(np.flatnonzero(masks.body[:, :, index].any(axis=0))[0])
        below[:, : max(0, back - 2), index] = True
    assert int(((hu > -200) & below).sum()) > 50


@pytest.mark.parametrize("scan", [bases, abdomen])
def test_organs_lie_inside_the_muscle_wall(scan: Any) -> None:
    _, labels, _, masks = scan()
    organs = np.isin(labels, (1, 2, 3, 5, 6, 7, 52, 63))
    assert float((masks.labels[organs] == Label.SUBCUTANEOUS_FAT).mean()) < 0.001


def test_most_vertebral_bone_is_found() -> None:
    _, labels, _, masks = bases()
    spine = np.isin(labels, range(26, 51))
    assert float((masks.labels[spine] == Label.BONE).mean()) > 0.6
    liver = masks.labels[labels == 5]
    assert float((liver == Label.BONE).mean()) < 0.001


def test_contrast_agent_is_noticed() -> None:
    assert abdomen()[3].contrast
    assert not bases()[3].contrast


def test_kidney_stones_are_dense_foci_and_bone_is_not() -> None:
    hu, labels, _, masks = bases()
    stones = int(((hu > 400) & np.isin(labels, (2, 3))).sum())
    assert stones > 0
    assert 2 <= len(masks.foci.volumes_mm3) <= 6


def test_metal_is_noticed_only_where_it_is() -> None:
    hu, spacing = nifti("example_ct.nii.gz")
    assert segment(hu, spacing).metal
    assert not bases()[3].metal


def test_figures_of_the_command_are_those_of_the_masks() -> None:
    hu, labels, spacing, masks = bases()
    figures = validate(hu, labels, spacing)
    left = dice(masks.of(Label.LEFT_LUNG), np.isin(labels, (10, 11)))
    assert figures["dice"]["left_lung"] == pytest.approx(left, abs=1e-4)
    assert "lungs" not in validate(*abdomen()[:3])["dice"]


def test_parts_in_view_and_cuts_are_recognised() -> None:
    hu, _, spacing, masks = bases()
    upper = coverage(hu, masks.labels, spacing)
    assert upper.parts == ("abdomen",)
    assert upper.left_lung_cut == upper.right_lung_cut == ("top",)
    assert upper.cut_share == 0.0
    hu, spacing = nifti("example_ct.nii.gz")
    whole = coverage(hu, segment(hu, spacing).labels, spacing)
    assert whole.parts == ("abdomen", "pelvis")
    assert 0.3 < whole.cut_share < 0.6


def test_arms_cut_by_the_round_field_are_noticed() -> None:
    hu, _, spacing, masks = abdomen()
    assert coverage(hu, masks.labels, spacing).cut_share == 1.0


def test_bowel_gas_and_windpipe_are_no_lung() -> None:
    masks = segment(Chest(bowel_gas=True).draw(STEP), STEP)
    gas = Ellipsoid((10.0, 35.0, -70.0), (30.0, 16.0, 14.0))
    assert cm3(masks, Label.GAS) == pytest.approx(gas.cm3, rel=0.06)
    assert cm3(masks, Label.AIRWAY) > 15.0


@pytest.mark.parametrize("missing", ["left", "right"])
def test_a_single_lung_is_on_its_side(missing: str) -> None:
    chest = Chest(left=None) if missing == "left" else Chest(right=None)
    masks = segment(chest.draw(STEP), STEP)
    absent, there = Label.LEFT_LUNG, Label.RIGHT_LUNG
    if missing == "right":
        absent, there = there, absent
    assert not masks.of(absent).any()
    lung = chest.right or chest.left
    assert lung is not None
    assert cm3(masks, there) == pytest.approx(lung.cm3, rel=0.03)


def test_lungs_that_touch_are_parted() -> None:
    chest = Chest(
        right=Ellipsoid((40.0, 5.0, 0.0), (42.0, 52.0, 60.0)),
        left=Ellipsoid((-40.0, 5.0, 0.0), (42.0, 48.0, 56.0)),
        windpipe=False,
        noise_hu=20.0,
    )
    masks = segment(chest.draw(STEP), STEP)
    assert chest.right is not None
    assert chest.left is not None
    assert cm3(masks, Label.RIGHT_LUNG) == pytest.approx(chest.right.cm3, rel=0.04)
    assert cm3(masks, Label.LEFT_LUNG) == pytest.approx(chest.left.cm3, rel=0.04)


@pytest.mark.parametrize("level", [-930.0, -945.0, -960.0])
def test_a_lung_with_emphysema_stays_a_lung(level: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phantom, "LUNG_HU", level)
    chest = Chest(noise_hu=25.0)
    masks = segment(chest.draw(STEP), STEP)
    assert chest.right is not None
    assert cm3(masks, Label.RIGHT_LUNG) == pytest.approx(chest.right.cm3, rel=0.03)
    assert masks.foci.volumes_mm3 == ()


def test_a_stone_is_one_focus_of_its_volume() -> None:
    masks = segment(Chest(stone=True).draw((1.2, 1.2, 1.5)), (1.2, 1.2, 1.5))
    stone = Ellipsoid((0, 35.0, -30.0), (5.0, 5.0, 5.0))
    assert len(masks.foci.volumes_mm3) == 1
    assert masks.foci.volumes_mm3[0] / 1000.0 == pytest.approx(stone.cm3, rel=0.4)
    assert segment(Chest().draw(STEP), STEP).foci.volumes_mm3 == ()


def test_single_slices_are_labelled() -> None:
    spacing = (1.0, 1.0, 10.0)
    scan = np.ascontiguousarray(Chest().draw(spacing)[:, :, 8:9])
    masks = segment(scan, spacing)
    assert masks.of(Label.RIGHT_LUNG).any()
    assert masks.of(Label.LEFT_LUNG).any()
    assert coverage(scan, masks.labels, spacing).parts == ("chest",)


def test_nothing_in_view_gives_no_body() -> None:
    assert not segment(np.full((40, 40, 10), -1000, np.int16), STEP).body.any()


def test_touching_voxels_are_one_focus() -> None:
    shape = (6, 5, 4)
    places = [(1, 1, 1), (2, 2, 2), (5, 0, 3), (0, 4, 0), (0, 4, 1)]
    indices = np.array([np.ravel_multi_index(place, shape) for place in places], np.int64)
    foci = group(indices, shape, voxel_mm3=8.0, least_mm3=10.0, above_hu=130.0)
    assert foci.volumes_mm3 == (16.0, 16.0)
    assert foci.voxels == 4


def test_noise_is_measured_in_soft_tissue() -> None:
    scan = replace(Chest(), noise_hu=20.0).draw(STEP)
    assert noise_hu(scan) == pytest.approx(20.0, rel=0.15)


def test_working_grid_averages_and_comes_back() -> None:
    scan = Chest().draw((1.0, 1.0, 3.0))
    grid = Grid.of(scan.shape, (1.0, 1.0, 3.0))
    coarse = grid.averaged(scan)
    assert grid.factors == (2, 2, 1)
    assert grid.spacing_mm == (2.0, 2.0, 3.0)
    assert float(coarse.mean()) == pytest.approx(float(scan.mean()), abs=1.0)
    assert grid.slab(coarse > 0, 3, 5).shape == (*scan.shape[:2], 2)


def test_plain_tissue_is_not_taken_for_contrast() -> None:
    scan = Chest().draw(STEP).astype(np.float32)
    masks = segment(scan, STEP)
    assert enhanced_cm3(scan, masks.body, masks.of(Label.BONE), STEP) == 0.0
