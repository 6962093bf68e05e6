"""A fresh interpreter: what starting costs."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

HEAVY = [
    "torch", "transformers", "timm", "monai", "fastmcp", "mcp", "langgraph", "langchain_core",
    "openai", "httpx", "pydantic", "pydantic_settings", "numpy", "scipy", "pydicom", "nibabel",
    "PIL", "tifffile", "cyvcf2", "jsonschema", "asyncio",
]  # fmt: skip
MODELS = ["torch", "transformers", "timm", "monai", "pydicom", "nibabel", "cyvcf2", "scipy"]


def imported_by(code: str) -> set[str]:
    told = "import sys; print('\\n'.join({name.split('.')[0] for name in sys.modules}))"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{told}"], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_command_line_imports_nothing_heavy() -> None:
    assert imported_by("import agent.cli").isdisjoint(HEAVY)


def test_package_imports_nothing_heavy() -> None:
    assert imported_by("import agent, tools, specialists, prompts").isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "module", ["tools.server", "specialists.registry", "agent.agent", "agent.graph"]
)
def test_servers_and_agent_import_no_model_library(module: str) -> None:
    assert imported_by(f"import {module}").isdisjoint(MODELS)


def test_registry_imports_no_numbers() -> None:
    code = "from specialists.registry import specs; specs()"
    assert imported_by(code).isdisjoint([*MODELS, "numpy", "fastmcp"])


def test_server_that_lists_its_tools_imports_no_model_library() -> None:
    code = (
        "import asyncio\nfrom fastmcp import Client\n"
        "from agent.server import build_consulting_server\nfrom agent.settings import Settings\n"
        "async def main():\n"
        "    async with Client(build_consulting_server(Settings())) as client:\n"
        "        await client.list_tools()\n"
        "asyncio.run(main())"
    )
    assert imported_by(code).isdisjoint(MODELS)


def test_help_answers_in_under_150_ms() -> None:
    code = "import sys; sys.argv = ['wardround', '--help']; from agent.cli import main; main()"

    def once() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        return time.perf_counter() - started

    # The best of several: the machine may be busy, the program is not slower for it.
    assert min(once() for _ in range(7)) < 0.150
