"""What one model costs, in a process of its own: `python -m tests.bench.model_cost TOOL`.

Writes JSON: seconds to load, seconds of an answer once loaded, and memory in MiB that loading and
answering added to this process. Importing torch and reading files for the first time come before.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from specialists.host import Host
from specialists.machine import calm_torch, resident_gib
from specialists.registry import spec_of
from tests.samples import CASES
from tools.files import FileStore
from tools.recognition import complete

DATA = Path(__file__).parents[1] / "data"
TIMES = 5


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measured(tool: str) -> dict[str, float]:
    spec = spec_of(tool)
    importing = seconds(calm_torch) if find_spec("torch") else 0.0
    files, options = CASES[tool]
    store = FileStore([DATA])
    names = [str(DATA / name) for name in files]
    roles: dict[str, Any] = {}
    for held, accepts in zip(store.find(names), spec.accepts, strict=False):
        roles[accepts.role] = [complete(store, held).source]
    host, request = Host("cpu"), spec.request(**options)
    before = resident_gib()

    def load() -> None:
        with host.use(spec):
            pass

    def answer() -> None:
        host.read(spec, roles, request, lambda share, text: None)

    loading = seconds(load)
    first = seconds(answer)
    return {
        "torch_s": importing,
        "load_s": loading,
        "first_s": first,
        "answer_s": statistics.median(seconds(answer) for _ in range(TIMES)),
        "added_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before * 1024,
        "load_of_the_machine": os.getloadavg()[0],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(sys.argv[1])))
