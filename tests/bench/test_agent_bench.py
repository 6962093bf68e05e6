"""The agent's own cost, as ratios in one run. Printed, never gating."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client, FastMCP

from agent import Agent, Settings
from specialists.readers import inspect, read_volume
from tests.toys import SlowToy, toy_spec

pytestmark = [pytest.mark.bench, pytest.mark.anyio]
Serve = Callable[..., Any]


async def median_s(work: Callable[[], Awaitable[Any]], times: int) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


async def test_overhead_of_a_one_tool_question(
    serve: Serve, settings: Settings, score: Path
) -> None:
    bare: FastMCP[Any] = FastMCP("bare")

    @bare.tool
    def add(first: int, second: int) -> int:
        return first + second

    async with (
        Client(bare) as client,
        Agent(settings, servers={"toys": serve(toy_spec())}) as agent,
    ):
        await agent.ask_async("Is there pneumonia?", [score])
        call = await median_s(lambda: client.call_tool_mcp("add", {"first": 1, "second": 2}), 50)
        ask = await median_s(lambda: agent.ask_async("Is there pneumonia?", [score]), 30)
    print(
        f"\nagent, one tool that answers at once: {ask * 1e3:.1f} ms; one bare in-memory call: "
        f"{call * 1e3:.2f} ms; ratio {ask / call:.1f} (at most 15)"
    )


async def test_seven_tools_of_one_second(serve: Serve, settings: Settings, score: Path) -> None:
    specs = [toy_spec(f"report_{number}", SlowToy) for number in range(7)]
    async with Agent(settings, servers={"toys": serve(*specs)}) as agent:
        await agent.inspect([score])
        took = await median_s(lambda: agent.ask_async("Is there pneumonia?", [score]), 3)
    print(f"\nseven tools of one second each: {took:.2f} s (under 1.3)")


async def test_inspect_of_the_series(data: Path) -> None:
    series = data / "ct" / "series"
    read_volume([series]), inspect([series])

    async def look() -> None:
        inspect([series])

    async def read() -> None:
        read_volume([series])

    looked, took = await median_s(look, 10), await median_s(read, 5)
    print(
        f"\ninspect of the 20-slice series: {looked * 1e3:.0f} ms; reading it: {took * 1e3:.0f} "
        f"ms; ratio {looked / took:.2f} (at most 0.3)"
    )
