"""A call with a key is worked on once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastmcp.tools import ToolResult

from tools.calls import Calls, Report

pytestmark = pytest.mark.anyio


class Waiting:
    """A request's context: keeps what it is told, or is gone."""

    def __init__(self, *, gone: bool = False) -> None:
        self.gone, self.told = gone, list[float]()

    async def report_progress(self, share: float, total: float, message: str) -> None:
        if self.gone:
            raise ConnectionError
        self.told.append(share)


class Work:
    def __init__(self, seconds: float = 0.1) -> None:
        self.seconds, self.begun, self.ended = seconds, 0, 0

    async def __call__(self, report: Report) -> ToolResult:
        self.begun += 1
        await report(0.1, "begun")
        await asyncio.sleep(self.seconds)
        await report(0.9, "ending")
        self.ended += 1
        return ToolResult(content=[])


def asked(
    calls: Calls, work: Work, key: str = "a", context: Any = None
) -> asyncio.Task[ToolResult]:
    return asyncio.create_task(calls.once(key, context or Waiting(), work))  # type: ignore[arg-type]


async def test_who_asks_again_gets_the_same_result() -> None:
    calls, work = Calls(), Work()
    first = await asked(calls, work)
    assert await asked(calls, work) is first
    assert work.begun == 1
    await asked(calls, work, "b")
    assert work.begun == 2


async def test_work_goes_on_for_who_comes_after_a_broken_request() -> None:
    calls, work, gone, second = Calls(), Work(), Waiting(gone=True), Waiting()
    broken = asked(calls, work, context=gone)
    await asyncio.sleep(0.02)
    broken.cancel()
    assert await asked(calls, work, context=second)
    assert (work.begun, work.ended, second.told) == (1, 1, [0.9])


async def test_work_that_nobody_waits_for_ends() -> None:
    calls, work = Calls(grace_s=0.02), Work(0.2)
    request = asked(calls, work)
    await asyncio.sleep(0.01)
    request.cancel()
    await asyncio.sleep(0.3)
    assert (work.begun, work.ended) == (1, 0)
    await asked(calls, work)
    assert work.ended == 1


@pytest.mark.parametrize("calls", [Calls(life_s=0.0), Calls(most=1)])
async def test_results_are_kept_for_a_time_and_in_a_number(calls: Calls) -> None:
    work = Work(0.0)
    await asked(calls, work, "a")
    await asked(calls, work, "b")
    await asked(calls, work, "a")
    assert work.begun == 3


async def test_failure_is_given_again_too() -> None:
    calls = Calls()

    async def fail(report: Report) -> ToolResult:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            await calls.once("a", Waiting(), fail)  # type: ignore[arg-type]
