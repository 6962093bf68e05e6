"""The reliability curve and the ROC of a specialist, side by side in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.evaluate.specialists import Predictions

__all__ = ["draw"]

SIDE, LEFT, TOP, GAP = 420, 80, 70, 110
INK, FAINT, LINE = (30, 34, 40), (205, 210, 216), (20, 92, 158)
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

Point = tuple[float, float]


def draw(found: Predictions, positive: Sequence[str], title: str, folder: Path) -> Path:
    """Write the picture.

    Args:
        found: At least one prediction.
        positive: Classes that answer the clinical question with yes.
        title: Names the file, and stands above.
        folder: Made where it is missing.

    Returns:
        The PNG's path.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    from specialists.measures import reliability, roc_auc, roc_curve

    rows, truth = np.asarray(found.probabilities), np.asarray(found.truth)
    chosen = [found.classes.index(name) for name in positive]
    wanted, yes = rows[:, chosen].sum(axis=1), np.isin(truth, chosen)
    image = Image.new("RGB", (2 * (LEFT + SIDE) + GAP, TOP + SIDE + 80), "white")
    pen = ImageDraw.Draw(image)
    bins = reliability(rows.max(axis=1), rows.argmax(axis=1) == truth)
    heading = f"{title}: reliability (n = {len(truth)})"
    _panel(pen, LEFT, heading, "probability of the likeliest class", "share that was right")
    _curve(pen, LEFT, [(x, y) for x, y, _ in bins])
    for x, y, cases in bins:
        _dot(pen, LEFT, x, y, 2 + 9 * float(np.sqrt(cases / len(truth))))
    right = 2 * LEFT + SIDE + GAP // 2
    area = "not defined" if yes.all() or not yes.any() else f"{roc_auc(wanted, yes):.3f}"
    _panel(
        pen, right, f"ROC of the yes-or-no question: area {area}", "1 - specificity", "sensitivity"
    )
    if yes.any() and not yes.all():
        _curve(pen, right, list(zip(*roc_curve(wanted, yes), strict=True)))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{title}.png"
    image.save(path, "PNG", optimize=True)
    return path


def _at(left: int, x: float, y: float) -> Point:
    return left + float(x) * SIDE, TOP + (1 - float(y)) * SIDE


def _panel(pen: Any, left: int, heading: str, across: str, up: str) -> None:
    """Axes from 0 to 1 with the diagonal."""
    from PIL import ImageFont

    large, small = ImageFont.load_default(17), ImageFont.load_default(13)
    pen.text((left, TOP - 44), heading, INK, large)
    pen.text((left - 40, TOP - 20), up, INK, small)
    pen.text((left + SIDE, TOP + SIDE + 34), across, INK, small, anchor="ra")
    for tick in TICKS:
        for ends in (((tick, 0), (tick, 1)), ((0, tick), (1, tick))):
            pen.line([_at(left, *end) for end in ends], FAINT)
        x, y = _at(left, tick, 0)
        pen.text((x, y + 8), f"{tick:.1f}", INK, small, anchor="ma")
        x, y = _at(left, 0, tick)
        pen.text((x - 8, y), f"{tick:.1f}", INK, small, anchor="rm")
    pen.line([_at(left, 0, 0), _at(left, 1, 1)], (140, 146, 152))


def _curve(pen: Any, left: int, points: Sequence[Point]) -> None:
    pen.line([_at(left, x, y) for x, y in points], LINE, 2, joint="curve")


def _dot(pen: Any, left: int, x: float, y: float, radius: float) -> None:
    across, down = _at(left, x, y)
    pen.ellipse((across - radius, down - radius, across + radius, down + radius), LINE)
