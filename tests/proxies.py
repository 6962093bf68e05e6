"""A way between two programs that can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Way:
    """Bytes go to a port of this machine and back, until it is cut."""

    port: int = 0
    connections: int = 0
    closed: bool = False
    """Whether new connections are refused."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Break all connections off."""
        for writer in tuple(self._open):
            writer.transport.abort()

    async def carry(self, inward: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        if self.closed:
            back.transport.abort()
            return
        self.connections += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._open |= {back, writer}
        await asyncio.gather(_pipe(inward, writer), _pipe(reader, back))
        self._open -= {back, writer}

    _to: int = 0


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def way_to(port: int) -> AsyncIterator[Way]:
    way = Way()
    way._to = port
    server = await asyncio.start_server(way.carry, "127.0.0.1", 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        way.cut()
