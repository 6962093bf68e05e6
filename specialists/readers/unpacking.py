"""The text of a file, packed or not, some megabytes at a time, unpacked ahead of its reader.

Source: BGZF, SAM specification 4.1, https://samtools.github.io/hts-specs/.
"""

from __future__ import annotations

import mmap
import queue
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from specialists.errors import TruncatedFile, WardroundError
from specialists.readers.failures import as_error

__all__ = ["CUT", "chunks_ahead", "whole_lines"]

_DAMAGES: tuple[type[Exception], ...] = (zlib.error, struct.error)
_faster: Any = zlib
with suppress(ImportError):  # two to three times as fast, where it is installed
    from isal import isal_zlib as _faster

    _DAMAGES = (zlib.error, struct.error, _faster.error)

_CHUNK = 4 << 20
CUT = "The genotype file ends before its content does, or a row of it is damaged."


def chunks_ahead(path: Path) -> Iterator[bytes]:
    """A file's text in order, unpacked by another thread while the last piece is worked on.

    Raises:
        TruncatedFile: If it ends before its content does.
    """
    return _ahead(_chunks(path))


def whole_lines(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, int, int]]:
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
                raise TruncatedFile(CUT)
            text = unpack(packed[at + 18 : at + length - 8], -15, 1 << 16)
        except _DAMAGES as error:
            raise TruncatedFile(CUT) from error
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
                raise TruncatedFile(CUT)
            try:
                text = unpacker.decompress(piece, _CHUNK)
            except _DAMAGES as error:
                raise TruncatedFile(CUT) from error
            if not unpacker.unconsumed_tail:
                at += _CHUNK
            yield text
        at = min(at, len(packed)) - len(unpacker.unused_data)
