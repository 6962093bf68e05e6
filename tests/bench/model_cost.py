"""What one model costs, in a process of its own: `python -m tests.bench.model_cost TOOL`.

Writes JSON: seconds to load, seconds of an answer once loaded by the clock and by the processor
(readers' processes included: what a machine with nothing else to do would take), and memory in MiB
that loading and answering added to this process. Importing torch and starting the readers come
before.
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
FILM = ["chest/adult_pneumonia_1.jpg"]
ONE_PICTURE: dict[str, tuple[list[str], dict[str, object]]] = {
    "report_chest_xray": (FILM, {}),
    "answer_image_question": (FILM, {"question": "is there a fracture?"}),
    "classify_pathology": (["pathology/colon_TUM.jpg"], {"organ": "colon"}),
}
"""The bounds are for a model and one picture; a slide is many tiles, and to unpack a large film in
JPEG 2000 takes longer than to read it."""


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor_s() -> float:
    """Processor time of this process and of the readers that it started."""
    total = time.process_time()
    for path in Path("/proc/self/task").glob("*/children"):
        for child in path.read_text("ascii").split():
            parts = Path(f"/proc/{child}/stat").read_text("ascii").rsplit(")", 1)[1].split()
            total += (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
    return total


def measured(tool: str) -> dict[str, float]:
    spec = spec_of(tool)
    importing = seconds(calm_torch) if find_spec("torch") else 0.0
    files, options = (CASES | ONE_PICTURE)[tool]
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
    first, began = seconds(answer), processor_s()
    answering = statistics.median(seconds(answer) for _ in range(TIMES))
    return {
        "torch_s": importing,
        "load_s": loading,
        "first_s": first,
        "answer_s": answering,
        "processor_s": (processor_s() - began) / TIMES,
        "added_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before * 1024,
        "load_of_the_machine": os.getloadavg()[0],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(sys.argv[1])))
