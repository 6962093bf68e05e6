"""Pictures in a terminal: two pixels a character, as half blocks in 24-bit colour."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

__all__ = ["drawn"]

_HALF = "▀"
_END = "\x1b[0m"


def drawn(png: bytes, columns: int = 72, lines: int = 30) -> str:
    """Draw a picture.

    Args:
        png: Any size, sRGB or grey.
        columns: Most characters of a line.
        lines: Most lines; each shows two rows of pixels.

    Returns:
        Lines with ANSI escapes; the picture's proportions are kept.
    """
    import numpy as np
    from PIL import Image

    with Image.open(BytesIO(png)) as opened:
        image = opened.convert("RGB")
    scale = min(columns / image.width, 2 * lines / image.height, 1.0)
    width, height = (max(1, round(size * scale)) for size in image.size)
    pixels = np.asarray(image.resize((width, height + height % 2))).tolist()
    return "\n".join(
        "".join(map(_cell, above, below)) + _END
        for above, below in zip(pixels[::2], pixels[1::2], strict=True)
    )


def _cell(above: Sequence[int], below: Sequence[int]) -> str:
    colours = f"38;2;{';'.join(map(str, above))};48;2;{';'.join(map(str, below))}"
    return f"\x1b[{colours}m{_HALF}"
