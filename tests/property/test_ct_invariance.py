"""Masks on a synthetic chest: right at every voxel size, and nothing beside the body matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from specialists.ct.airway import trachea_measured
from specialists.ct.composition import composition
from specialists.ct.masks import Label, Masks, segment
from specialists.ct.morphology import Spacing, closed, grown, opened, shrunk
from specialists.ct.phantom import AIR_HU, Abdomen, Chest, Ellipsoid, Tube
from specialists.ct.thirds import thirds_of
from specialists.ct.truth import scanned

FEW = settings(max_examples=6, deadline=None, derandomize=True)

# Fine in the plane goes with coarse along the body and the other way round: small arrays.
SPACINGS = [
    (0.5, 0.5, 5.0),
    (0.8, 0.8, 3.0),
    (1.5, 1.5, 0.5),
    (2.0, 2.0, 2.0),
    (3.0, 3.0, 3.0),
    (3.0, 2.0, 4.0),
    (5.0, 5.0, 5.0),
]


def cm3(masks: Masks, label: Label, spacing: Spacing) -> float:
    return float((masks.labels == label).sum()) * float(np.prod(spacing)) / 1000.0


def chest(width: float, height: float) -> Chest:
    right = Ellipsoid((55.0, 5.0, 0.0), (38.0 * width, 52.0, 60.0 * height))
    left = Ellipsoid((-55.0, 5.0, 0.0), (35.0, 48.0 * width, 56.0))
    return Chest(right=right, left=left)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_lung_volumes_are_right_at_every_voxel_size(spacing: Spacing) -> None:
    phantom = Chest(bowel_gas=True, table=True, noise_hu=12.0)
    masks = segment(phantom.draw(spacing), spacing)
    assert phantom.right is not None
    assert phantom.left is not None
    assert cm3(masks, Label.RIGHT_LUNG, spacing) == pytest.approx(phantom.right.cm3, rel=0.03)
    assert cm3(masks, Label.LEFT_LUNG, spacing) == pytest.approx(phantom.left.cm3, rel=0.03)


@FEW
@given(st.floats(0.75, 1.05), st.floats(0.7, 1.1), st.sampled_from([2.0, 2.5, 4.0]))
def test_lungs_of_any_size_keep_their_side_and_volume(
    width: float, height: float, step: float
) -> None:
    phantom = chest(width, height)
    spacing = (2.5, 2.5, step)
    masks = segment(phantom.draw(spacing), spacing)
    assert phantom.right is not None
    assert phantom.left is not None
    assert cm3(masks, Label.RIGHT_LUNG, spacing) == pytest.approx(phantom.right.cm3, rel=0.03)
    assert cm3(masks, Label.LEFT_LUNG, spacing) == pytest.approx(phantom.left.cm3, rel=0.03)
    to_right = np.argwhere(masks.labels == Label.RIGHT_LUNG)[:, 0].min()
    to_left = np.argwhere(masks.labels == Label.LEFT_LUNG)[:, 0].max()
    assert to_left < to_right


@FEW
@given(st.tuples(*[st.integers(0, 9)] * 4))
def test_air_around_the_body_changes_nothing(margins: tuple[int, int, int, int]) -> None:
    spacing = (3.0, 3.0, 3.0)
    scan = Chest(bowel_gas=True).draw(spacing)
    a, b, c, d = margins
    padded = np.pad(scan, [(a, b), (c, d), (0, 0)], constant_values=int(AIR_HU))
    one = segment(scan, spacing).labels
    other = segment(padded, spacing).labels
    assert np.array_equal(other[a : a + one.shape[0], c : c + one.shape[1]], one)
    assert int((other > 0).sum()) == int((one > 0).sum())


@FEW
@given(st.floats(0, 40), st.sampled_from([(1.0, 1.0, 4.0), (2.0, 2.0, 3.0), (4.0, 4.0, 4.0)]))
def test_a_table_is_no_part_of_the_body(noise: float, spacing: Spacing) -> None:
    bare = Chest(noise_hu=noise)
    with_table = replace(bare, table=True)
    one = segment(bare.draw(spacing), spacing).body
    other = segment(with_table.draw(spacing), spacing).body
    assert int((one ^ other).sum()) <= 0.01 * int(one.sum())


def test_a_mirrored_patient_has_mirrored_lungs() -> None:
    spacing = (2.0, 2.0, 3.0)
    scan = Chest().draw(spacing)
    mirrored = segment(np.ascontiguousarray(scan[::-1]), spacing)
    straight = segment(scan, spacing)
    right = cm3(straight, Label.RIGHT_LUNG, spacing)
    assert cm3(mirrored, Label.LEFT_LUNG, spacing) == pytest.approx(right, rel=0.005)


def test_memory_order_changes_nothing() -> None:
    spacing = (3.0, 3.0, 3.0)
    scan = Chest(bowel_gas=True).draw(spacing)
    for stored in (np.asfortranarray(scan), scan[::-1].copy()[::-1], scan.astype(np.float32)):
        assert np.array_equal(segment(stored, spacing).labels, segment(scan, spacing).labels)


@FEW
@given(st.floats(-20.0, 20.0), st.sampled_from([(0.9, 0.9, 4.0), (2.0, 2.0, 2.0), (3.0, 3.0, 3.0)]))
def test_areas_of_a_slice_do_not_depend_on_turn_and_voxels(turn: float, spacing: Spacing) -> None:
    phantom = Abdomen(turn_deg=turn, noise_hu=10.0)
    true = phantom.areas_cm2()
    for each in composition(scanned(phantom, spacing)):
        assert each.subcutaneous_fat == pytest.approx(true["subcutaneous fat"], rel=0.12)
        assert each.visceral_fat == pytest.approx(true["visceral fat"], rel=0.15)
        assert each.muscle == pytest.approx(true["muscle of wall and back"], rel=0.12)


@FEW
@given(
    st.tuples(st.floats(6.5, 11.0), st.floats(6.5, 11.0)),
    st.floats(-0.4, 0.4),
    st.sampled_from([(0.9, 0.9, 4.0), (2.0, 2.0, 2.0), (3.0, 3.0, 3.0)]),
)
def test_trachea_is_measured_whatever_its_size_and_course(
    half: tuple[float, float], lean: float, spacing: Spacing
) -> None:
    tube = Tube(half, lean)
    found = {m.name: m.value for m in trachea_measured(scanned(Chest(tube=tube), spacing))}
    true = tube.sizes()
    area = found["trachea, median cross-section area"]
    assert area == pytest.approx(true["median cross-section area"], rel=0.08)
    assert found["trachea, least diameter"] == pytest.approx(true["least diameter"], abs=1.2)


@FEW
@given(st.floats(-15.0, 15.0), st.floats(0.75, 1.0))
def test_thirds_keep_their_share_when_the_body_is_turned(turn: float, width: float) -> None:
    phantom = replace(chest(width, 1.0), turn_deg=turn)
    lower, middle, upper = thirds_of(scanned(phantom, (2.5, 2.5, 2.5)), Label.RIGHT_LUNG)
    whole = lower.cm3 + middle.cm3 + upper.cm3
    assert middle.cm3 / whole == pytest.approx(13 / 27, abs=0.03)
    assert lower.cm3 == pytest.approx(upper.cm3, rel=0.15)


def blobs(seed: int) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random((12, 11, 6)) < 0.15


@FEW
@given(st.integers(0, 1000), st.floats(1.0, 6.0))
def test_morphology_orders_masks(seed: int, radius: float) -> None:
    mask, spacing = blobs(seed), (1.5, 1.5, 2.0)
    assert not (shrunk(mask, radius, spacing) & ~mask).any()
    assert not (mask & ~grown(mask, radius, spacing)).any()
    assert not (mask & ~closed(mask, radius, spacing)).any()
    assert not (opened(mask, radius, spacing) & ~mask).any()
    assert np.array_equal(shrunk(mask, radius, spacing), ~grown(~mask, radius, spacing))
