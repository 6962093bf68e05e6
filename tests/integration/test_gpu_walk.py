"""The README's way from nothing to an answer by MedGemma, walked against stand-ins.

The hub, vLLM and nvidia-smi are stand-ins; every command is the README's own.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.settings import MEDGEMMA
from tests.contract.readme import section
from tests.hubs import READER, standing_in
from tests.integration.test_up import two_ports
from tests.served import DATA

pytestmark = pytest.mark.xdist_group("gpu-walk")
ROOT = Path(__file__).parents[2]


def blocks() -> tuple[list[str], list[str]]:
    """The commands of the two terminals, without their comments."""
    found = re.findall(r"```sh\n(.*?)```", section("gpu")[1], re.S)
    first, second = ([re.sub(r" {2,}#.*", "", line) for line in one.splitlines()] for one in found)
    return first, second


def programs(folder: Path) -> Path:
    """What is on the machine: the command, vLLM, and a GPU's driver."""
    for name, words in {
        "wardround": f'exec {sys.executable} -m agent "$@"',
        "vllm": f'exec {sys.executable} -m tests.fake_vllm "$@"',
        "nvidia-smi": "echo 16376",
    }.items():
        place = folder / name
        place.write_text(f"#!/bin/sh\n{words}\n")
        place.chmod(0o755)
    return folder


def machine(folder: Path, hub: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WARDROUND_", "HF_"))
    }
    return kept | {
        "PATH": f"{programs(folder)}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HF_ENDPOINT": hub,
        "HF_HOME": str(folder / "hf"),
        "WARDROUND_MODELS_DIR": str(folder / "models"),
        "WARDROUND_STATE_DIR": str(folder / "state"),
    }


def run(line: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-c", line], env=environment, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout


@contextmanager
def kept_up(
    line: str, environment: dict[str, str], folder: Path
) -> Iterator[tuple[dict[str, str], int]]:
    """Leave `wardround up` running; gives what it says to export, and its port."""
    port = two_ports()
    process = subprocess.Popen(
        ["bash", "-c", f"exec {line} --port {port}"], env=environment, cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        name, _, value = process.stdout.readline().strip().removeprefix("export ").partition("=")
        yield {name: value}, port
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_commands_of_the_readme_lead_to_an_answer_by_medgemma(tmp_path: Path) -> None:
    first, second = blocks()
    (tmp_path / "film.dcm").write_bytes((DATA / "cxr" / "RG1_J2KI.dcm").read_bytes())
    told = {}
    with standing_in() as hub:
        hub.add(MEDGEMMA, gated=True)
        environment = machine(tmp_path, hub.url)
        for line in first[1:-1]:
            if line.startswith("export HF_TOKEN="):
                environment["HF_TOKEN"] = READER
            else:
                told[line] = run(line, environment, tmp_path)
    assert "MedGemma 1.5: served" in told["wardround models --for 16"]
    assert "as fetched" in told["wardround models verify"]
    with kept_up(first[-1], environment, tmp_path) as (exports, port):
        assert second[0].replace("8001", str(port + 1)) == "export " + "=".join(*exports.items())
        for line in second[1:]:
            told[line] = run(line, environment | exports, tmp_path)
    assert "report_chest_xray: medgemma" in told["wardround doctor"]
    assert "effusion" in told["wardround call report_chest_xray film.dcm --backend medgemma"]
    assert "pneumonia" in told['wardround ask "Is there pneumonia?" film.dcm']


def test_extras_that_the_readme_installs_are_there() -> None:
    (line,) = (line for line in blocks()[0] if line.startswith("pip install"))
    named = set(re.search(r"\[(.*)\]", line)[1].split(","))  # type: ignore[index]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert named <= set(extras["optional-dependencies"])
