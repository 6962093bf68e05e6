"""What the reference models cost, and what is gained by batches and by several images at once."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent import Agent, Settings
from agent.evaluate import specialists as evaluation
from specialists.machine import why_not
from specialists.registry import spec_of, specs
from tests.samples import CASES

pytestmark = pytest.mark.bench

ROOT = Path(__file__).parents[2]
COLUMNS = {
    "load_s": "load s",
    "first_s": "first s",
    "answer_s": "answer s",
    "processor_s": "processor s",
    "added_mib": "added MiB",
}
MOST = {"load_s": 2.0, "processor_s": 0.3, "added_mib": 400.0}


def cost(tool: str) -> dict[str, float]:
    words = [sys.executable, "-m", "tests.bench.model_cost", tool]
    run = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    told: dict[str, float] = json.loads(run.stdout)
    return told


def test_models_load_and_answer_within_their_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    can = [tool for tool in CASES if any(why_not(b) is None for b in spec_of(tool).backends)]
    lines = ["", f"{'':24}" + "".join(f"{name:>13}" for name in COLUMNS.values())]
    for tool in can:
        told = cost(tool)
        over = [COLUMNS[name] for name, most in MOST.items() if told[name] > most]
        values = "".join(f"{told[name]:13.{0 if told[name] > 9 else 2}f}" for name in COLUMNS)
        lines.append(f"{tool:24}{values}  {'over: ' + ', '.join(over) if over else 'within'}")
    bounds = "at most 2 s to load, torch's import aside; 0.3 s an answer; 400 MiB"
    lines.append(f"{bounds}; load of the machine {told['load_of_the_machine']:.1f}")
    with capsys.disabled():
        print("\n".join(lines))
    assert {*can} <= {*specs()}


def burst(work: Callable[[int], object], count: int = 32) -> tuple[float, float]:
    """Milliseconds a picture, by the clock and by the processor, where all are asked at once."""
    together = threading.Barrier(count + 1)

    def ask(number: int) -> None:
        together.wait()
        work(number)

    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(ask, number) for number in range(count)]
        together.wait()
        began, used = time.perf_counter(), time.process_time()
        for one in asked:
            one.result()
        scale = 1e3 / count
        return scale * (time.perf_counter() - began), scale * (time.process_time() - used)


def test_pictures_asked_about_at_once_go_through_the_recogniser_together(
    capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    pytest.importorskip("torch")
    from specialists.recogniser.loaded import recogniser

    net = recogniser()
    assert net is not None
    files = sorted((data / "recogniser").glob("*.jpg"))
    seen = [np.asarray(Image.open(path).convert("RGB")) for path in files]
    apart, together = [], []
    for _ in range(7):  # in turns, so that what else the machine does falls on both
        apart.append(burst(lambda i: net.recognise_all([seen[i % len(seen)]])))
        together.append(burst(lambda i: net.recognise(seen[i % len(seen)])))
    lines = [""]
    for name, index in (("by the clock", 0), ("of the processor", 1)):
        one, many = (min(told[index] for told in both) for both in (apart, together))
        lines.append(
            f"recogniser, 32 asked at once: {one:.1f} ms {name} each alone, {many:.1f} in "
            f"batches: ratio {one / many:.2f}"
        )
    with capsys.disabled():
        print("\n".join(lines))


@pytest.mark.anyio
async def test_evaluation_with_several_images_on_their_way(
    capsys: pytest.CaptureFixture[str],
    data: Path,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch")
    (tmp_path / "images").mkdir()
    rows = [["image_id", "label"]]
    for number in range(5):
        for path in (data / "chest").glob("*.jpg"):
            name = f"{path.stem}_{number}.jpg"
            shutil.copy(path, tmp_path / "images" / name)
            rows.append([name, path.stem.split("_")[1]])
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    told = {}
    async with Agent(settings, only=["report_chest_xray"]) as agent:
        for flying in (1, evaluation.IN_FLIGHT):
            monkeypatch.setattr(evaluation, "IN_FLIGHT", flying)
            report = await evaluation.evaluate_specialist(agent, "report_chest_xray", tmp_path)
            told[flying] = report["images_per_second"]
    with capsys.disabled():
        print(f"\nevaluate report_chest_xray, images a second by images on their way: {told}")
