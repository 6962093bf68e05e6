"""`python -m agent.gemma.embedded FOLDER`: write the shipped checkpoint for a server."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.gemma.embedded.layout import serve_line, write_layout


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Write the shipped Gemma to FOLDER in the hub's layout, and say how vLLM serves it."""
    name = write_layout(folder)
    sys.stdout.write(
        f"{serve_line(folder, name)}\n"
        f"export WARDROUND_GEMMA_URL=http://localhost:8000/v1 WARDROUND_GEMMA_MODEL={name}\n"
    )


if __name__ == "__main__":
    main()
