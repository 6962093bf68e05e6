"""Pictures of a CT volume: sections with the masks outlined, and window previews.

Radiological display: the patient's right is on the left of the picture, the front is on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from specialists.base import Picture
from specialists.ct.composition import composition, tissues_at
from specialists.ct.masks import Label
from specialists.ct.scan import Scan
from specialists.pictures import Layout, Panel, png

__all__ = ["draw"]

TILE = 300
"""Pixels of a section's longer side."""
SINGLE_TILE = 560
GAP = 6
INK = (232, 234, 237)
FAINT = (150, 156, 165)
GROUND = (14, 16, 20)
SIDES = "Patient's right on the left"

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Window:
    """A display window in HU."""

    name: str
    lower_hu: float
    upper_hu: float


SOFT = Window("Soft tissue", -160, 240)
LUNG = Window("Lung", -1350, 150)
BONE = Window("Bone", -450, 1050)

OUTLINES: tuple[tuple[str, Colour, tuple[Label, ...]], ...] = (
    ("Body", (110, 200, 120), ()),
    ("Right lung", (255, 106, 106), (Label.RIGHT_LUNG,)),
    ("Left lung", (90, 170, 255), (Label.LEFT_LUNG,)),
    ("Airway", (80, 230, 230), (Label.AIRWAY,)),
    ("Other gas", (250, 215, 70), (Label.GAS,)),
    ("Bone", (245, 170, 110), (Label.BONE,)),
)
TISSUES: tuple[tuple[str, Colour], ...] = (
    ("Subcutaneous fat", (250, 215, 70)),
    ("Visceral fat", (255, 120, 60)),
    ("Muscle of wall and back", (225, 60, 110)),
)


@dataclass(frozen=True)
class _View:
    """The part of the sections that is shown: the body with a margin."""

    left: int
    right: int
    back: int
    front: int
    size: tuple[int, int]
    """Width and height of a tile in pixels."""
    mm: float
    """Size of a tile's pixel."""


def draw(scan: Scan) -> list[Picture]:
    """Draw the montages; each is a PNG below 700 kB, and its title says what it shows."""
    view = _view(scan)
    outlined = [name.lower() for name, _ in _present(scan)]
    masks = f"CT sections with {', '.join(outlined[:-1])} and {outlined[-1]} outlined"
    if len(outlined) == 1:
        masks = "CT sections with the body outlined"
    pictures = [
        Picture(masks, png(*_masks(scan, view))),
        Picture("CT in lung, soft-tissue and bone windows", png(*_windows(scan, view))),
    ]
    slices = [each.index for each in composition(scan)][::-1]
    if slices:
        title = "CT slices with subcutaneous fat, visceral fat and muscle of wall and back coloured"
        pictures.append(Picture(title, png(*_tissues(scan, view, slices))))
    return pictures


def _view(scan: Scan) -> _View:
    body = scan.masks.labels > 0
    x = _range(np.asarray(body.any(axis=(1, 2))))
    y = _range(np.asarray(body.any(axis=(0, 2))))
    width_mm = (x[1] - x[0]) * scan.spacing_mm[0]
    height_mm = (y[1] - y[0]) * scan.spacing_mm[1]
    mm = max(width_mm, height_mm) / (SINGLE_TILE if scan.flat else TILE)
    size = (max(1, round(width_mm / mm)), max(1, round(height_mm / mm)))
    return _View(x[0], x[1], y[0], y[1], size, mm)


def _range(used: NDArray[np.bool_]) -> tuple[int, int]:
    """First and last index in use, with a margin; everything where nothing is."""
    found = np.flatnonzero(used)
    if found.size == 0:
        return 0, used.size
    margin = max(2, round(0.04 * (found[-1] - found[0])))
    return max(0, int(found[0]) - margin), min(used.size, int(found[-1]) + margin + 1)


def _masks(scan: Scan, view: _View) -> tuple[Image.Image, Layout]:
    sections, count = _evenly(scan.hu.shape[2], 12), scan.hu.shape[2]
    tiles = [_outlined(scan, view, index) for index in sections]
    canvas, draw = _canvas(tiles, view, 4, "Masks on the soft-tissue window", 58)
    _legend(draw, _present(scan))
    told = [("Soft tissue, masks outlined", index) for index in sections]
    return canvas, Layout(_panels(told, count, view, 4, 58), tuple(_present(scan)), SIDES)


def _windows(scan: Scan, view: _View) -> tuple[Image.Image, Layout]:
    sections, count = _evenly(scan.hu.shape[2], 4), scan.hu.shape[2]
    told = [(window, index) for window in (LUNG, SOFT, BONE) for index in sections]
    tiles = [
        _labelled(_grey(scan, view, index, window), scan, view, index, window.name)
        for window, index in told
    ]
    columns = len(sections)
    canvas, _ = _canvas(tiles, view, columns, "Lung, soft-tissue and bone windows", 34)
    names = [(window.name, index) for window, index in told]
    return canvas, Layout(_panels(names, count, view, columns, 34, marked=False), note=SIDES)


def _panels(
    told: Sequence[tuple[str, int]],
    slices: int,
    view: _View,
    columns: int,
    header: int,
    marked: bool = True,
) -> tuple[Panel, ...]:
    """Where `_canvas` puts each tile, by name and index of its slice."""
    width, height = view.size
    places = [_place(number, view, min(columns, len(told)), header) for number in range(len(told))]
    return tuple(
        Panel(name, (x, y, x + width, y + height), index + 1, slices, marked)
        for (name, index), (x, y) in zip(told, places, strict=True)
    )


def _place(number: int, view: _View, columns: int, header: int) -> tuple[int, int]:
    width, height = view.size
    return GAP + number % columns * (width + GAP), header + number // columns * (height + GAP)


def _evenly(count: int, most: int) -> list[int]:
    """Slices from top to bottom, without the outermost where there are enough."""
    if count <= most:
        return list(range(count))[::-1]
    places = (np.arange(most) + 0.5) * count / most
    return [int(place) for place in places][::-1]


def _canvas(
    tiles: list[Image.Image], view: _View, columns: int, title: str, header: int
) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    width, height = view.size
    full = max(columns * (width + GAP) + GAP, 560)
    canvas = Image.new("RGB", (full, rows * (height + GAP) + GAP + header), GROUND)
    for index, tile in enumerate(tiles):
        canvas.paste(tile, _place(index, view, columns, header))
    draw = ImageDraw.Draw(canvas)
    draw.text((GAP + 2, 8), title, INK, _font(16))
    draw.text((full - GAP - 2, 10), SIDES, FAINT, _font(13), anchor="ra")
    return canvas, draw


def _present(scan: Scan) -> list[tuple[str, Colour]]:
    """What is outlined, as far as the scan has it."""
    return [
        (name, colour)
        for name, colour, members in OUTLINES
        if not members or any(scan.masks.counts[member] for member in members)
    ]


def _legend(draw: ImageDraw.ImageDraw, entries: Sequence[tuple[str, Colour]]) -> None:
    x = GAP + 2
    font = _font(13)
    for name, colour in entries:
        draw.rectangle((x, 37, x + 11, 48), outline=colour, width=2)
        draw.text((x + 17, 35), name, INK, font)
        x += 17 + int(draw.textlength(name, font)) + 18


def _tissues(scan: Scan, view: _View, slices: list[int]) -> tuple[Image.Image, Layout]:
    tiles = [_coloured(scan, view, index) for index in slices]
    canvas, draw = _canvas(tiles, view, len(tiles), "Fat and muscle as measured", 58)
    _legend(draw, TISSUES)
    told = [("Fat and muscle", index) for index in slices]
    panels = _panels(told, scan.hu.shape[2], view, len(tiles), 58)
    return canvas, Layout(panels, TISSUES, SIDES)


def _coloured(scan: Scan, view: _View, index: int) -> Image.Image:
    pixels = np.array(_grey(scan, view, index, SOFT))
    masks = tissues_at(scan, index) or ()
    for mask, (_, colour) in zip(masks, TISSUES, strict=False):
        shown = Image.fromarray(_shown(mask.astype(np.uint8), view))
        large = np.array(shown.resize(view.size, Image.Resampling.NEAREST)) > 0
        pixels[large] = 0.5 * pixels[large] + 0.5 * np.array(colour)
    return _labelled(Image.fromarray(pixels), scan, view, index, "")


def _outlined(scan: Scan, view: _View, index: int) -> Image.Image:
    labels = _shown(scan.masks.labels[:, :, index], view)
    large = np.array(Image.fromarray(labels).resize(view.size, Image.Resampling.NEAREST))
    tint = _tints()[large]
    grey = np.array(_grey(scan, view, index, SOFT))
    pixels = np.where(tint.any(axis=2, keepdims=True), 0.82 * grey + tint, grey).astype(np.uint8)
    for _, colour, members in OUTLINES:
        mask = np.isin(large, np.array(members, np.uint8)) if members else large > 0
        if mask.any():
            pixels[_edge(mask)] = colour
    return _labelled(Image.fromarray(pixels), scan, view, index, "")


def _tints() -> NDArray[np.float32]:
    """What the colour of each label adds to a grey pixel, shape (labels, 3)."""
    tints = np.zeros((len(Label), 3), np.float32)
    for _, colour, members in OUTLINES:
        tints[list(members)] = 0.18 * np.array(colour)
    return tints


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a mask that touch what is not in it."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    edge: NDArray[np.bool_] = mask & ~inner
    return edge


def _grey(scan: Scan, view: _View, index: int, window: Window) -> Image.Image:
    """A section in a window, RGB."""
    hu = _shown(scan.hu[:, :, index], view).astype(np.float32)
    level = (hu - window.lower_hu) / (window.upper_hu - window.lower_hu)
    grey = Image.fromarray((np.clip(level, 0, 1) * 255).astype(np.uint8))
    return grey.resize(view.size, Image.Resampling.BICUBIC).convert("RGB")


def _shown(plane: NDArray[Any], view: _View) -> NDArray[Any]:
    """A section (x, y) as rows and columns of the display."""
    part = plane[view.left : view.right, view.back : view.front]
    return np.ascontiguousarray(part.T[::-1, ::-1])


def _labelled(tile: Image.Image, scan: Scan, view: _View, index: int, name: str) -> Image.Image:
    draw = ImageDraw.Draw(tile)
    width, height = view.size
    small = _font(13)
    middle = height // 2
    _text(draw, (5, middle), "R", small, "lm")
    _text(draw, (width - 5, middle), "L", small, "rm")
    place = f"{index + 1}/{scan.hu.shape[2]}"
    _text(draw, (5, 4), f"{name}  {place}".strip(), small, "la")
    bar = 50 if view.mm * width > 150 else 10
    length = round(bar / view.mm)
    x, y = width - 8, height - 8
    draw.line((x - length, y, x, y), fill=INK, width=2)
    _text(draw, (x - length - 5, y + 4), f"{bar} mm", _font(11), "rb")
    return tile


def _text(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    anchor: str,
) -> None:
    draw.text(place, text, INK, font, anchor=anchor, stroke_width=2, stroke_fill=(0, 0, 0))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
