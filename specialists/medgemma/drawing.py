"""The pictures that go with MedGemma's results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from specialists.base import Picture
from specialists.pictures import Layout, Panel, png
from specialists.schema import Finding

__all__ = ["boxed", "contact_sheet", "shown"]

_EDGE = 900
_COLOURS = ("#ffb000", "#56b4e9", "#e377c2", "#9be564", "#ff7f50", "#c7a6ff")


def shown(pixels: NDArray[np.uint8], title: str) -> Picture:
    """A picture of (rows, columns, 3) as the model was given it."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((_EDGE, _EDGE))
    return Picture(title, png(image))


def boxed(pixels: NDArray[np.uint8], findings: Sequence[Finding]) -> Picture:
    """A film with the boxes of findings, each with its name."""
    from PIL import Image, ImageDraw, ImageFont

    image, font = Image.fromarray(pixels), ImageFont.load_default(16)
    scale = min(1.0, _EDGE / max(image.size))
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    pen = ImageDraw.Draw(image)
    with_box = [one for one in findings if one.box is not None]
    for at, one in enumerate(with_box):
        if one.box is not None:
            colour = _COLOURS[at % len(_COLOURS)]
            corners = [
                c * scale for c in (one.box.left, one.box.top, one.box.right, one.box.bottom)
            ]
            pen.rectangle(corners, outline=colour, width=3)
            place = (corners[0] + 5, corners[1] + 4)
            pen.rectangle(pen.textbbox(place, one.name, font=font), fill="black")
            pen.text(place, one.name, fill=colour, font=font)
    what = "with where MedGemma sees its findings" if with_box else "as MedGemma was shown it"
    return Picture(f"Chest film {what}", png(image))


def contact_sheet(
    pictures: Sequence[NDArray[np.uint8]],
    title: str,
    most: int = 25,
    *,
    places: Sequence[int] = (),
    count: int = 0,
) -> Picture:
    """Some of many pictures side by side, in their order.

    Args:
        pictures: Each (rows, columns, 3).
        title: What they are.
        most: How many are drawn.
        places: Of slices, which ones they are, from 0; a viewer scrolls through them.
        count: How many slices the volume has.
    """
    from PIL import Image

    step = max(1, -(-len(pictures) // most))
    chosen = [Image.fromarray(one) for one in pictures[::step]]
    across = max(1, round(len(chosen) ** 0.5 + 0.49))
    edge = _EDGE // across
    sheet = Image.new("RGB", (across * edge, -(-len(chosen) // across) * edge))
    panels = []
    for at, one in enumerate(chosen):
        one.thumbnail((edge, edge))
        x, y = (at % across) * edge, (at // across) * edge
        sheet.paste(one, (x, y))
        if places:
            box = (x, y, x + one.width, y + one.height)
            panels.append(Panel("Slices", box, places[at * step] + 1, count))
    return Picture(title, png(sheet, Layout(tuple(panels)) if panels else None))
