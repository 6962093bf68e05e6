"""Where something dark or bright lies that is neither vessel nor optic disc."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.retina.preprocess import WIDTH, Booleans, Floats, Fundus, smooth

__all__ = ["Landmarks", "Maps", "find_lesions", "lines"]

LINE = 16
DIRECTIONS = 10
DISC_RADIUS = 0.085 * WIDTH
"""Of the blanked optic disc, with a margin."""


@dataclass(frozen=True)
class Landmarks:
    """Optic disc and macula as (row, column)."""

    disc: tuple[float, float]
    macula: tuple[float, float]


@dataclass(frozen=True)
class Maps:
    """Contrast of candidates, each of shape (rows, WIDTH), 0 where there is none."""

    red: Floats
    """Dark spots: microaneurysms, haemorrhages."""
    bright: Floats
    """Bright spots: exudates, cotton-wool spots."""
    vessels: Floats
    """Dark lines."""
    inside: Booleans
    """The field without the optic disc."""
    noise: float
    """Of the green contrast: robust deviation of its fine detail."""
    landmarks: Landmarks


def _mean(values: Floats, where: Booleans) -> float:
    return float(values[where].mean()) if where.any() else 0.0


def _moved(values: Floats, down: int, right: int) -> Floats:
    """Shift; what comes in is 0."""
    rows, columns = values.shape
    result = np.zeros_like(values)
    result[max(down, 0) : rows + min(down, 0), max(right, 0) : columns + min(right, 0)] = values[
        max(-down, 0) : rows + min(-down, 0), max(-right, 0) : columns + min(-right, 0)
    ]
    return result


def lines(values: Floats, length: int = LINE, directions: int = DIRECTIONS) -> Floats:
    """Return the greatest opening with line segments of all directions: lines stay, spots go."""
    best = np.zeros_like(values)
    for angle in np.arange(directions) * np.pi / directions:
        eroded, opened, step = values, values, 1
        steps = []
        while step < length:
            steps.append((round(step * np.sin(angle)), round(step * np.cos(angle))))
            step *= 2
        for down, right in steps:
            eroded = np.minimum(eroded, _moved(eroded, down, right))
        opened = eroded
        for down, right in steps:
            opened = np.maximum(opened, _moved(opened, -down, -right))
        best = np.maximum(best, opened)
    return best


def _find_disc(fundus: Fundus, vessels: Floats) -> tuple[float, float]:
    """Find the optic disc: bright at its own size, and with vessels running into it."""
    red, green = (fundus.rgb[..., c].astype(np.float32) for c in (0, 1))
    light = 0.4 * red + 0.6 * green
    light = np.where(fundus.field, light / max(_mean(light, fundus.field), 1.0) - 1, 0)
    bump = (smooth(light, 11) - smooth(light, 42)).astype(np.float32)
    thick = smooth(vessels, 14)
    thick = thick / max(float(thick[fundus.field].std()), 1e-6)
    rows = np.abs(np.arange(len(light)) / len(light) - 0.5)[:, None]
    score = bump / max(float(bump[fundus.field].std()), 1e-6) + 0.6 * thick
    score = np.where(fundus.field & (rows < 0.22), score, -np.inf)
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    return float(row), float(column)


def _find_macula(fundus: Fundus, disc: tuple[float, float]) -> tuple[float, float]:
    """Find the darkest place about two and a half disc diameters from the disc."""
    row, column = disc
    side = 1 if column < WIDTH / 2 else -1
    expected = (row + 0.03 * WIDTH, column + side * 0.34 * WIDTH)
    y, x = np.mgrid[0 : fundus.field.shape[0], 0:WIDTH]
    away = np.hypot(y - expected[0], x - expected[1]) / WIDTH
    dark = fundus.smoothed(1, 9) + 2.0 * away**2
    dark = np.where(fundus.field & (away < 0.1), dark, np.inf)
    if not np.isfinite(dark).any():
        return expected
    found = np.unravel_index(int(dark.argmin()), dark.shape)
    return float(found[0]), float(found[1])


def find_lesions(fundus: Fundus) -> Maps:
    """Make the candidate maps of a prepared photograph."""
    green = fundus.smoothed(1, 0.8)
    dark = np.maximum(-green, 0)
    vessels = lines(dark)
    disc = _find_disc(fundus, vessels)
    y, x = np.mgrid[0 : green.shape[0], 0:WIDTH]
    inside = fundus.field & (np.hypot(y - disc[0], x - disc[1]) > DISC_RADIUS)
    light = np.maximum(green, 0)
    bright = light - lines(light, 32, 6)
    detail = green - smooth(green, 2)
    noise = float(1.4826 * np.median(np.abs(detail[inside]))) if inside.any() else 1.0
    return Maps(
        np.where(inside, dark - vessels, 0).astype(np.float32),
        np.where(inside, bright, 0).astype(np.float32),
        np.where(inside, vessels, 0).astype(np.float32),
        inside,
        max(noise, 1e-4),
        Landmarks(disc, _find_macula(fundus, disc)),
    )


def components(mask: Booleans) -> tuple[NDArray[np.int32], int]:
    """Label the connected parts of a mask (8 neighbours)."""
    from scipy.ndimage import label

    labels, count = label(mask, np.ones((3, 3)))
    return labels, int(count)
