"""VOI windows: order, range, and agreement with the standard's own formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from specialists.errors import InvalidInput
from specialists.readers.window import voi_window

_values = arrays(np.float32, st.integers(1, 40), elements=st.floats(-5000, 5000, width=32))
_centers = st.floats(-3000, 3000)
_widths = st.floats(1, 6000)
_functions = st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"])


@given(_values, _centers, _widths, _functions)
def test_window_stays_in_range_and_keeps_order(values, center, width, function):
    shown = voi_window(np.sort(values), center, width, function)
    assert shown.dtype == np.float32
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert (np.diff(shown) >= 0).all()


@given(st.integers(-2000, 2000), st.integers(-1000, 1000), st.integers(2, 4000))
def test_linear_window_is_the_standards_formula(value, center, width):
    if value <= center - 0.5 - (width - 1) / 2:
        expected = 0.0
    elif value > center - 0.5 + (width - 1) / 2:
        expected = 1.0
    else:
        expected = (value - (center - 0.5)) / (width - 1) + 0.5
    shown = voi_window(np.array([value], np.float32), center, width)
    assert shown[0] == pytest.approx(expected, abs=1e-4)


@given(_values, _centers, _widths, _functions)
def test_window_does_not_care_where_a_value_stands(values, center, width, function):
    together = voi_window(values, center, width, function)
    alone = [voi_window(values[i : i + 1], center, width, function)[0] for i in range(len(values))]
    assert together == pytest.approx(alone, abs=1e-6)


@given(_centers, st.floats(2, 6000), _functions)
def test_window_centre_is_half_bright(center, width, function):
    shift = 0.5 if function == "LINEAR" else 0.0
    shown = voi_window(np.array([center - shift], np.float64), center, width, function)
    assert shown[0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("width", "function"), [(0.5, "LINEAR"), (0, "LINEAR_EXACT"), (-3, "SIGMOID")]
)
def test_window_without_width_is_refused(width, function):
    with pytest.raises(InvalidInput):
        voi_window(np.zeros(2, np.float32), 0, width, function)
