"""A histogram of scores, with one person's place in it."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

__all__ = ["distribution", "ticks"]

_SIZE = (1200, 720)
_LEFT, _TOP, _RIGHT, _BOTTOM = 110, 160, 1160, 610
_PAPER, _INK, _GREY, _GRID = "#ffffff", "#1a1a1a", "#5f6368", "#e3e6ea"
_BAR, _MARK = "#8fb3d9", "#b3261e"
_MOST_BINS = 60


def distribution(
    scores: NDArray[np.float64],
    title: str,
    subtitle: str,
    marked: float | None = None,
    mark: str = "",
    *,
    axis: str = "score",
    people: str = "samples",
) -> bytes:
    """Draw a histogram of scores.

    Args:
        scores: Shape (samples,).
        title: First line, in large type.
        subtitle: Second line.
        marked: A score to mark with an upright line.
        mark: What to write at that line.
        axis: What the values are.
        people: Whose they are.

    Returns:
        PNG, 1200 x 720 pixels, on a white ground.
    """
    from PIL import Image, ImageDraw

    counts, edges = np.histogram(scores, bins=_bins(scores))
    image = Image.new("RGB", _SIZE, _PAPER)
    # A person beyond everybody else is shown where they are.
    shown = [edges[0], edges[-1]] if marked is None else [edges[0], edges[-1], marked]
    plot = _Plot(ImageDraw.Draw(image), min(shown), max(shown), int(counts.max()))
    plot.heading(title, subtitle)
    plot.axes(axis, people)
    plot.bars(counts, edges)
    if marked is not None:
        plot.mark(marked, mark)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between two values, both included where they are round."""
    span = high - low
    if span <= 0:
        return [low]
    rough = span / max(about, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _bins(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges by the rule of Freedman and Diaconis, within bounds."""
    low, high = float(scores.min()), float(scores.max())
    if high <= low:
        low, high = low - 0.5, high + 0.5
    quartiles = np.percentile(scores, [25, 75])
    width = 2 * (quartiles[1] - quartiles[0]) / len(scores) ** (1 / 3)
    number = math.ceil((high - low) / width) if width > 0 else 10
    return np.linspace(low, high, min(max(number, 10), _MOST_BINS) + 1)


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


@dataclass(frozen=True)
class _Plot:
    """Draws on one picture. Scores run from `low` to `high`, counts from 0 to `most`."""

    draw: ImageDraw.ImageDraw
    low: float
    high: float
    most: int

    def x(self, score: float) -> float:
        share = (score - self.low) / (self.high - self.low)
        return _LEFT + share * (_RIGHT - _LEFT)

    def y(self, count: float) -> float:
        return _BOTTOM - count / (self.most * 1.15) * (_BOTTOM - _TOP)

    def heading(self, title: str, subtitle: str) -> None:
        for y, text, colour, size in ((28, title, _INK, 34), (76, subtitle, _GREY, 22)):
            self.draw.text((40, y), text, colour, self.fitting(text, size))

    def fitting(self, text: str, size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
        """A font in which a line stays on the picture."""
        width = self.draw.textlength(text, _font(size))
        return _font(max(12, min(size, int(size * (_SIZE[0] - 80) / max(width, 1)))))

    def axes(self, axis: str, people: str) -> None:
        for count in ticks(0, self.most, 5):
            if count != int(count):
                continue
            y = self.y(count)
            self.draw.line([(_LEFT, y), (_RIGHT, y)], _GRID, 1)
            self.draw.text((_LEFT - 12, y), f"{int(count):,}", _GREY, _font(20), anchor="rm")
        for score in ticks(self.low, self.high, 8):
            x = self.x(score)
            self.draw.line([(x, _BOTTOM), (x, _BOTTOM + 8)], _GREY, 2)
            self.draw.text((x, _BOTTOM + 14), f"{score:g}", _GREY, _font(20), anchor="ma")
        middle = (_LEFT + _RIGHT) / 2
        self.draw.text((middle, _BOTTOM + 56), axis, _INK, _font(24), anchor="ma")
        self.draw.text((40, _TOP - 30), people, _INK, _font(22))

    def bars(self, counts: NDArray[np.int64], edges: NDArray[np.float64]) -> None:
        for count, first, last in zip(counts.tolist(), edges[:-1], edges[1:], strict=True):
            if count:
                box = (self.x(first) + 1, self.y(count), self.x(last) - 1, _BOTTOM)
                self.draw.rectangle(box, _BAR)
        self.draw.line([(_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], _GREY, 2)

    def mark(self, score: float, text: str) -> None:
        x = min(max(self.x(score), _LEFT), _RIGHT)
        self.draw.line([(x, _TOP - 4), (x, _BOTTOM)], _MARK, 4)
        half = _LEFT + (_RIGHT - _LEFT) / 2
        anchor, shift = ("ls", 10) if x < half else ("rs", -10)
        self.draw.text((x + shift, _TOP + 16), text, _MARK, _font(24), anchor=anchor)
