from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from specialists.readers.orientation import closest_axes, facing_view, ras_empty
from specialists.readers.resampling import regrid
from specialists.readers.slices import Plane, Stack, by_position, stack

ROWS, COLUMNS = 5, 7
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

lengths = st.floats(0.3, 5.0)
offsets = st.tuples(*[st.floats(-400, 400)] * 3)
angles = st.tuples(*[st.floats(-np.pi, np.pi)] * 3)


def rotation(angles: tuple[float, ...]) -> NDArray[np.float64]:
    """Around z, y and x in turn."""
    result = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        one, other = (axis + 1) % 3, (axis + 2) % 3
        turn[one, one] = turn[other, other] = np.cos(angle)
        turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result


def planes(
    axes: NDArray[np.float64],
    spacing: tuple[float, float],
    origin: tuple[float, ...],
    depths: list[float],
    slide: tuple[float, float] = (0.0, 0.0),
) -> list[Plane]:
    """Slices at `depths` along the normal, slid by mm along rows and columns for each mm."""
    row, column, normal = axes.T
    step = normal + slide[0] * row + slide[1] * column
    return [
        Plane(
            np.array(origin) + depth * step,
            np.concatenate([row, column]),
            spacing,
            ROWS,
            COLUMNS,
        )
        for depth in depths
    ]


def turned(stacked: Stack, stored: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    facing, affine = closest_axes(stacked.affine, stacked.shape)
    array = ras_empty(stacked.shape, facing, stored.dtype)
    np.copyto(facing_view(array, facing), stored)
    return array, affine


def at(affine: NDArray[np.float64], index: tuple[int, ...]) -> NDArray[np.float64]:
    return np.asarray((affine @ [*index, 1])[:3])


@given(angles, lengths, lengths, lengths, offsets, st.integers(2, 6), st.randoms())
def test_every_voxel_keeps_its_place_in_the_body(
    turn: tuple[float, ...],
    row_mm: float,
    column_mm: float,
    step: float,
    origin: tuple[float, ...],
    count: int,
    random: Any,
) -> None:
    axes = rotation(turn)
    given_ = planes(axes, (row_mm, column_mm), origin, [step * n for n in range(count)])
    random.shuffle(given_)
    order = [place[0] for place in by_position(given_)]
    stacked = stack([given_[index] for index in order])
    stored = np.arange(COLUMNS * ROWS * count).reshape(COLUMNS, ROWS, count)
    array, affine = turned(stacked, stored)
    assert stacked.shifts is None
    assert stacked.places is None
    assert np.all(np.diag(affine)[:3] > -1e-9) or np.abs(np.diag(affine)[:3]).min() < 1e-6
    for column, row, number in [(0, 0, 0), (6, 0, count - 1), (2, 4, 1)]:
        # DICOM PS3.3 equation C.7.6.2.1-1.
        plane = given_[order[number]]
        lps = plane.position + axes[:, 0] * column_mm * column + axes[:, 1] * row_mm * row
        index = np.argwhere(array == stored[column, row, number])[0]
        placed = at(affine, tuple(index))
        np.testing.assert_allclose(placed, LPS_TO_RAS[:3, :3] @ lps, atol=1e-6)


@given(angles, lengths, st.lists(st.booleans(), min_size=6, max_size=12))
def test_grid_over_missing_slices_has_the_true_spacing(
    turn: tuple[float, ...], step: float, present: list[bool]
) -> None:
    kept = [0, 1]
    for number, here in enumerate(present, 2):
        # At most every second slice is missing: more would be refused.
        if here or kept[-1] != number - 1 or number == len(present) + 1:
            kept.append(number)
    stacked = stack(planes(rotation(turn), (1, 1), (0, 0, 0), [step * n for n in kept]))
    np.testing.assert_allclose(np.linalg.norm(stacked.affine[:3, 2]), step)
    assert stacked.shape[2] == kept[-1] + 1
    if stacked.places is not None:
        np.testing.assert_allclose(stacked.places[kept], np.arange(len(kept)), atol=1e-9)
        assert f"{kept[-1] + 1 - len(kept)} slice" in stacked.notes[0]


@given(
    angles,
    st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6)),
    st.lists(st.floats(1.0, 3.0), min_size=3, max_size=8),
)
@settings(max_examples=60)
def test_a_linear_field_survives_tilt_and_unequal_spacing(
    turn: tuple[float, ...], slide: tuple[float, float], gaps: list[float]
) -> None:
    """What is linear in space stays so: resampling moves no value to another place."""
    if np.hypot(*slide) > 0.6:
        return
    depths = [0.0, *np.cumsum(gaps).tolist()]
    given_ = planes(rotation(turn), (0.8, 1.1), (10, -20, 30), depths, slide)
    gradient = np.array([3.0, -2.0, 5.0])

    def field(index: tuple[float, ...], plane: Plane) -> float:
        along_row, along_column = plane.orientation[:3] * 1.1, plane.orientation[3:] * 0.8
        return float(gradient @ (plane.position + along_row * index[0] + along_column * index[1]))

    stored = np.empty((COLUMNS, ROWS, len(given_)), np.float32)
    for index in np.ndindex(stored.shape):
        stored[index] = field(index[:2], given_[index[2]])
    stacked = stack(given_)
    out = np.full(stacked.shape, np.nan, np.float32)
    regrid(stored, out, stacked.shifts, stacked.places, fill=np.nan)
    inside = np.argwhere(np.isfinite(out))
    assert len(inside) >= len(depths)
    # Up to half a pixel of sliding over the whole stack counts as none.
    largest = 0.55 * np.abs(gradient).sum() if stacked.shifts is None else 2e-2
    for index in inside:
        lps = LPS_TO_RAS[:3, :3] @ at(stacked.affine, tuple(index))
        tolerance = largest + (0.1 * np.abs(gradient).sum() * 3 if stacked.places is None else 0)
        assert abs(out[tuple(index)] - gradient @ lps) <= tolerance


@given(st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([1, -1])] * 3))
def test_turning_undoes_any_order_and_direction_of_axes(
    order: list[int], signs: tuple[int, int, int]
) -> None:
    expected = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    stored = expected.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]
    columns = [affine[:, axis] * sign for axis, sign in zip(order, signs, strict=True)]
    start = affine[:, 3].copy()
    for axis, sign in zip(order, signs, strict=True):
        start += affine[:, axis] * (expected.shape[axis] - 1) * (sign < 0)
    facing, back = closest_axes(np.column_stack([*columns, start]), stored.shape)
    array = ras_empty(stored.shape, facing, stored.dtype)
    np.copyto(facing_view(array, facing), stored)
    np.testing.assert_array_equal(array, expected)
    np.testing.assert_allclose(back, affine)
