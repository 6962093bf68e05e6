"""A server over HTTP, in a process of its own, whose one tool writes down when it works.

`python -m tests.counted PORT FILE`: `begun` and `ended` are lines of FILE.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from specialists.base import BackendSpec, Progress, Reading, Request, Source
from tests.conftest import DATA
from tests.toys import Toy, toy_spec
from tools.server import Workshop, build_server


class Counted(Toy):
    """Works for a second, in steps."""

    file: Path

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        self.note("begun")
        for step in range(10):
            progress(step / 10, "working")
            time.sleep(0.1)
        self.note("ended")
        return super().read(inputs, request, progress)

    def note(self, word: str) -> None:
        with self.file.open("a") as out:
            out.write(word + "\n")


def main() -> None:
    port, file = sys.argv[1:]
    # The backend is imported by its name, which is not that of this program.
    from tests.counted import Counted as Imported

    Imported.file = Path(file)
    spec = replace(toy_spec(), backends=(BackendSpec("toy", "tests.counted:Counted"),))
    shop = Workshop.create([DATA])
    server = build_server(specs={spec.name: spec}, workshop=shop)
    server.run(transport="http", host="127.0.0.1", port=int(port), show_banner=False)


if __name__ == "__main__":
    main()
