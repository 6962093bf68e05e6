"""Where the lungs are on a frontal chest film, coarsely: a frame for the evidence map.

Lung is darker than what surrounds it. A lung that is not dark because it is ill is given the
outline of the other one, mirrored; where neither is found, an average chest's place is taken.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

__all__ = ["SIDE", "lung_box", "lung_fields"]

SIDE = 96
"""Pixels a side that the film is brought to."""
REACH = slice(4, 84), slice(5, 91)
"""Rows and columns in which lung is looked for."""
LEAST, MOST = 0.025, 0.22
"""Of the film: what one lung takes up."""
PIECE = 0.008
"""Of the film: a part of a lung that ribs or disease cut off from the rest."""
HIGHEST, LOWEST = 0.2, 0.65
"""Height of a lung's middle, from the top."""
LOCAL = 41
"""Pixels of the surroundings that a place is compared with."""
AVERAGE = ((0.30, 0.45, 0.17, 0.33), (0.70, 0.45, 0.17, 0.33))
"""Middle and half axes of an average chest's lungs: x, y, across, down."""
MARGIN = 2
AROUND = 0.08
"""Of the lungs' size: what the box about them has in addition on each side."""

Mask = NDArray[np.bool_]


def lung_fields(film: NDArray[np.float32]) -> tuple[Mask, bool]:
    """Find the lung fields.

    Args:
        film: Shape (rows, columns), 0 to 1, bright where dense.

    Returns:
        A mask of shape (SIDE, SIDE) over the whole film, and whether it was found on the film,
        rather than taken from an average chest.
    """
    small = np.asarray(Image.fromarray(film).resize((SIDE, SIDE), Image.Resampling.BOX))
    left, right = _candidates(_dark(small))
    if left is None and right is None:
        return _average(), False
    middle = _midline(left, right)
    fields = np.zeros((SIDE, SIDE), bool)
    for own, other in ((left, right), (right, left)):
        known = np.zeros((SIDE, SIDE), bool) if own is None else own
        fields |= _hull(known if other is None else known | _mirrored(other, middle))
    return _widened(fields), True


def lung_box(film: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a box about both lungs, as shares of the film."""
    fields, _ = lung_fields(film)
    ends = []
    for axis in (0, 1):
        used = np.flatnonzero(fields.any(axis=axis))
        low, high = float(used[0]), float(used[-1] + 1)
        more = AROUND * (high - low)
        ends.append((max(0.0, low - more) / SIDE, min(float(SIDE), high + more) / SIDE))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]


def _dark(small: NDArray[np.float32]) -> Mask:
    """Darker than the surroundings, and not the air beside the body."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(small, 1.0)
    around = ndimage.uniform_filter(smooth, LOCAL, mode="nearest")
    spread = float(smooth[REACH].std())
    dark = smooth < around - 0.15 * spread
    inside = np.zeros_like(dark)
    inside[REACH] = dark[REACH]
    return np.asarray(ndimage.binary_opening(inside, np.ones((3, 3))))


def _candidates(dark: Mask) -> tuple[Mask | None, Mask | None]:
    """What is dark on the left and on the right of the picture, if a part has a lung's size."""
    from scipy import ndimage

    labels, count = ndimage.label(dark)
    sides: tuple[list[Mask], list[Mask]] = ([], [])
    for label in range(1, count + 1):
        part = labels == label
        row, column = (place / SIDE for place in ndimage.center_of_mass(part))
        if _lies_as_lung(part) and HIGHEST <= row <= LOWEST:
            sides[int(column > 0.5)].append(part)
    left, right = (_joined(parts) for parts in sides)
    return left, right


def _lies_as_lung(part: Mask) -> bool:
    """Not at the film's side, and neither a speck nor half of the film."""
    columns = np.flatnonzero(part.any(axis=0))
    inner = columns[0] > REACH[1].start and columns[-1] < REACH[1].stop - 1
    return bool(inner and PIECE <= part.mean() <= MOST)


def _joined(parts: list[Mask]) -> Mask | None:
    """The largest part with the others above and below it; none where it is no lung's size."""
    if not parts:
        return None
    main = max(parts, key=lambda part: int(part.sum()))
    rows, columns = (np.flatnonzero(main.any(axis=axis)) for axis in (1, 0))
    if main.mean() < LEAST or rows[-1] - rows[0] < SIDE / 5:
        return None
    across = slice(columns[0], columns[-1] + 1)
    near = [part for part in parts if part[:, across].sum() > 0.7 * part.sum()]
    return np.asarray(np.any(near, axis=0))


def _midline(left: Mask | None, right: Mask | None) -> float:
    """The column half way between the lungs' inner edges; the film's middle where one is known."""
    if left is None or right is None:
        return (SIDE - 1) / 2
    inner = np.nonzero(left)[1].max(), np.nonzero(right)[1].min()
    return float(sum(inner)) / 2


def _mirrored(mask: Mask, middle: float) -> Mask:
    rows, columns = np.nonzero(mask)
    moved = np.rint(2 * middle - columns).astype(int)
    kept = (moved >= REACH[1].start) & (moved < REACH[1].stop)
    result = np.zeros_like(mask)
    result[rows[kept], moved[kept]] = True
    return result


def _hull(mask: Mask) -> Mask:
    """Fill the convex hull of a mask."""
    from scipy.spatial import ConvexHull

    points = np.argwhere(mask)[:, ::-1]
    corners = points[ConvexHull(points).vertices]
    canvas = Image.new("1", (SIDE, SIDE))
    outline = [(int(x), int(y)) for x, y in corners]
    ImageDraw.Draw(canvas).polygon(outline, fill=1, outline=1)
    return np.asarray(canvas)


def _average() -> Mask:
    y, x = (np.mgrid[0:SIDE, 0:SIDE] + 0.5) / SIDE
    each = [((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1 for cx, cy, rx, ry in AVERAGE]
    return np.asarray(each[0] | each[1])


def _widened(mask: Mask) -> Mask:
    from scipy import ndimage

    return np.asarray(ndimage.binary_dilation(mask, iterations=MARGIN))
