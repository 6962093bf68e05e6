"""Pictures of a patch and of a slide with the classes of its tiles, and the same as GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from specialists.base import Picture
from specialists.pictures import Layout, Panel, beside
from specialists.readers.slide import Slide

__all__ = ["draw_patch", "draw_slide", "geojson"]

LIMIT_BYTES = 700_000
INK = (232, 234, 237)
GROUND = (14, 16, 20)
# Distinct for colour-blind readers as well (Okabe and Ito 2008).
COLOURS = (
    (0, 158, 115), (213, 94, 0), (0, 114, 178), (240, 228, 66), (204, 121, 167), (86, 180, 233),
    (230, 159, 0),
)  # fmt: skip
LEFT_OPEN = (150, 150, 150)
_LINE = 22


def draw_patch(patch: NDArray[np.uint8], lines: Sequence[str]) -> Picture:
    """Show a patch with text under it.

    Args:
        patch: Shape (rows, columns, 3), sRGB.
        lines: What to say.
    """
    image = Image.fromarray(patch)
    image.thumbnail((480, 480))
    scale = max(1, round(360 / max(image.size)))
    image = image.resize((image.width * scale, image.height * scale), Image.Resampling.BICUBIC)
    layout = Layout((Panel("Tissue", (0, 0, *image.size)),), note=" ".join(lines))
    return Picture("Tissue that was classified", _fitting(_with_legend(image, lines, ()), layout))


def draw_slide(slide: Slide, classes: Sequence[str], best: Sequence[int | None]) -> Picture:
    """Show a slide's thumbnail beside the same with its tiles framed by class.

    Args:
        slide: As read.
        classes: Names.
        best: For each tile the class that it is, None where it is left open.
    """
    plain = Image.fromarray(slide.thumbnail)
    marked = plain.copy()
    pen = ImageDraw.Draw(marked)
    scale = plain.height / slide.rows
    for (top, left), index in zip(slide.corners.tolist(), best, strict=True):
        colour = LEFT_OPEN if index is None else COLOURS[index]
        edge = slide.field_px * scale
        box = (left * scale, top * scale, left * scale + edge - 1, top * scale + edge - 1)
        pen.rectangle(box, outline=colour, width=max(2, int(edge / 10)))
    both = Image.new("RGB", (plain.width * 2 + 8, plain.height), GROUND)
    both.paste(plain, (0, 0))
    both.paste(marked, (plain.width + 8, 0))
    legend = [(name, COLOURS[index]) for index, name in enumerate(classes)]
    if len(slide.tiles):
        legend.append(("not told apart", LEFT_OPEN))
    title = "Slide with the classes of its tiles" if legend else "Slide, nothing classified"
    panels = beside(*plain.size, 8, ("Slide", "With its tiles") if legend else ("Slide",))
    layout = Layout(panels, tuple(legend))
    return Picture(title, _fitting(_with_legend(both, (title,), legend), layout))


def geojson(slide: Slide, classes: Sequence[str], probabilities: NDArray[np.float64]) -> str:
    """Write the tiles as GeoJSON polygons, in pixels of the finest level (x right, y down).

    Args:
        slide: As read.
        classes: Names.
        probabilities: Shape (tiles, classes).
    """
    features = [
        {
            "type": "Feature",
            "geometry": {
                "type": "Polygon",
                "coordinates": [_ring(corner[0], corner[1], slide.field_px)],
            },
            "properties": {
                "classification": {"name": classes[int(row.argmax())]},
                "probability": round(float(row.max()), 3),
            },
        }
        for corner, row in zip(slide.corners.tolist(), probabilities, strict=True)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})


def _ring(top: int, left: int, edge: int) -> list[list[int]]:
    right, bottom = left + edge, top + edge
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def _with_legend(
    image: Image.Image,
    lines: Sequence[str],
    legend: Sequence[tuple[str, tuple[int, int, int]]],
) -> Image.Image:
    height = _LINE * (len(lines) + len(legend)) + 16
    canvas = Image.new("RGB", (max(image.width, 420), image.height + height), GROUND)
    canvas.paste(image, (0, 0))
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(15)
    y = image.height + 8
    for line in lines:
        pen.text((10, y), line, INK, font)
        y += _LINE
    for name, colour in legend:
        pen.rectangle((10, y + 3, 24, y + 17), fill=colour)
        pen.text((32, y), name, INK, font)
        y += _LINE
    return canvas


def _fitting(image: Image.Image, layout: Layout) -> bytes:
    """PNG bytes below the limit: colours are reduced first, then the size."""
    width = image.width
    while True:
        buffer = BytesIO()
        told = layout.info(image.width / width)
        _with_few_colours(image).save(buffer, "PNG", optimize=True, pnginfo=told)
        if buffer.tell() < LIMIT_BYTES:
            return buffer.getvalue()
        image = image.resize((int(image.width * 0.85), int(image.height * 0.85)))


def _with_few_colours(image: Image.Image) -> Image.Image:
    """Reduce to 128 colours; those of classes and text, which are rare, are kept as they are."""
    kept = [value for colour in (*COLOURS, LEFT_OPEN, INK, GROUND) for value in colour]
    common = image.quantize(128 - len(kept) // 3).getpalette() or []
    table = Image.new("P", (1, 1))
    table.putpalette([*kept, *common])
    return image.quantize(palette=table, dither=Image.Dither.NONE)
