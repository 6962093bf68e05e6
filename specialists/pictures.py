"""How the pictures that go with a result are stored."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MOST_BYTES", "png"]

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
