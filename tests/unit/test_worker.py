"""Limits of reader processes, on functions of the standard library that break each of them."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from specialists.errors import (
    InvalidInput,
    ReadLimitExceeded,
    TimedOut,
    UnreadableFile,
    WorkerLost,
)
from specialists.readers.radiograph import Radiograph
from specialists.readers.transport import receive, send, transported
from specialists.readers.worker import Limits, configure, run
from specialists.schema import Manifest


@pytest.fixture
def tight():
    configure(Limits(memory_gib=1, cpu_s=1, wall_s=4, workers=1))
    yield
    configure(Limits())


def test_run_returns_plain_values():
    assert run("math:sqrt", 9.0) == 3.0


def test_run_keeps_its_process_warm():
    configure(Limits(workers=1))
    assert run("os:getpid") == run("os:getpid") != os.getpid()
    configure(Limits())


def test_run_without_memory_says_so(tight):
    with pytest.raises(ReadLimitExceeded):
        run("builtins:bytearray", 3 * 2**30)
    assert run("math:sqrt", 4.0) == 2.0


def test_run_result_beyond_the_memory_limit_is_refused(tight):
    with pytest.raises(ReadLimitExceeded):
        run("numpy:zeros", [2**28], "f8")


def test_run_beyond_its_processor_time_is_ended(tight):
    with pytest.raises(ReadLimitExceeded):
        run("math:factorial", 10**8)
    assert run("math:sqrt", 4.0) == 2.0


def test_processor_time_counts_by_job(tight):
    spent = 0.0
    while spent <= 1.0:  # more, over all jobs, than one job may take
        spent += run("timeit:timeit", number=5_000_000)
    assert run("math:sqrt", 4.0) == 2.0


def test_run_beyond_its_time_is_ended(tight):
    started = time.monotonic()
    with pytest.raises(TimedOut):
        run("time:sleep", 60)
    assert time.monotonic() - started < 10
    assert run("math:sqrt", 4.0) == 2.0


def test_run_survives_a_crash(tight):
    with pytest.raises(WorkerLost) as caught:
        run("os:abort")
    assert caught.value.retryable
    assert run("math:sqrt", 4.0) == 2.0


def test_run_replaces_a_process_that_was_killed_while_idle(tight):
    first = run("os:getpid")
    os.kill(first, signal.SIGKILL)
    time.sleep(0.1)
    assert run("os:getpid") != first


def test_run_other_failure_says_nothing_of_its_cause():
    with pytest.raises(UnreadableFile) as caught:
        run("os:listdir", "/no/such/Doe^Jane")
    assert "Doe" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_run_too_deep_nesting_is_unreadable():
    with pytest.raises(UnreadableFile, match="nested"):
        run("json:loads", "[" * 100_000)


def test_run_result_that_cannot_cross_is_unreadable():
    with pytest.raises(UnreadableFile):
        run("builtins:object")


def test_run_error_of_the_tree_keeps_code_and_message():
    with pytest.raises(InvalidInput, match="width"):
        run("specialists.readers.window:voi_window", np.zeros(3, np.float32), 0.0, 0.0)


def test_run_from_many_threads_gives_each_its_own_answer():
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: run("math:sqrt", float(number)), range(100)))
    assert answers == pytest.approx([number**0.5 for number in range(100)])


def test_configure_during_a_job_lets_it_finish():
    answers: list[object] = []
    job = threading.Thread(target=lambda: answers.append(run("time:sleep", 1.0)))
    job.start()
    time.sleep(0.3)
    configure(Limits())
    job.join()
    assert answers == [None]


def test_reader_has_no_secrets_of_its_parent(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    configure(Limits())
    assert "sk-secret" not in str(run("os:environ.copy"))


def test_reader_output_does_not_disturb_the_answer(capfd):
    assert run("builtins:print", "noise on the way") is None
    assert run("os:system", "echo noise; echo noise >&2") == 0
    assert "noise" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -3,
        2.5,
        "text",
        [1, "a"],
        (1, (2, 3)),
        {"a": 1, "dtype": (2,), "array": 0},
        Path("/a/b"),
        Manifest(kind="image", format="PNG", notes=("a",), spacing_mm=(1.0, 2.0)),
    ],
)
def test_value_crosses_unchanged(value):
    assert _through(value) == value


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">u2", "f4", "f8", "?", "c16", "U3", "S2"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_array_crosses_unchanged(dtype, shape):
    array = np.ones(shape).astype(dtype)
    back = _through({"pixels": (array, 1)})["pixels"][0]
    assert back.dtype == array.dtype
    assert back.shape == shape
    assert np.array_equal(back, array)
    assert back.flags.writeable


def test_transposed_array_crosses_unchanged():
    array = np.arange(24).reshape(2, 3, 4).T
    assert np.array_equal(_through(array), array)


def test_dataclass_crosses_with_its_arrays():
    sent = Radiograph(np.eye(3, dtype=np.float32), (1.0, 2.0), "PA", "left", ("note",))
    back = _through(sent)
    assert isinstance(back, Radiograph)
    assert np.array_equal(back.pixels, sent.pixels)
    assert back.spacing_mm == (1.0, 2.0)


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array([object()])])
def test_value_of_an_unknown_type_is_not_sent(value):
    with pytest.raises(TypeError):
        _through(value)


@pytest.mark.parametrize(
    "name", ["subprocess:Popen", "specialists.host:Host", "specialists.readers.worker:run", "x"]
)
@pytest.mark.parametrize("kind", ["data", "model"])
def test_type_that_was_not_registered_is_not_built(name, kind):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        body = json.dumps({kind: name, "fields": {}}).encode()
        theirs.sendall(struct.pack("<QI", len(body), 0) + body)
        with pytest.raises((ValueError, ImportError)):
            receive(ours)


def test_transported_takes_dataclasses_only():
    with pytest.raises(TypeError):
        transported(int)


def test_import_of_the_readers_loads_nothing_heavy():
    script = "import sys, specialists.readers; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert not {"pydicom", "numpy", "nibabel", "PIL"} & set(loaded.stdout.decode().split())


def test_exit_with_warm_readers_is_silent():
    script = "from specialists.readers.worker import run; run('math:sqrt', 4.0)"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def _through(value):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        # Small messages fit into the socket's buffer: no second thread is needed.
        send(theirs, value)
        return receive(ours)
