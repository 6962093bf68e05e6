"""Rows of a VCF file, straight from its text.

Only the start of each line is looked at to find the wanted rows, and only the calls of rows
that turn out to be needed are read: most of a file is never parsed.

Source: VCF 4.3, https://samtools.github.io/hts-specs/.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from specialists.errors import TruncatedFile, UnreadableFile
from specialists.readers.call_text import TextRow
from specialists.readers.genome import chromosome_code
from specialists.readers.unpacking import CUT, chunks_ahead, whole_lines
from specialists.readers.wanted import Wanted, place

__all__ = ["rows_of_text"]

_PREFIX = 48
_WIDE = 2_000
_HEAD = 512
_TAB = 9


def rows_of_text(path: Path, wanted: Wanted, blocks: bool = False) -> Iterator[list[TextRow]]:
    """The wanted rows on chromosomes, in the order of the file, a few at a time.

    Args:
        path: VCF, plain or compressed.
        wanted: Rows that start elsewhere are passed over.
        blocks: The file is a gVCF: a row that reaches over a wanted place is wanted too.

    Raises:
        TruncatedFile: If the file is cut short or damaged.
        UnreadableFile: If a line has no position.
    """
    codes: dict[bytes, int] = {}
    for text, first, last in whole_lines(chunks_ahead(path)):
        starts, ends = _lines(text, first, last)
        if not len(starts):
            continue
        chromosome, position, after = _places(text, starts, codes)
        places = place(chromosome, position)
        keep = wanted.has(places)
        if blocks:
            following = np.append(places[1:] - 1, places[-1] | (1 << 39))
            keep |= wanted.within(places, np.maximum(places, following))
        rows = np.flatnonzero(keep).tolist()
        yield [
            _row(text, after[n], ends[n], int(chromosome[n]), int(position[n]), blocks)
            for n in rows
        ]


def _row(
    text: bytes, start: int, end: int, chromosome: int, position: int, blocks: bool
) -> TextRow:
    """The line whose third column starts at `start`."""
    head = text[start : min(end, start + _HEAD)]
    cells = head.split(b"\t", 7)
    if len(cells) < 8 and end > start + _HEAD:
        head = text[start:end]
        cells = head.split(b"\t", 7)
    if len(cells) < 6:
        raise TruncatedFile(CUT)
    reference, alternate = cells[1].decode("latin-1"), cells[2].decode("latin-1")
    alternates = () if alternate == "." else tuple(alternate.split(","))
    reach = _end(cells[5], position) if blocks else position
    fields, calls = b"", b""
    if len(cells) == 8:
        fields, calls = cells[6], text[start + len(head) - len(cells[7]) : end].rstrip(b"\r")
    return TextRow(chromosome, position, reach, reference, alternates, fields, calls)


def _end(info: bytes, position: int) -> int:
    for item in info.split(b";"):
        if item.startswith(b"END=") and item[4:].isdigit():
            return max(int(item[4:]), position)
    return position


def _places(
    text: bytes, starts: NDArray[np.int64], codes: dict[bytes, int]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[int]]:
    """Chromosome codes and positions of lines, and where each line's third column starts."""
    whole = np.frombuffer(text, np.uint8)
    columns = np.minimum(starts[:, None] + np.arange(_PREFIX), len(whole) - 1)
    window = whole[columns]
    tabs = window == _TAB
    first = tabs.argmax(axis=1)
    tabs[np.arange(len(starts)), first] = False
    second = tabs.argmax(axis=1)
    if not second.all():
        return _places_one_by_one(text, starts, codes)
    chromosome = _codes(window, first, codes)
    position = np.zeros(len(starts), np.int64)
    at = np.arange(len(starts))
    for step in range(1, int((second - first).max())):
        column = first + step
        inside = column < second
        digit = window[at, np.minimum(column, _PREFIX - 1)].astype(np.int64) - 48
        if (inside & ((digit < 0) | (digit > 9))).any():
            raise UnreadableFile("A row of the genotype file has no position.")
        position = np.where(inside, position * 10 + digit, position)
    if (second - first < 2).any() or (second - first > 12).any():
        raise UnreadableFile("A row of the genotype file has no position.")
    return chromosome, position, (starts + second + 1).tolist()


def _codes(
    window: NDArray[np.uint8], first: NDArray[np.int64], codes: dict[bytes, int]
) -> NDArray[np.uint8]:
    """Codes of the names that the lines start with; equal names stand together."""
    names = np.where(np.arange(_PREFIX) < first[:, None], window, 0).astype(np.uint8)
    words = np.ascontiguousarray(names).view(np.uint64)
    new = np.ones(len(words), bool)
    new[1:] = (words[1:] != words[:-1]).any(axis=1)
    at = np.flatnonzero(new)
    found = [_code(names[n, : first[n]].tobytes(), codes) for n in at.tolist()]
    lengths = np.diff(np.append(at, len(words)))
    return np.repeat(np.array(found, np.uint8), lengths)


def _code(name: bytes, codes: dict[bytes, int]) -> int:
    if name not in codes:
        codes[name] = chromosome_code(name.decode("latin-1"))
    return codes[name]


def _places_one_by_one(
    text: bytes, starts: NDArray[np.int64], codes: dict[bytes, int]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[int]]:
    """As `_places`, where a name is long (a contig's) or a line is short."""
    facts = []
    for start in starts.tolist():
        first = text.find(b"\t", start)
        second = text.find(b"\t", first + 1)
        digits = text[first + 1 : second]
        if first < 0 or second < 0 or text.find(b"\n", start, second) >= 0:
            raise TruncatedFile(CUT)
        if not digits.isdigit() or len(digits) > 11:
            raise UnreadableFile("A row of the genotype file has no position.")
        facts.append((_code(text[start:first], codes), int(digits), second + 1))
    table = np.array(facts, np.int64)
    return table[:, 0].astype(np.uint8), table[:, 1], table[:, 2].tolist()


def _lines(text: bytes, first: int, last: int) -> tuple[NDArray[np.int64], list[int]]:
    """Where the lines that are not blank or comments start and end; every line has its end."""
    at = text.find(b"\n", first)
    if at - first < _WIDE:
        ends = np.flatnonzero(np.frombuffer(text, np.uint8, last - first, first) == 10) + first
    else:
        found = []
        while 0 <= at < last:
            found.append(at)
            at = text.find(b"\n", at + 1)
        ends = np.array(found, np.int64)
    starts = np.concatenate([[first], ends[:-1] + 1])
    initial = np.frombuffer(text, np.uint8)[starts]
    keep = (initial != 35) & (initial != 10) & (initial != 13)
    return starts[keep], ends[keep].tolist()
