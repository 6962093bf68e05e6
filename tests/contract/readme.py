"""The README's table of specialists, from the registry: `python -m tests.contract.readme`."""

from __future__ import annotations

from pathlib import Path

from specialists.registry import specs

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- specialists: begin -->", "<!-- specialists: end -->"


def table() -> str:
    """One line a specialist."""
    rows = ["| tool | takes | gives | runs here on |", "|---|---|---|---|"]
    for spec in specs().values():
        backends = ", ".join(f"`{backend.name}`" for backend in spec.backends) or "no model yet"
        rows.append(f"| `{spec.name}` | {spec.takes} | {spec.gives} | {backends} |")
    return "\n".join(rows)


def split() -> tuple[str, str, str]:
    """The README before, in and after the table."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    inside, after = rest.split(END)
    return before, inside.strip(), after


if __name__ == "__main__":
    before, _, after = split()
    README.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")
