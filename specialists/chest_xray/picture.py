"""The film with the places that speak for pneumonia."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from specialists.base import Picture
from specialists.chest_xray.predict import Evidence
from specialists.pictures import Layout, beside, png

__all__ = ["draw", "place"]

FILM = 560
"""Longer side of each of the two films, in pixels."""
WARM = np.array([255.0, 120.0, 40.0])
OPACITY = 0.5
SHOWN = 0.25
"""Evidence below this is not coloured: it is spread over every film."""
INK = (232, 234, 237)
GROUND = (14, 16, 20)
LINE, MARGIN, GAP = 22, 12, 8
MEANT = (
    "where in the lung fields the model finds evidence for it, stronger where fuller; not an "
    "outline of disease."
)
EXPLAINED = f"Left: the film. Right: in orange {MEANT}"


def draw(film: NDArray[np.float32], evidence: Evidence, finding: str) -> Picture:
    """Draw a film with its evidence map.

    Args:
        film: Shape (rows, columns), 0 to 1, bright where dense.
        evidence: Of this film.
        finding: A line to stand under the films.

    Returns:
        A PNG: the film beside the same film with the map in orange, and two lines of words.
    """
    grey, heat = _shrunk(film), _shrunk(evidence.heat)
    plain = np.repeat(grey[..., None] * 255, 3, axis=2)
    share = (np.clip((heat - SHOWN) / (1 - SHOWN), 0, 1) * OPACITY)[..., None]
    marked = plain * (1 - share) + WARM * share
    both = np.concatenate([plain, np.zeros((len(grey), GAP, 3)), marked], axis=1)
    words = f"{EXPLAINED} {elsewhere(evidence)}"
    lines = [finding, place(evidence.heat), *_folded(words, both.shape[1])]
    height = both.shape[0] + len(lines) * LINE + 2 * MARGIN
    canvas = Image.new("RGB", (both.shape[1], height), GROUND)
    canvas.paste(Image.fromarray(np.rint(both).astype(np.uint8)), (0, 0))
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(16)
    for number, line in enumerate(lines):
        pen.text((MARGIN, both.shape[0] + MARGIN + number * LINE), line, INK, font)
    title = "Chest film with where the evidence lies."
    panels = beside(grey.shape[1], grey.shape[0], GAP, ("Film", "With the evidence"))
    layout = Layout(panels, note=f"Orange: {MEANT}")
    return Picture(f"{title} {place(evidence.heat)} {elsewhere(evidence)}", png(canvas, layout))


def elsewhere(evidence: Evidence) -> str:
    """Say how much of the evidence is not shown, and whether the lungs were found."""
    share = f"{evidence.outside:.0%} of the evidence lies outside the lung fields, not shown."
    if evidence.found:
        return share
    return f"{share} The lungs were not found on the film: their usual place was taken."


def place(evidence: NDArray[np.float32]) -> str:
    """Say in words where the map is strongest; sides as they are seen, left and right of it."""
    if evidence.max() <= SHOWN:
        return "No place stands out."
    row, column = np.unravel_index(int(evidence.argmax()), evidence.shape)
    height = ("upper", "middle", "lower")[min(2, int(3 * row / evidence.shape[0]))]
    side = ("on the left", "in the middle", "on the right")[
        min(2, int(3 * column / evidence.shape[1]))
    ]
    return f"The evidence is strongest in the {height} third, {side} of the picture."


def _folded(text: str, width: int) -> list[str]:
    """Break a text into lines that fit the picture; a letter takes about 8 pixels."""
    lines, most = [""], max(20, (width - 2 * MARGIN) // 8)
    for word in text.split():
        if len(lines[-1]) + len(word) < most:
            lines[-1] = f"{lines[-1]} {word}".strip()
        else:
            lines.append(word)
    return lines


def _shrunk(values: NDArray[np.float32]) -> NDArray[np.float32]:
    scale = FILM / max(values.shape)
    size = (max(1, round(values.shape[1] * scale)), max(1, round(values.shape[0] * scale)))
    small = Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return np.asarray(small, np.float32).clip(0, 1)
