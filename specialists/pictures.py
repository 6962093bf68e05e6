"""How the pictures that go with a result are stored."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MOST_BYTES", "footed", "png"]

MOST_BYTES = 680_000
"""A picture has less than 700 KB."""
LEVEL = 3
"""Of deflate: a third of the time of level 6, and a few per cent larger on photographs."""


def png(image: Image.Image) -> bytes:
    """Store an RGB image, smaller until it is small enough."""
    while True:
        buffer = BytesIO()
        image.save(buffer, "PNG", compress_level=LEVEL)
        if buffer.tell() < MOST_BYTES:
            return buffer.getvalue()
        share = min(0.9, 0.95 * (MOST_BYTES / buffer.tell()) ** 0.5)
        image = image.resize((round(image.width * share), round(image.height * share)))


def footed(content: bytes, text: str) -> bytes:
    """Write lines of text below a picture.

    Args:
        content: PNG bytes.
        text: Broken into lines that fit the picture.
    """
    import textwrap

    from PIL import Image, ImageDraw, ImageFont

    with Image.open(BytesIO(content)) as opened:
        image = opened.convert("RGB")
    lines = textwrap.wrap(text, max(20, (image.width - 20) // 8))
    canvas = Image.new("RGB", (image.width, image.height + 22 * len(lines) + 12), (14, 16, 20))
    canvas.paste(image, (0, 0))
    pen = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        place = (10, image.height + 4 + 22 * number)
        pen.text(place, line, (232, 234, 237), ImageFont.load_default(15))
    return png(canvas)
