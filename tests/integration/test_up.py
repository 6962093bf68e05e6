"""`wardround up`, with a stand-in for vLLM's command."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from agent.settings import MEDGEMMA, Settings
from agent.up import Server, Wanted, servers
from specialists.errors import InvalidInput

ROOT = Path(__file__).parents[2]
HERE: dict[str, Path] = {}


def asked(settings: Settings, gpu_gib: float, **more: object) -> list[Server]:
    return servers(Wanted(gpu_gib, **more), settings, HERE)  # type: ignore[arg-type]


def share(server: Server) -> float:
    return float(server.words[server.words.index("--gpu-memory-utilization") + 1])


@pytest.mark.parametrize(
    ("gib", "models"),
    [
        (8, ["google/gemma-4-E4B-it-qat-mobile-ct"]),
        (16, [MEDGEMMA]),
        (24, ["google/gemma-4-E4B-it-qat-mobile-ct", MEDGEMMA]),
        (48, ["google/gemma-4-12B-it-qat-w4a16-ct", MEDGEMMA]),
        (80, ["google/gemma-4-26B-A4B-it", MEDGEMMA]),
    ],
)
def test_card_decides_what_is_served_and_the_shares_fit_it(
    settings: Settings, gib: float, models: list[str]
) -> None:
    found = asked(settings, gib)
    assert [one.model for one in found] == models
    assert sum(map(share, found)) <= 0.95
    assert len({one.port for one in found}) == len(found)


def test_medgemma_has_the_flags_of_its_card(settings: Settings) -> None:
    (server,) = asked(settings, 24, gemma="")
    assert shlex.join(server.words) == (
        f"vllm serve {MEDGEMMA} --max-model-len 40960 --limit-mm-per-prompt '{{\"image\":126}}' "
        "--dtype bfloat16 --gpu-memory-utilization 0.50 --host 127.0.0.1 --port 8001"
    )


def test_server_that_the_settings_name_is_not_started_again(settings: Settings) -> None:
    set_here = {"gemma_url": "http://h/v1", "gemma_model": "g"}
    assert [one.name for one in asked(settings.model_copy(update=set_here), 24)] == ["medgemma"]
    set_here = {"medgemma_url": "http://h/v1"}
    (alone,) = asked(settings.model_copy(update=set_here), 24)
    assert alone.model == "google/gemma-4-12B-it-qat-w4a16-ct"


def test_two_cards_are_not_shared(settings: Settings) -> None:
    gemma, medgemma = asked(settings, 24, gpus=(0, 1))
    assert gemma.model == "google/gemma-4-12B-it-qat-w4a16-ct"
    cards = [one.environment["CUDA_VISIBLE_DEVICES"] for one in (gemma, medgemma)]
    assert cards == ["0", "1"]


def test_models_that_do_not_fit_together_are_refused(settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="need 26 GiB, and the GPU has 24"):
        asked(settings, 24, gemma="google/gemma-4-12B-it-qat-w4a16-ct", medgemma=True)


def test_gemma_of_ones_own_gets_what_is_left(settings: Settings) -> None:
    gemma, medgemma = asked(settings, 80, gemma="me/gemma", medgemma=True)
    assert share(gemma) + share(medgemma) == pytest.approx(0.93 - 2 / 80, abs=0.02)


def test_pulled_model_is_served_from_its_folder_under_its_id(
    settings: Settings, tmp_path: Path
) -> None:
    (server,) = servers(Wanted(24, gemma=""), settings, {MEDGEMMA: tmp_path})
    assert server.words[:5] == ("vllm", "serve", str(tmp_path), "--served-model-name", MEDGEMMA)
    assert server.environment["HF_HUB_OFFLINE"] == "1"


def test_key_is_in_the_environment_and_in_no_command(settings: Settings) -> None:
    (server,) = asked(settings.model_copy(update={"medgemma_key": "secret"}), 24, gemma="")
    assert server.environment["VLLM_API_KEY"] == "secret"
    assert "secret" not in server.line
    assert 'VLLM_API_KEY="$WARDROUND_MEDGEMMA_KEY"' in server.line


def two_ports() -> int:
    """A free port whose next one is free too."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                other.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


class Up:
    """The command in a process of its own."""

    def __init__(self, folder: Path, port: int, fault: str, words: tuple[str, ...]) -> None:
        vllm = folder / "vllm"
        vllm.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.fake_vllm "$@"\n')
        vllm.chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if "WARDROUND" not in name}
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent", "up", "--gpu-gib", "24", "--vllm", str(vllm),
             "--port", str(port), *words],
            env={**kept, "WARDROUND_STATE_DIR": str(folder), "FAKE_VLLM": fault,
                 "WARDROUND_MODELS_DIR": str(folder), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip

    def exports(self) -> list[str]:
        assert self.process.stdout is not None
        return [self.process.stdout.readline().strip() for _ in range(3)]

    def ended(self) -> tuple[int, str]:
        _, told = self.process.communicate(timeout=60)
        return self.process.returncode, told

    def serves(self, port: int) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def up(folder: Path, fault: str = "", *words: str) -> Iterator[Up]:
    port = two_ports()
    at = fault.replace("first", str(port)).replace("second", str(port + 1))
    one = Up(folder, port, at, words)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.communicate()


def test_both_are_healthy_before_the_exports_are_told_and_end_together(tmp_path: Path) -> None:
    with up(tmp_path, "slow:second") as one:
        assert one.exports() == [
            f"export WARDROUND_GEMMA_URL=http://127.0.0.1:{one.port}/v1",
            "export WARDROUND_GEMMA_MODEL=google/gemma-4-E4B-it-qat-mobile-ct",
            f"export WARDROUND_MEDGEMMA_URL=http://127.0.0.1:{one.port + 1}/v1",
        ]
        assert one.serves(one.port) and one.serves(one.port + 1)
        one.process.send_signal(signal.SIGINT)
        code, told = one.ended()
        assert code == 0 and "stopping" in told
        assert not one.serves(one.port) and not one.serves(one.port + 1)


def test_server_that_does_not_start_ends_the_other_and_shows_why(tmp_path: Path) -> None:
    with up(tmp_path, "dies:second") as one:
        code, told = one.ended()
        assert code == 3 and "medgemma ended with code 1" in told
        assert "medgemma: torch.OutOfMemoryError: CUDA out of memory" in told
        assert not one.serves(one.port)
    assert "OutOfMemory" in (tmp_path / "up" / "medgemma.log").read_text()


def test_server_that_ends_later_ends_the_other(tmp_path: Path) -> None:
    with up(tmp_path, "ends:second") as one:
        assert len(one.exports()) == 3
        code, told = one.ended()
        assert code == 3 and "ended with code 7" in told
        assert not one.serves(one.port)


def test_server_that_is_not_ready_in_time_is_given_up(tmp_path: Path) -> None:
    with up(tmp_path, "slow:first", "--wait", "0.3", "--no-medgemma") as one:
        code, told = one.ended()
    assert code == 3 and "was not ready" in told


def test_server_deaf_to_the_signal_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent import supervision

    monkeypatch.setattr(supervision, "_PATIENCE_S", 0.3)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); "
    words = [sys.executable, "-c", deaf + "time.sleep(60)"]
    process = subprocess.Popen(words, start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    began = time.monotonic()
    supervision._end([process])
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL and time.monotonic() - began < 10


def test_dry_run_prints_the_commands_and_starts_nothing(tmp_path: Path) -> None:
    with up(tmp_path, "", "--dry-run") as one:
        out, _ = one.process.communicate(timeout=60)
        assert one.process.returncode == 0
    lines = out.splitlines()
    assert [line.split()[2] for line in lines if "vllm" in line.split("export")[0]] == ["serve"] * 2
    assert not one.serves(one.port)


def test_machine_without_vllm_says_what_to_install(tmp_path: Path) -> None:
    with up(tmp_path, "", "--vllm", "no-such-vllm") as one:
        code, told = one.ended()
    assert code == 3 and 'pip install "wardround[vllm]"' in told
