"""Numbers that describe a fundus photograph's candidates: how many, how large, how strong, where.

None of them depends on the camera's colours: all come from contrast with the surroundings.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from specialists.retina.lesions import Maps, components
from specialists.retina.preprocess import WIDTH, Booleans, Floats, Fundus

__all__ = ["describe"]

RED_LEVELS = (0.04, 0.06, 0.09, 0.13)
BRIGHT_LEVELS = (0.04, 0.07, 0.12, 0.2)
TINTED_LEVELS = (0.03, 0.06, 0.12)
LEAST = 0.02
"""Contrast below which a tint is not told."""
SMALL = 18
"""Pixels: about a microaneurysm's area and below."""
RANKS = (1, 3, 8, 20, 50)
ZONES = (0.09 * WIDTH, 0.19 * WIDTH)
"""Distances from the macula: about two thirds and one and a half disc diameters."""

Described = Iterator[tuple[str, float]]


def _spots(name: str, values: Floats, levels: tuple[float, ...], away: Floats) -> Described:
    """Count the parts above each level, small and large, everywhere and about the macula."""
    for level in levels:
        labels, count = components(values > level)
        areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        place = np.nonzero(labels)
        near, own = np.full(count, np.inf), labels[place] - 1
        np.minimum.at(near, own, away[place])
        large, seen = areas > SMALL, areas > 1
        yield f"{name} {level} small", np.log1p(float((seen & ~large).sum()))
        yield f"{name} {level} large", np.log1p(float(large.sum()))
        yield f"{name} {level} area", np.log1p(float(areas[seen].sum()))
        for zone in ZONES:
            yield f"{name} {level} area {zone:.0f}", np.log1p(float(areas[near < zone].sum()))
        if level == levels[0]:
            peaks = np.zeros(count)
            np.maximum.at(peaks, own, values[place])
            yield from _ranked(f"{name} peak", peaks * (areas > 2))
            yield from _ranked(f"{name} size", np.log1p(areas.astype(np.float64)))


def _ranked(name: str, values: NDArray[np.floating]) -> Described:
    """Give the values of some ranks from the greatest."""
    ordered = np.sort(np.asarray(values, np.float64))[::-1]
    for rank in RANKS:
        yield f"{name} {rank}", float(ordered[rank - 1]) if len(ordered) >= rank else 0.0


def _bands(fundus: Fundus, maps: Maps) -> Described:
    """Describe the tails of the contrast at several sizes, vessels left out."""
    inside = maps.inside & (maps.vessels < 0.08)
    if not inside.any():
        inside = np.ones_like(maps.inside)
    layers = [fundus.smoothed(1, sigma) for sigma in (0.8, 1.8, 4, 9)]
    for number, (fine, coarse) in enumerate(itertools.pairwise(layers)):
        low, high, *middle = np.percentile((fine - coarse)[inside], (0.3, 99.7, 16, 84))
        spread = max(float(middle[1] - middle[0]), 1e-4)
        yield f"band {number} dark", -float(low)
        yield f"band {number} bright", float(high)
        yield f"band {number} dark over spread", -float(low) / spread
        yield f"band {number} bright over spread", float(high) / spread


def _colour(fundus: Fundus, mask: Booleans, name: str) -> Described:
    """Describe how red and blue go with green where the candidates are."""
    for channel, label in ((0, "red"), (2, "blue")):
        values = fundus.contrast[channel][mask]
        yield f"{name} in {label}", float(np.clip(values.mean(), -1, 1)) if len(values) else 0.0


def _tinted(fundus: Fundus, maps: Maps) -> dict[str, Floats]:
    """Weigh candidates by their colour.

    Exudates are bright in green and not in blue, unlike the sheen of a young retina, which is
    white; blood is dark in green and hardly in red, unlike dust and pigment, which are grey.
    """
    red, blue = (fundus.smoothed(channel, 1.5) for channel in (0, 2))
    green = fundus.smoothed(1, 0.8)
    size = np.maximum(np.abs(green), LEAST)
    yellow = np.clip((green - blue) / size, 0, 1) * (red > -LEAST)
    bloody = np.clip((red - green) / size, 0, 1)
    white = blue > 0.7 * green
    return {
        "exudate": np.asarray(maps.bright * yellow, np.float32),
        "blood": np.asarray(maps.red * bloody, np.float32),
        "sheen": np.asarray(maps.bright * white, np.float32),
    }


def describe(fundus: Fundus, maps: Maps) -> dict[str, float]:
    """Return all features by name, always the same names in the same order."""
    from scipy.ndimage import grey_opening

    y, x = np.mgrid[0 : maps.red.shape[0], 0:WIDTH]
    row, column = maps.landmarks.macula
    away = np.hypot(y - row, x - column).astype(np.float32)
    dark = np.maximum(-fundus.contrast[1], 0) * (maps.inside & (away > ZONES[0]))
    blots = np.asarray(grey_opening(dark, size=(9, 9)), np.float32)
    found: dict[str, float] = {}
    found.update(_spots("red", maps.red, RED_LEVELS, away))
    found.update(_spots("bright", maps.bright, BRIGHT_LEVELS, away))
    found.update(_spots("blot", blots, (0.06, 0.12, 0.18), away))
    relative = np.asarray(maps.red / maps.noise / 100, np.float32)
    found.update(_spots("red over noise", relative, (0.04, 0.07), away))
    tinted = _tinted(fundus, maps)
    for name in ("exudate", "blood"):
        found.update(_spots(name, tinted[name], TINTED_LEVELS, away))
    found["sheen"] = float(np.log1p((tinted["sheen"] > TINTED_LEVELS[1]).sum()))
    found.update(_bands(fundus, maps))
    found.update(_colour(fundus, maps.bright > BRIGHT_LEVELS[2], "bright"))
    found.update(_colour(fundus, maps.red > RED_LEVELS[2], "red"))
    found["vessels"] = float((maps.vessels > 0.08).mean())
    return found
