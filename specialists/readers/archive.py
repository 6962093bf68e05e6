"""Where the bytes of a file lie: on disk, or in a ZIP archive. Nothing is unpacked to disk."""

from __future__ import annotations

import errno
import io
import mmap
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from specialists.errors import (
    EmptyFile,
    EncryptedFile,
    FileMissing,
    FileTooLarge,
    TruncatedFile,
    UnreadableFile,
    UnsupportedFormat,
)
from specialists.readers import limits
from specialists.readers.transport import transported

__all__ = ["Member", "entries", "gunzip", "inflate", "members_of_folder", "open_file"]

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_ENCRYPTED_FLAG = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@transported
@dataclass(frozen=True)
class Entry:
    """Where an entry lies in its archive."""

    name: str
    offset: int
    packed_bytes: int
    unpacked_bytes: int
    method: int
    checksum: int


@transported
@dataclass(frozen=True)
class Member:
    """A file, or an entry of a ZIP archive."""

    path: Path
    entry: Entry | None = None

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open for reading; an entry is unpacked into memory.

        Raises:
            FileMissing: If there is no such file.
            EmptyFile: If nothing is in it.
            FileTooLarge: If it unpacks to more than the limits allow.
            TruncatedFile: If an archive's entry is damaged.
        """
        with open_file(self.path) as content:
            if self.entry is None:
                yield content
            else:
                yield io.BytesIO(_unpack(content, self.entry))


class _Mapped(mmap.mmap):
    """A mapped file in which, as in any other, one may go beyond the end and find nothing."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:  # type: ignore[override]
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: len(self)}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "before the beginning")
        super().seek(min(start + offset, len(self)))
        return self.tell()


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Map a regular file: reading past its end gives what is there, whatever a header claims."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise FileMissing("The file does not exist, or may not be read.") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnsupportedFormat("This is not a regular file.")
        if status.st_size == 0:
            raise EmptyFile("The file is empty.")
        with _Mapped(descriptor, 0, access=mmap.ACCESS_READ) as content:
            yield cast(BinaryIO, content)
    finally:
        os.close(descriptor)


def members_of_folder(folder: Path) -> list[Member]:
    """Every regular file below a folder, by name; links that lead out of it are left out."""
    root = folder.resolve()
    found: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        if len(found) > limits.active().files:
            raise FileTooLarge(f"A folder may hold at most {limits.active().files} files.")
    inside = [path for path in found if path.is_file() and path.resolve().is_relative_to(root)]
    if not inside:
        raise EmptyFile("The folder holds no file.")
    return [Member(path) for path in inside]


def entries(path: Path) -> list[Member]:
    """The entries of a ZIP archive, by name.

    Raises:
        EncryptedFile: If the archive asks for a password.
        FileTooLarge: If all of it unpacks to more than the limits allow.
        EmptyFile: If it holds no file.
        TruncatedFile: If its directory is missing or damaged.
    """
    with open_file(path) as content:
        try:
            with zipfile.ZipFile(content) as archive:
                infos = [info for info in archive.infolist() if not info.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
            raise TruncatedFile("The ZIP archive is damaged or ends too early.") from None
    infos = [info for info in infos if not _is_hidden(info.filename)]
    _check(infos)
    return [Member(path, _entry(info)) for info in sorted(infos, key=lambda info: info.filename)]


def inflate(packed: bytes, limit_bytes: int) -> bytes:
    """Unpack a raw deflate stream.

    Raises:
        FileTooLarge: If it unpacks to more than `limit_bytes`.
        TruncatedFile: If it ends before its end mark, or is damaged.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = stream.decompress(packed, limit_bytes + 1)
    except zlib.error:
        raise TruncatedFile("The file's compressed part is damaged.") from None
    if len(unpacked) > limit_bytes:
        raise FileTooLarge(f"The file unpacks to more than {limit_bytes // 2**20} MiB.")
    if not stream.eof:
        raise TruncatedFile("The file's compressed part ends too early.")
    return unpacked


def _is_hidden(name: str) -> bool:
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].startswith(".")


def _check(infos: list[zipfile.ZipInfo]) -> None:
    if not infos:
        raise EmptyFile("The ZIP archive holds no file.")
    if any(info.flag_bits & _ENCRYPTED_FLAG for info in infos):
        raise EncryptedFile("The ZIP archive is encrypted; send it without a password.")
    allowed = limits.active()
    if len(infos) > allowed.files:
        raise FileTooLarge(f"A ZIP archive may hold at most {allowed.files} files.")
    if sum(info.file_size for info in infos) > allowed.unpacked_mib * 2**20:
        raise FileTooLarge(f"The archive unpacks to more than {allowed.unpacked_mib:.0f} MiB.")
    if any(info.compress_type not in _METHODS for info in infos):
        raise UnsupportedFormat("The ZIP archive is compressed in a way that is not read here.")


def _entry(info: zipfile.ZipInfo) -> Entry:
    return Entry(
        info.filename,
        info.header_offset,
        info.compress_size,
        info.file_size,
        info.compress_type,
        info.CRC,
    )


def _unpack(content: BinaryIO, entry: Entry) -> bytes:
    content.seek(entry.offset)
    head = content.read(_LOCAL_HEADER.size)
    if len(head) < _LOCAL_HEADER.size:
        raise TruncatedFile("The ZIP archive ends too early.")
    *_, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(head)
    content.seek(name_bytes + extra_bytes, os.SEEK_CUR)
    data = content.read(entry.packed_bytes)
    if entry.method == zipfile.ZIP_DEFLATED:
        data = inflate(data, entry.unpacked_bytes)
    if len(data) != entry.unpacked_bytes or zlib.crc32(data) != entry.checksum:
        raise TruncatedFile("An entry of the ZIP archive is damaged.")
    if not data:
        raise EmptyFile("The file is empty.")
    return data


def gunzip(content: BinaryIO, limit_bytes: int) -> tuple[bytes, bool]:
    """Unpack the beginning of a gzip file (also of several streams, as bgzip writes them).

    Returns:
        At most `limit_bytes`, and whether that is all of it.

    Raises:
        TruncatedFile: If it ends before its end mark within what was read.
    """
    unpacked, packed = bytearray(), b""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while len(unpacked) < limit_bytes:
        packed = packed or content.read(1 << 16)
        if not packed:
            break
        if stream.eof:
            if packed[:1] == b"\0":  # padding after the last stream
                return bytes(unpacked), True
            stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            unpacked += stream.decompress(packed, limit_bytes - len(unpacked))
        except zlib.error:
            raise UnreadableFile("The gzip part of the file is damaged.") from None
        packed = stream.unused_data if stream.eof else stream.unconsumed_tail
    else:
        return bytes(unpacked), stream.eof and not packed and not content.read(1)
    if not stream.eof:
        raise TruncatedFile("The gzip file ends too early.")
    return bytes(unpacked), True
