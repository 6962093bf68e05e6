"""What MedGemma wrote, without its thoughts and fences, and as JSON where that was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["Labelled", "boxes", "json_in", "plain", "without_thoughts"]

_THOUGHT = re.compile(r"<unused94>.*?(?:<unused95>|\Z)", re.DOTALL)
_STRAY = re.compile(r"^.*<unused95>", re.DOTALL)
"""The end of a thought whose beginning was lost."""
_FENCE = re.compile(r"```[a-zA-Z0-9]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_MARKS = re.compile(r"\*\*|__(?=\S)|(?<=\S)__|^#{1,6}\s+", re.MULTILINE)
_WHOLE = 1000


class Labelled(NamedTuple):
    """A box that the model drew."""

    corners: tuple[float, float, float, float]
    """y0, x0, y1, x1 from 0 to 1000 on the padded square."""
    label: str


def without_thoughts(text: str) -> str:
    """Take the thinking away, closed or cut off."""
    return _STRAY.sub("", _THOUGHT.sub("", text)).strip()


def plain(text: str) -> str:
    """Take thinking, fences and Markdown's marks away; the words stay as they are."""
    text = without_thoughts(text)
    fenced = _FENCE.fullmatch(text)
    return _MARKS.sub("", fenced.group(1) if fenced else text).strip()


def json_in(text: str) -> Any:
    """Read the JSON of an answer: fenced, the last fence first, or bare among words.

    Returns:
        What it holds; None where there is none that can be read.
    """
    text = without_thoughts(text)
    fenced = [match.group(1) for match in _FENCE.finditer(text)]
    for candidate in (*reversed(fenced), text):
        found = _first_json(candidate)
        if found is not None:
            return found
    return None


def _first_json(text: str) -> Any:
    decoder = json.JSONDecoder()
    for match in re.finditer(r"[\[{]", text):
        try:
            found, _ = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if found:
            return found
    return None


def boxes(text: str) -> list[Labelled]:
    """Read boxes; what is not one is passed over.

    Source: the format of MedGemma 1.5, `[{"box_2d": [y0, x0, y1, x1], "label": "…"}]`.
    """
    found = json_in(text)
    listed = [found] if isinstance(found, Mapping) else found
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return []
    read = (_box(one) for one in listed)
    return [one for one in read if one is not None]


def _box(entry: Any) -> Labelled | None:
    if not isinstance(entry, Mapping):
        return None
    corners, label = entry.get("box_2d"), entry.get("label")
    if not isinstance(corners, list) or len(corners) != 4 or not isinstance(label, str):
        return None
    if not all(_is_number(one) and 0 <= one <= _WHOLE for one in corners):
        return None
    y0, x0, y1, x1 = (float(one) for one in corners)
    return Labelled((y0, x0, y1, x1), label) if y0 != y1 and x0 != x1 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
