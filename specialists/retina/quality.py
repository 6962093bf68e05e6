"""Is a fundus photograph good enough to be graded?"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from specialists.retina.preprocess import Booleans, Floats, Fundus, brightest

__all__ = ["MEASURES", "MOST_FIELD", "faults", "measure"]

MEASURES = {
    "sharpness": "blurred",
    "brightness": "dark",
    "unsaturated": "overexposed",
    "field": "cut, or shows little of the retina",
    "redness": "not coloured as a fundus photograph is",
}
"""What is measured, and what a photograph is where it is too low."""
MOST_FIELD = 1.1
"""Above this share of a full disc the corners are lit too: not a round field of view."""


def _middle(field: Booleans) -> Booleans:
    """Keep the inner half: the rim would be taken for fine structure."""
    rows, columns = field.shape
    y, x = np.mgrid[0:rows, 0:columns]
    return np.asarray(field & (np.hypot(y - rows / 2, x - columns / 2) < columns * 0.35))


def _spread(values: Floats) -> float:
    """Return the distance between the 16th and the 84th percentile."""
    low, high = np.percentile(values, (16, 84)) if values.size else (0.0, 0.0)
    return float(high - low)


def measure(fundus: Fundus) -> dict[str, float]:
    """Measure sharpness, exposure, field and colour; higher is better.

    Returns:
        `sharpness`: spread of the green contrast's fine structure over that of a coarser one;
        `brightness`: mean of the brightest channel, 0 to 1; `unsaturated`: share of the field
        that is not at the upper end in every channel; `field`: share of a full disc that is
        lit; `redness`: share of the field where red is above blue.
    """
    field, (red, green, blue) = fundus.field, np.moveaxis(fundus.rgb, 2, 0)
    size = float(field.sum())
    if size < 0.05 * field.shape[1] ** 2:
        return dict.fromkeys(MEASURES, 0.0)
    layers = [fundus.smoothed(1, sigma) for sigma in (0.8, 1.8, 6)]
    fine, coarse = (_spread((a - b)[_middle(field)]) for a, b in itertools.pairwise(layers))
    return {
        "sharpness": fine / max(coarse, 1e-6),
        "brightness": float(brightest(fundus.rgb)[field].mean() / 255),
        "unsaturated": float((np.minimum(np.minimum(red, green), blue)[field] < 235).mean()),
        "field": size / (np.pi / 4 * field.shape[1] ** 2),
        "redness": float((red > blue)[field].mean()),
    }


def faults(measured: Mapping[str, float], limits: Mapping[str, float]) -> list[str]:
    """Say in which ways the measures are below the limits: ['blurred', …]."""
    return [told for name, told in MEASURES.items() if measured[name] < limits[name]]
