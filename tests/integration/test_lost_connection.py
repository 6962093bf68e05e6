"""A connection that breaks off costs no second inference; a host that goes away, only its part."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.toolbox import Outcome, Toolbox
from specialists.errors import ServerUnreachable
from tests.conftest import DATA
from tests.proxies import Way, way_to
from tests.servers import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("lost")]
SCORE = str(DATA / "genomics" / "PGS000802_hmPOS_GRCh37.txt")


@dataclass
class Far:
    """A server at the other end of a way that can be cut."""

    box: Toolbox
    way: Way
    file: Path
    told: list[float]

    def ask(self) -> asyncio.Task[Outcome]:
        async def report(share: float, _: str) -> None:
            self.told.append(share)

        return asyncio.create_task(self.box.call("report_toy", {"files": [SCORE]}, report))

    async def has_noted(self, *words: str) -> None:
        """Wait until the tool has written so much."""
        for _ in range(400):
            if self.noted() == list(words):
                return
            await asyncio.sleep(0.02)
        raise TimeoutError(f"noted {self.noted()}, not {words}")

    def noted(self) -> list[str]:
        return self.file.read_text().split() if self.file.exists() else []


@asynccontextmanager
async def far(folder: Path) -> AsyncIterator[Far]:
    port, file = free_port(), folder / "noted"
    words = [sys.executable, "-m", "tests.counted", str(port), str(file)]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*words, stdout=quiet, stderr=quiet)
    try:
        await listening(port)
        async with way_to(port) as way:
            entry = {"url": f"http://127.0.0.1:{way.port}/mcp"}
            async with Toolbox({"gpu": entry}) as box:
                yield Far(box, way, file, [])
    finally:
        process.terminate()
        await process.wait()


async def listening(port: int) -> None:
    for _ in range(400):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise TimeoutError("the server did not start")


async def test_call_whose_connection_breaks_off_is_answered_by_the_same_work(
    tmp_path: Path,
) -> None:
    async with far(tmp_path) as one:
        call = one.ask()
        await one.has_noted("begun")
        one.way.cut()
        outcome = await call
        assert outcome.structured is not None
        assert one.noted() == ["begun", "ended"]
        assert max(one.told) > 0.5


async def test_answer_that_was_lost_on_its_way_is_given_again(tmp_path: Path) -> None:
    async with far(tmp_path) as one:
        call = one.ask()
        await one.has_noted("begun")
        one.way.closed = True
        one.way.cut()
        await one.has_noted("begun", "ended")
        one.way.closed = False
        assert (await call).structured is not None
        assert one.noted() == ["begun", "ended"]


async def test_two_calls_with_the_same_arguments_are_worked_on_each(tmp_path: Path) -> None:
    async with far(tmp_path) as one:
        await one.ask()
        await one.ask()
        assert one.noted() == ["begun", "ended"] * 2


async def test_host_that_stays_away_is_told_as_unreachable(tmp_path: Path) -> None:
    async with far(tmp_path) as one:
        call = one.ask()
        await one.has_noted("begun")
        one.way.closed = True
        one.way.cut()
        with pytest.raises(ServerUnreachable, match="went away"):
            await call
