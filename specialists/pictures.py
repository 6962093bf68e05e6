"""How the pictures that go with a result are stored.

A picture is often several in one: a film beside the same film with a map, twelve slices in rows,
words below. A viewer that wants to show one of them, or to scroll through the slices, finds in the
PNG where they lie: a text chunk `wardround` (tEXt, PNG third edition 11.3.3.2) with JSON:
`{"panels": [{"name", "box": [left, top, right, bottom], "slice", "slices", "marked"}],
"key": [[name, "#rrggbb"]], "note"}`, boxes in pixels of the PNG.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

__all__ = ["MOST_BYTES", "Layout", "Panel", "beside", "footed", "png"]

MOST_BYTES = 680_000
"""A picture has less than 700 KB."""
LEVEL = 3
"""Of deflate: a third of the time of level 6, and a few per cent larger on photographs."""
CHUNK = "wardround"


@dataclass(frozen=True)
class Panel:
    """A part of a picture that can be shown by itself."""

    name: str
    box: tuple[int, int, int, int]
    """Left and top inside, right and bottom outside, in pixels of the picture."""
    slice: int | None = None
    """Of a volume, from 1."""
    slices: int | None = None
    """How many the volume has."""
    marked: bool = False
    """Whether something is drawn over the image."""


@dataclass(frozen=True)
class Layout:
    """What a picture is made of."""

    panels: tuple[Panel, ...] = ()
    key: tuple[tuple[str, tuple[int, int, int]], ...] = ()
    """What the colours mean."""
    note: str = ""
    """The words about the panels that stand in the picture."""

    def info(self, share: float = 1.0) -> PngInfo:
        """The text chunk; `share`: by how much the picture was made smaller."""
        from PIL.PngImagePlugin import PngInfo

        panels = [
            {**vars(one), "box": [round(side * share) for side in one.box]} for one in self.panels
        ]
        key = [(name, "#{:02x}{:02x}{:02x}".format(*colour)) for name, colour in self.key]
        told = PngInfo()
        told.add_text(CHUNK, json.dumps({"panels": panels, "key": key, "note": self.note}))
        return told


def _read(text: str) -> Layout:
    """A layout as `Layout.info` wrote it; none where there is no text."""
    told = json.loads(text or "{}")
    panels = tuple(Panel(**{**one, "box": tuple(one["box"])}) for one in told.get("panels", ()))
    key = tuple((name, _colour(code)) for name, code in told.get("key", ()))
    return Layout(panels, key, told.get("note", ""))


def _colour(code: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(code.removeprefix("#"))
    return red, green, blue


def beside(width: int, height: int, gap: int, names: Sequence[str]) -> tuple[Panel, ...]:
    """Panels of one size, from left to right; those after the first are marked."""
    step = width + gap
    return tuple(
        Panel(name, (at * step, 0, at * step + width, height), marked=at > 0)
        for at, name in enumerate(names)
    )


def png(image: Image.Image, layout: Layout | None = None) -> bytes:
    """Store an RGB image, smaller until it is small enough.

    Args:
        image: The picture.
        layout: Where its panels lie.
    """
    width = image.width
    while True:
        buffer = BytesIO()
        told = layout.info(image.width / width) if layout else None
        image.save(buffer, "PNG", compress_level=LEVEL, pnginfo=told)
        if buffer.tell() < MOST_BYTES:
            return buffer.getvalue()
        share = min(0.9, 0.95 * (MOST_BYTES / buffer.tell()) ** 0.5)
        image = image.resize((round(image.width * share), round(image.height * share)))


def footed(content: bytes, text: str) -> bytes:
    """Write lines of text below a picture.

    Args:
        content: PNG bytes.
        text: Broken into lines that fit the picture. Where the picture says what it is made of,
            the text is part of its note.
    """
    import textwrap

    from PIL import Image, ImageDraw, ImageFont

    with Image.open(BytesIO(content)) as opened:
        image = opened.convert("RGB")
        layout = _read(opened.info.get(CHUNK, ""))
    lines = textwrap.wrap(text, max(20, (image.width - 20) // 8))
    canvas = Image.new("RGB", (image.width, image.height + 22 * len(lines) + 12), (14, 16, 20))
    canvas.paste(image, (0, 0))
    pen = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        place = (10, image.height + 4 + 22 * number)
        pen.text(place, line, (232, 234, 237), ImageFont.load_default(15))
    return png(canvas, replace(layout, note=f"{layout.note} {text}".strip()))
