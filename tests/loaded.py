"""A server over HTTP whose one specialist answers in 100 ms with a number of the caller's file.

`python -m tests.loaded PORT STATE_FOLDER` serves the callers of STATE_FOLDER/callers.json.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastmcp import Client

from specialists import registry
from specialists.base import (
    BackendSpec,
    Progress,
    Reading,
    Request,
    Source,
    SpecialistSpec,
)
from specialists.schema import Accepts, Measurement, Provenance, SpecialistResult
from tests.served import wait_for
from tests.servers import free_port
from tools.callers import add_caller

ANSWER_S = 0.1


class Hundred:
    """Takes 100 ms, as a model on a graphics card does, and tells the number in the file."""

    def __init__(self, device: str) -> None:
        self.device = device

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        time.sleep(ANSWER_S)
        number = json.loads(inputs["file"][0].paths[0].read_text())["number"]
        told = Measurement(
            name="number", value=number, unit="1", text=f"The number of the file is {number}."
        )
        return Reading(
            SpecialistResult(
                summary=told.text,
                measurements=(told,),
                provenance=Provenance(
                    specialist="tell_number", backend="toy", model="toy", version="1",
                    evaluated_on="nothing: it is a toy",
                ),
            )
        )  # fmt: skip


SPEC = SpecialistSpec(
    name="tell_number",
    title="Number of a file",
    description="Tells the number of a file.",
    takes="a file with a number",
    gives="the number",
    accepts=(Accepts(role="file", description="a file with a number", kinds=("record",)),),
    keywords=("number",),
    backends=(BackendSpec(name="toy", target="tests.loaded:Hundred"),),
)


@dataclass(frozen=True)
class Asked:
    """One consultation under load."""

    caller: str
    number: int
    told: tuple[float | None, ...]
    """The numbers in the answer's evidence; empty where nothing was answered."""
    seconds: float


@dataclass(frozen=True)
class Loaded:
    """The server's addresses (one a process), and the callers' tokens and files."""

    urls: tuple[str, ...]
    tokens: Mapping[str, str]
    folder: Path

    def number_of(self, caller: str, place: int) -> int:
        """A number that only one file of one caller has."""
        return 1000 * (sorted(self.tokens).index(caller) + 1) + place

    async def consult_all(self, calls: int) -> list[Asked]:
        """Consult `calls` times at once, callers in turn, all with threads of the same names."""
        async with contextlib.AsyncExitStack() as stack:
            clients = {
                name: await stack.enter_async_context(Client(f"{self.urls[0]}/mcp", auth=token))
                for name, token in self.tokens.items()
            }
            names = sorted(clients)
            turns = [(names[one % len(names)], one // len(names)) for one in range(calls)]
            return await asyncio.gather(
                *(self._consult(clients[name], name, place) for name, place in turns)
            )

    async def _consult(self, client: Client[object], caller: str, place: int) -> Asked:
        started = time.perf_counter()
        result = await client.call_tool_mcp(
            "consult",
            {"question": "Which number?", "files": [f"{place}.json"], "thread": f"t{place}"},
        )
        said = (result.structured_content or {}).get("evidence", [])
        told = tuple(one["value"] for one in said)
        seconds = time.perf_counter() - started
        return Asked(caller, self.number_of(caller, place), told, seconds)


@contextlib.contextmanager
def loaded(folder: Path, callers: int, files: int, processes: int = 1) -> Iterator[Loaded]:
    """Start the server, or several over one state folder, with callers that have files."""
    names = [f"caller-{number}" for number in range(callers)]
    tokens = {
        name: add_caller(folder / "callers.json", name, [folder / "files" / name]) for name in names
    }
    ports = [free_port() for _ in range(processes)]
    server = Loaded(tuple(f"http://127.0.0.1:{port}" for port in ports), tokens, folder)
    for name in names:
        (folder / "files" / name).mkdir(parents=True)
        for place in range(files):
            number = server.number_of(name, place)
            text = json.dumps({"resourceType": "Bundle", "number": number})
            (folder / "files" / name / f"{place}.json").write_text(text)
    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(_process(port, folder))
        for url in server.urls:
            wait_for(url)
        yield server


@contextlib.contextmanager
def _process(port: int, folder: Path) -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WARDROUND_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.loaded", str(port), str(folder)],
        env={**kept, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Serve."""
    from agent.server import serve_http
    from agent.settings import Settings
    from tools.callers import Callers

    registry.SPECIALISTS = ("tests.loaded:SPEC",)  # type: ignore[assignment]
    settings = Settings(
        state_dir=Path(sys.argv[2]), gemma_embedded=False, requests_per_second=1000.0
    )
    callers = Callers.read(settings.thread_file.parent / "callers.json")
    serve_http(settings, [], callers, "127.0.0.1", int(sys.argv[1]))


if __name__ == "__main__":
    main()
