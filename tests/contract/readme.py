"""What the README takes from the program: `python -m tests.contract.readme` writes it anew."""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from agent import Agent, Settings
from agent.commands.demo import CASES
from agent.commands.models import as_markdown
from agent.export.markdown import to_markdown
from specialists.registry import specs

README = Path(__file__).parents[2] / "README.md"
DATA = Path(__file__).parents[1] / "data"


def table() -> str:
    """The specialists, one line each."""
    rows = ["| tool | takes | gives | runs here on |", "|---|---|---|---|"]
    for spec in specs().values():
        backends = ", ".join(f"`{backend.name}`" for backend in spec.backends) or "no model yet"
        rows.append(f"| `{spec.name}` | {spec.takes} | {spec.gives} | {backends} |")
    return "\n".join(rows)


def first_answer() -> str:
    """The demo's first answer, up to what changes with the installation."""
    case = CASES[0]
    kept = {name: value for name, value in os.environ.items() if name.startswith("WARDROUND_")}
    for name in kept:
        del os.environ[name]
    with TemporaryDirectory() as folder:
        settings = Settings(state_dir=Path(folder))
        os.environ.update(kept)
        with Agent(settings) as agent:
            answer = agent.ask(case.question, [DATA / name for name in case.files])
    told = to_markdown(answer).split("\n\n## Where this comes from")[0]
    told = re.sub(r"(pictures/)[0-9a-f]{16}", r"\1…", told)
    return f"````markdown\n{told}\n````"


def section(name: str) -> tuple[str, str, str]:
    """The README before, in and after a section that is written by the program."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = README.read_text(encoding="utf-8").split(begin)
    inside, after = rest.split(end)
    return f"{before}{begin}", inside.strip(), f"{end}{after}"


if __name__ == "__main__":
    written = {"specialists": table(), "figures": as_markdown(), "demo": first_answer()}
    for name, text in written.items():
        before, _, after = section(name)
        README.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")
