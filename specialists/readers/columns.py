"""Large tables of text, some thousand rows at a time."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from specialists.errors import BackendUnavailable, FileTooLarge, TruncatedFile, UnreadableFile
from specialists.readers import limits

__all__ = ["blocks_of_rows", "opened", "split_rows"]

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BYTES = 1 << 20
_BLANKS = re.compile(rb"[ \t]+")


class _Bounded(io.RawIOBase):
    """Bytes of a stream, up to a limit, with the tree's errors."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream, self._left = stream, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise FileTooLarge("The file unpacks to more than the limits allow.")
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except EOFError as error:
            raise TruncatedFile("The file ends before its content does.") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableFile("The file's compression is damaged.") from error

    def close(self) -> None:
        self._stream.close()
        super().close()


def opened(path: Path) -> io.BufferedReader:
    """Open a file of text, unpacked as it is read: plain, gzip or Zstandard.

    Raises:
        TruncatedFile, UnreadableFile: While it is read, if it is cut short or damaged.
        FileTooLarge: While it is read, if it unpacks to more than the limits allow.
    """
    with path.open("rb") as file:
        start = file.read(4)
    # It is closed by _Bounded, and with it by the outer layer.
    opening: Any = gzip.open if start.startswith(_GZIP) else open
    if start == _ZSTD:
        opening = _zstandard
    stream = cast(IO[bytes], opening(path, "rb"))
    return io.BufferedReader(_Bounded(stream, int(limits.active().unpacked_mib * 2**20)), _BYTES)


def blocks_of_rows(
    text: IO[bytes], columns: int, blanks: bool = False
) -> Iterator[list[Sequence[str]]]:
    """Read rows, as columns of cells, about a megabyte at a time.

    Args:
        text: At the start of a row.
        columns: How many cells a row has.
        blanks: Cells may be parted by blanks, where the first row has no tab.

    Raises:
        TruncatedFile: If a row has another number of cells than `columns`.
    """
    rest = b""
    while chunk := text.read(_BYTES):
        whole = rest + chunk
        cut = whole.rfind(b"\n") + 1
        rest = whole[cut:]
        if cut:
            yield split_rows(whole[:cut], columns, blanks)
        elif len(rest) > 64 * _BYTES:
            raise UnreadableFile("A line of the file has no end.")
    if rest.strip():
        yield split_rows(rest + b"\n", columns, blanks)


def split_rows(text: bytes, columns: int, blanks: bool = False) -> list[Sequence[str]]:
    """Cells of rows that all end in a line feed, as columns; see `blocks_of_rows`.

    Empty lines are left out.
    """
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if blanks and b"\t" not in text[: text.find(b"\n")] and columns > 1:
        text = b"\n".join(_BLANKS.sub(b"\t", line.strip()) for line in text.split(b"\n"))
    if b"\n\n" in text or text.startswith(b"\n"):
        text = b"".join(line + b"\n" for line in text.split(b"\n") if line.strip())
    # A line feed becomes a cell of its own, which must stand at the end of every row.
    cells = text.decode("utf-8", "replace").replace("\n", "\t\n\t").split("\t")[:-1]
    width = columns + 1
    if len(cells) % width or cells[columns::width].count("\n") * width != len(cells):
        raise TruncatedFile("A row of the file has not as many columns as named.")
    return [cells[at::width] for at in range(columns)]


def _zstandard(path: Path, mode: str) -> IO[bytes]:
    try:
        import zstandard
    except ImportError as error:
        raise BackendUnavailable(
            'Unpacking Zstandard needs zstandard: pip install "wardround[genomics]".'
        ) from error
    return cast(IO[bytes], zstandard.open(path, mode))
