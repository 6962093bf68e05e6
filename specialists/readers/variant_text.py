"""Rows of a VCF file, straight from its text.

Only the start of each line is looked at to find the wanted rows, and only the calls of rows
that turn out to be needed are unpacked, many at a time: most of a file is never parsed.

Source: VCF 4.3 and BGZF, https://samtools.github.io/hts-specs/.
"""

from __future__ import annotations

import mmap
import queue
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import TruncatedFile, UnreadableFile, WardroundError
from specialists.readers.failures import as_error
from specialists.readers.genome import chromosome_code
from specialists.readers.variant_calls import (
    GenotypeField,
    Keys,
    Odd,
    checked_dosages,
    keys_of_alleles,
    odd_calls,
    odd_of_keys,
    overlaid,
)
from specialists.readers.wanted import Wanted, place

__all__ = ["TextRow", "TextRows", "rows_of_text"]

_DAMAGES: tuple[type[Exception], ...] = (zlib.error, struct.error)
_faster: Any = zlib
with suppress(ImportError):  # two to three times as fast, where it is installed
    from isal import isal_zlib as _faster

    _DAMAGES = (zlib.error, struct.error, _faster.error)

_CHUNK = 4 << 20
_PREFIX = 48
_WIDE = 2_000
_HEAD = 512
_WORDS = 1 << 15
_CUT = "The genotype file ends before its content does, or a row of it is damaged."
_TAB, _COLON, _SLASH, _BAR = b"\t:/|"


@dataclass(frozen=True, slots=True)
class TextRow:
    """One wanted line."""

    chromosome: int
    position: int
    end: int
    """Last position of a block of a gVCF; `position` for every other row."""
    reference: str
    alternates: tuple[str, ...]
    fields: bytes
    calls: bytes


@dataclass
class TextRows:
    """Calls of the rows of one block."""

    samples: int
    """In the file."""
    chosen: NDArray[np.int64] | None
    """0-based indices of the samples that are wanted; None for all."""
    prefers: GenotypeField
    rows: list[TextRow] = field(default_factory=list)

    def keys(self, rows: Sequence[int]) -> tuple[Keys, Mapping[int, Odd]]:
        """See `variant_calls.Rows`."""
        wanted = [self.rows[number] for number in rows]
        keys = np.full((len(wanted), self.samples), 0xEE, np.uint8)
        width = 4 * self.samples - 1
        plain = [
            n for n, row in enumerate(wanted) if row.fields == b"GT" and len(row.calls) == width
        ]
        done = _tight_keys([wanted[n].calls for n in plain], self.samples, keys, plain)
        odd: dict[int, Odd] = {}
        for number in sorted(set(range(len(wanted))) - set(done)):
            found = self._loose(wanted[number])
            if isinstance(found, Odd):
                odd[number] = found
            else:
                keys[number] = found
        return self._of_chosen(keys, odd)

    def _of_chosen(self, keys: Keys, odd: dict[int, Odd]) -> tuple[Keys, Mapping[int, Odd]]:
        if self.chosen is None:
            return keys, odd
        some = self.chosen
        chosen = {n: Odd(one.dosage[:, some], one.haploid[some]) for n, one in odd.items()}
        return np.ascontiguousarray(keys[:, some]), chosen

    def _loose(self, row: TextRow) -> Keys | Odd:
        names = row.fields.split(b":")
        has_calls, has_dosages = names[0] == b"GT", b"DS" in names
        use_dosages = has_dosages and (self.prefers == "DS" or not has_calls)
        keys = _first_fields(row.calls, self.samples) if has_calls else None
        if has_calls and keys is None:
            called = _any_calls(row.calls, self.samples)
            keys = keys_of_alleles(called)
        alternates = len(row.alternates)
        if not use_dosages:
            if keys is not None:
                return keys
            if has_calls:
                return odd_calls(called, alternates)
            return np.full(self.samples, 0xEE, np.uint8)
        under = None
        if has_calls:
            under = odd_calls(called, alternates) if keys is None else odd_of_keys(keys, alternates)
        imputed = _dosages(row.calls, names.index(b"DS"), self.samples)
        return overlaid(checked_dosages(imputed, alternates), under)


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
    for text, first, last in _whole_lines(_ahead(_chunks(path))):
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
    cells = text[start : min(end, start + _HEAD)].split(b"\t", 7)
    if len(cells) < 8 and end > start + _HEAD:
        cells = text[start:end].split(b"\t", 7)
    if len(cells) < 6:
        raise TruncatedFile(_CUT)
    reference, alternate = cells[1].decode("latin-1"), cells[2].decode("latin-1")
    alternates = () if alternate == "." else tuple(alternate.split(","))
    reach = _end(cells[5], position) if blocks else position
    fields, calls = b"", b""
    if len(cells) == 8:
        fields, calls = cells[6], text[start + sum(map(len, cells[:7])) + 7 : end].rstrip(b"\r")
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
            raise TruncatedFile(_CUT)
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


def _whole_lines(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Texts, and from where to where whole lines are in them."""
    rest: list[bytes] = []
    for chunk in chunks:
        first, last = 0, chunk.rfind(b"\n") + 1
        if not last:
            rest.append(chunk)
            continue
        if rest:
            first = chunk.find(b"\n") + 1
            line = b"".join([*rest, chunk[:first]])
            yield line, 0, len(line)
        if first < last:
            yield chunk, first, last
        rest = [chunk[last:]] if last < len(chunk) else []
    if any(rest):
        line = b"".join([*rest, b"\n"])
        yield line, 0, len(line)


def _ahead(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same, unpacked by another thread while the last one is being worked on."""
    ready: queue.Queue[bytes | WardroundError | None] = queue.Queue(2)
    stopped = threading.Event()

    def put(item: bytes | WardroundError | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.05)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for chunk in chunks:
                put(chunk)
                if stopped.is_set():
                    return
            put(None)
        except Exception as error:  # noqa: BLE001 - the thread's edge; raised by the other one
            put(as_error(error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, WardroundError):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()


def _chunks(path: Path) -> Iterator[bytes]:
    """A file's text, unpacked, some megabytes at a time."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as packed:
        if packed[:2] != b"\x1f\x8b":
            for start in range(0, len(packed), _CHUNK):
                yield packed[start : start + _CHUNK]
        elif packed[3] & 4 and packed[12:14] == b"BC":
            yield from _of_blocks(packed)
        else:
            yield from _of_stream(packed)


def _of_blocks(packed: mmap.mmap) -> Iterator[bytes]:
    """BGZF: blocks of up to 64 KiB that say how long they are."""
    unpack = _faster.decompress
    at, held, size = 0, [], 0
    while at < len(packed):
        try:
            length = struct.unpack_from("<H", packed, at + 16)[0] + 1
            if packed[at : at + 2] != b"\x1f\x8b" or length < 26:
                raise TruncatedFile(_CUT)
            text = unpack(packed[at + 18 : at + length - 8], -15, 1 << 16)
        except _DAMAGES as error:
            raise TruncatedFile(_CUT) from error
        held.append(text)
        size += len(text)
        at += length
        if size >= _CHUNK:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _of_stream(packed: mmap.mmap) -> Iterator[bytes]:
    """Plain gzip, of one member or several."""
    at = 0
    while at < len(packed):
        unpacker = _faster.decompressobj(wbits=31)
        while not unpacker.eof:
            piece = unpacker.unconsumed_tail or packed[at : at + _CHUNK]
            if not piece:
                raise TruncatedFile(_CUT)
            try:
                text = unpacker.decompress(piece, _CHUNK)
            except _DAMAGES as error:
                raise TruncatedFile(_CUT) from error
            if not unpacker.unconsumed_tail:
                at += _CHUNK
            yield text
        at = min(at, len(packed)) - len(unpacker.unused_data)


def _tight_keys(
    calls: Sequence[bytes], samples: int, keys: Keys, at: Sequence[int]
) -> Sequence[int]:
    """Write keys of rows whose calls are all three characters wide.

    Args:
        calls: The rows, each `4 * samples - 1` bytes.
        samples: How many calls a row has.
        keys: Where they go, shape (all rows, samples).
        at: Which of its rows they are.

    Returns:
        Those of `at` that turned out to be such rows.
    """
    # So many rows at once that their words stay in the processor's cache.
    step = max(1, _WORDS // max(samples, 1))
    done: list[int] = []
    for start in range(0, len(calls), step):
        rows = list(at[start : start + step])
        words = np.frombuffer(b"\t".join([*calls[start : start + step], b""]), "<u4")
        if _are_tight(words):
            found = words & 0x000F000F
            found |= found >> 12
            keys[rows] = found.astype(np.uint8).reshape(-1, samples)
            done += rows
    return done


def _are_tight(words: NDArray[np.uint32]) -> bool:
    """Is every word an allele, a separator, an allele and a tab?"""
    some, every = int(np.bitwise_or.reduce(words)), int(np.bitwise_and.reduce(words))
    # Bytes of one value each: what any has is what every one has.
    if some >> 24 != _TAB or every >> 24 != _TAB:
        return False
    marks = (some >> 8) & 255, (every >> 8) & 255
    if marks not in ((_SLASH, _SLASH), (_BAR, _BAR)):
        between = words & 0xFF00
        if not ((between == _SLASH << 8) | (between == _BAR << 8)).all():
            return False
    # Digits and the full stop are the characters from 32 to 63 that calls are made of.
    return some & 0x00C000C0 == 0 and every & 0x00200020 == 0x00200020


def _first_fields(calls: bytes, samples: int) -> Keys | None:
    """Keys of calls that stand first in each sample's cell; None if they are not all keys."""
    whole = np.frombuffer(calls + b"\t\t\t\t", np.uint8)
    tabs = np.flatnonzero(whole[:-3] == _TAB)
    if len(tabs) != samples:
        raise TruncatedFile(_CUT)
    starts = np.append(0, tabs[:-1] + 1)
    allele, mark, other, after = (whole[starts + step] for step in range(4))
    digits = (allele >= 46) & (allele < 58) & (allele != _SLASH)
    ended = (mark == _TAB) | (mark == _COLON)
    paired = (mark == _SLASH) | (mark == _BAR)
    paired &= ((after == _TAB) | (after == _COLON)) & (other >= 46) & (other < 58)
    paired &= other != _SLASH
    if not (digits & (ended | paired)).all():
        return None
    return np.asarray((allele & 15) | np.where(paired, other << 4, 0xF0), np.uint8)


def _any_calls(calls: bytes, samples: int) -> NDArray[np.int16]:
    """Alleles called, shape (samples, alleles of a call); -1 missing, -2 no allele."""
    texts = [cell.split(b":", 1)[0].replace(b"|", b"/").split(b"/") for cell in calls.split(b"\t")]
    if len(texts) != samples:
        raise TruncatedFile(_CUT)
    ploidy = max(map(len, texts))
    try:
        rows = [[-1 if a in (b".", b"") else int(a) for a in text] for text in texts]
        padded = [row + [-2] * (ploidy - len(row)) for row in rows]
        return np.array(padded, np.int16)
    except (ValueError, OverflowError) as error:
        raise UnreadableFile(
            "A genotype call in the file is not made of allele numbers."
        ) from error


def _dosages(calls: bytes, at: int, samples: int) -> NDArray[np.float64]:
    """The field at a place of each cell as numbers, shape (alternates, samples)."""
    cells = [cell.split(b":", at + 1) for cell in calls.split(b"\t")]
    if len(cells) != samples:
        raise TruncatedFile(_CUT)
    texts = [cell[at] if len(cell) > at else b"." for cell in cells]
    try:
        if b"," not in calls:
            return np.array([[np.nan if t == b"." else float(t) for t in texts]])
        width = max(text.count(b",") for text in texts) + 1
        split = [text.split(b",") if text != b"." else [b"."] * width for text in texts]
        values = [[np.nan if t == b"." else float(t) for t in row] for row in split]
        return np.array(values, np.float64).T
    except ValueError as error:
        raise UnreadableFile("A dosage (DS) in the file is no number.") from error
