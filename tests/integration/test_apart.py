"""The specialists on one machine and the agent on another: no folder, and no torch, in common."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from agent import Agent, Settings
from tests.served import DATA, wait_for
from tests.servers import free_port

pytestmark = pytest.mark.xdist_group("apart")
TOKEN = "a-token-of-more-than-thirty-two-characters"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Net:
    """Where two machines run: two network namespaces with a wire between, or one machine."""

    host: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    address: str = "127.0.0.1"


def environment(**settings: object) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "WARDROUND" not in name}
    named = {f"WARDROUND_{name}": str(value) for name, value in settings.items()}
    return {**kept, "PYTHONPATH": str(ROOT), **named}


@contextmanager
def gpu_host(folder: Path, net: Net, port: int) -> Iterator[subprocess.Popen[bytes]]:
    words = [*net.host, sys.executable, "-m", "agent", "serve", "--http", "--host", net.address,
             "--port", str(port), "--only", "report_chest_xray,report_ct",
             "--device", "report_ct=cpu,*=cpu"]  # fmt: skip
    settings = environment(
        TOKEN=TOKEN, STATE_DIR=folder, ALLOWED_HOSTS=net.address, AUDIT_FILE=folder / "audit.jsonl"
    )
    process = subprocess.Popen(words, env=settings, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def configured(folder: Path, url: str) -> Path:
    config = folder / "servers.json"
    entry = {"url": f"{url}/mcp", "headers": {"Authorization": f"Bearer {TOKEN}"}}
    config.write_text(json.dumps({"mcpServers": {"gpu-host": entry}}))
    return config


def light(folder: Path) -> Path:
    """Modules that are not installed where only the light core is."""
    for name in ("torch", "transformers", "safetensors"):
        (folder / f"{name}.py").write_text(f"raise ImportError('no {name} here')\n")
    return folder


@contextmanager
def two_namespaces() -> Iterator[Net]:
    """Two network namespaces with one wire; skips where they may not be made."""
    here, there = f"wr{os.getpid()}a", f"wr{os.getpid()}b"
    with ExitStack() as undone:
        for name in (here, there):
            _ip("netns", "add", name)
            undone.callback(_ip, "netns", "delete", name)
        _ip("link", "add", here, "netns", here, "type", "veth", "peer", "name", there,
            "netns", there)  # fmt: skip
        for name, address in ((here, "10.77.31.1"), (there, "10.77.31.2")):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", name)
            _ip("-n", name, "link", "set", name, "up")
            _ip("-n", name, "link", "set", "lo", "up")
        inside = ("ip", "netns", "exec")
        yield Net((*inside, here), (*inside, there), "10.77.31.1")


def _ip(*words: str) -> None:
    if shutil.which("ip") is None:
        pytest.skip("no network namespaces: there is no `ip` here")
    run = subprocess.run(["ip", *words], capture_output=True, text=True)
    if run.returncode:
        pytest.skip(f"no network namespaces may be made here: {run.stderr.strip()}")


def test_two_machines_without_a_common_folder_answer_together(tmp_path: Path) -> None:
    machine, mine = tmp_path / "gpu-host", tmp_path / "agent"
    machine.mkdir()
    mine.mkdir()
    film = shutil.copy(DATA / "cxr" / "RG1_J2KI.dcm", mine / "Doe^Jane.dcm")
    with two_namespaces() as net, gpu_host(machine, net, 8765):
        reached = [*net.agent, sys.executable, "-c", _WAIT.format(net.address)]
        subprocess.run(reached, check=True, timeout=120)
        settings = environment(
            CONFIG=configured(mine, f"http://{net.address}:8765"), IN_PROCESS=0, STATE_DIR=mine
        )
        settings["PYTHONPATH"] = f"{light(mine)}{os.pathsep}{ROOT}"
        words = ["ask", "Is there pneumonia?", str(film), "--json"]
        command = [*net.agent, sys.executable, "-m", "agent", *words]
        runs = [
            subprocess.run(command, env=settings, capture_output=True, text=True, cwd=mine)
            for _ in range(2)
        ]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    answers = [json.loads(run.stdout) for run in runs]
    assert {one["tool"] for one in answers[0]["evidence"]} == {"report_chest_xray"}
    assert answers[0]["statements"] == answers[1]["statements"]
    audit = (machine / "audit.jsonl").read_text()
    assert audit.count('"report_chest_xray"') == 2
    assert "Doe" not in audit
    assert len(list(machine.rglob("*.file*"))) == 1  # sent once


_WAIT = """
import time, urllib.request
for _ in range(600):
    try:
        urllib.request.urlopen("http://{}:8765/health", timeout=2)
        break
    except OSError:
        time.sleep(0.1)
else:
    raise SystemExit("the server did not start")
"""


@pytest.mark.anyio
async def test_host_that_goes_away_costs_only_its_part(tmp_path: Path, settings: Settings) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    files = [DATA / "cxr" / "RG1_J2KI.dcm", DATA / "skin" / "PAT_778_1471_835.png"]
    question = "Is there pneumonia on the film, and is the mole malignant?"
    with gpu_host(tmp_path, Net(), port) as process:
        wait_for(url)
        given = settings.model_copy(update={"config": configured(tmp_path, url)})
        async with Agent(given, only=["classify_skin_lesion"]) as agent:
            assert "report_chest_xray" in agent.toolbox.catalogue
            process.kill()
            process.wait()
            answer = await agent.ask_async(question, files)
    assert {one.tool for one in answer.evidence} == {"classify_skin_lesion"}
    assert {(one.tool, one.code) for one in answer.failures} == {
        ("report_chest_xray", "server_unreachable")
    }


def test_upload_needs_the_token(tmp_path: Path) -> None:
    port = free_port()
    with gpu_host(tmp_path, Net(), port):
        wait_for(f"http://127.0.0.1:{port}")
        refused = httpx.head(f"http://127.0.0.1:{port}/files/" + "0" * 64)
    assert refused.status_code == 401
