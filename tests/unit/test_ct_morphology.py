import numpy as np
import pytest

from specialists.ct.grid import Grid
from specialists.ct.morphology import filled, grown, medians, shrunk, sizes

SPACING = (1.0, 1.0, 1.0)


def specks(depth, share=0.02, seed=0):
    return np.random.default_rng(seed).random((20, 18, depth)) < share


def reached(mask, crosses, squares, depth):
    """Every place within so many steps along axes and so many to any neighbour, one by one."""
    from scipy import ndimage

    for turn in range(crosses + squares):
        shape = ndimage.generate_binary_structure(3, 1)
        if turn % 2:
            shape = np.ones((3, 3, 1), bool)
            if depth:
                shape = np.pad(shape, ((0, 0), (0, 0), (1, 1)))
                shape[1, 1, [0, 2]] = True
        elif not depth:
            shape[:, :, [0, 2]] = False
        mask = ndimage.binary_dilation(mask, shape)
    return mask


@pytest.mark.parametrize("depth", [1, 3, 8, 9, 20])
@pytest.mark.parametrize("planar", [True, False])
def test_growing_in_packed_slices_equals_growing_voxel_by_voxel(depth, planar):
    mask = specks(depth)
    expected = reached(mask, 2, 1, not planar)
    assert (grown(mask, 3.0, SPACING, planar=planar) == expected).all()


def test_growing_by_less_than_half_a_voxel_changes_nothing():
    mask = specks(9)
    assert (grown(mask, 0.4, SPACING) == mask).all()


def test_shrinking_does_not_start_from_the_borders():
    assert shrunk(np.ones((6, 6, 6), bool), 2.0, SPACING).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.7])
def test_filling_equals_the_library_s_slice_by_slice(share):
    from scipy import ndimage

    mask = specks(12, share)
    for index in range(12):
        expected = ndimage.binary_fill_holes(mask[:, :, index])
        assert (filled(mask)[:, :, index] == expected).all()


def test_medians_and_sizes_are_those_of_each_label():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 6, (7, 8, 9)).astype(np.int32)
    labels[labels == 4] = 0
    values = rng.normal(size=labels.shape).astype(np.float32)
    found, counts = medians(values, labels, 5), sizes(labels, 5)
    for label in (1, 2, 3, 5):
        assert found[label] == pytest.approx(np.median(values[labels == label].astype(np.float64)))
        assert counts[label] == (labels == label).sum()
    assert found[0] == found[4] == counts[0] == counts[4] == 0


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 2.0), (1.0, 0.5, 0.9), (3.0, 3.0, 3.0)])
def test_the_working_grid_holds_block_means_with_the_edge_repeated(spacing):
    hu = np.random.default_rng(2).integers(-1000, 1000, (23, 17, 5)).astype(np.int16)
    grid = Grid.of(hu.shape, spacing)
    fx, fy, fz = grid.factors
    found = grid.averaged(hu)
    padded = np.pad(hu, [(0, -23 % fx), (0, -17 % fy), (0, 0)], mode="edge").astype(np.float64)
    block = padded[-fx:, -fy:, :fz]
    assert found[-1, -1, 0] == pytest.approx(block.mean(), rel=1e-5)
    assert found.dtype == np.float32
