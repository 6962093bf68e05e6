"""The host on GPUs, with the figures of `torch.cuda` made up: no GPU is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from specialists import hub
from specialists.base import BackendSpec, Case, Progress, Reading, Request, Source, SpecialistSpec
from specialists.encoders.running import run_batches
from specialists.errors import BackendUnavailable, InvalidInput, OutOfMemory
from specialists.host import Host
from specialists.hub_models import MEDGEMMA_1_5_4B
from specialists.memory import Fitting
from specialists.placement import Placement, budget_gib, dtype_of
from tests.toys import Toy, ToyRequest, result_of, toy_spec

GIB = 2**30
HERE = "tests.unit.test_gpu_host"


@dataclass
class Cuda:
    """Two cards of 24 GiB."""

    held: Counter[str] = field(default_factory=Counter)
    peak: Counter[str] = field(default_factory=Counter)
    emptied: int = 0

    def take(self, device: str, gib: float) -> None:
        """Hold memory; past the card's it fails as torch does."""
        if self.held[device] + gib * GIB > 24 * GIB:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.held[device] += int(gib * GIB)
        self.peak[device] = max(self.peak[device], self.held[device])

    def work(self, device: str, gib: float) -> None:
        """Take memory for a moment."""
        self.take(device, gib)
        self.held[device] -= int(gib * GIB)

    def forget(self, device: str) -> None:
        self.peak[device] = self.held[device]

    def empty(self) -> None:
        self.emptied += 1


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    one = Cuda()
    Model.card = one
    for name, told in {
        "is_available": lambda: True,
        "memory_allocated": lambda device: one.held[device],
        "max_memory_allocated": lambda device: one.peak[device],
        "reset_peak_memory_stats": one.forget,
        "mem_get_info": lambda device: (24 * GIB - one.held[device], 24 * GIB),
        "empty_cache": one.empty,
    }.items():
        monkeypatch.setattr(torch.cuda, name, told)
    return one


class Model(Toy):
    """Holds 6 GiB and takes 4 while it works."""

    card: Cuda
    holds, takes = 6.0, 4.0

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self.card.take(device, self.holds)

    def __del__(self) -> None:
        self.card.held[self.device] -= int(self.holds * GIB)

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        self.card.work(self.device, self.takes)
        return super().read(inputs, request, progress)


class Greedy(Model):
    """Takes 20 GiB while it works."""

    takes = 20.0


class Batched(Model):
    """Takes 5 GiB for each case of a run."""

    sizes: list[int] = []

    def read_many(self, cases: Sequence[Case]) -> list[Reading]:
        self.card.work(self.device, 5 * len(cases))
        self.sizes.append(len(cases))
        return [Reading(result_of("toy")) for _ in cases]


class TooLarge(Model):
    """Does not fit the card."""

    holds = 30.0

    def __del__(self) -> None:
        pass


def spec_on(backend: type[Toy], name: str = "toy", memory_gib: float = 6.0) -> SpecialistSpec:
    target = f"{HERE}:{backend.__name__}"
    made = BackendSpec("toy", target, requires=("torch",), memory_gib=memory_gib)
    return replace(toy_spec(name), backends=(made,))


def read(host: Host, spec: SpecialistSpec) -> Reading:
    return host.read(spec, {}, ToyRequest(detail=1), lambda share, text: None)


def test_budget_is_what_the_card_has_free(cuda: Cuda) -> None:
    cuda.take("cuda:0", 10)
    assert budget_gib("cuda:0", None) == pytest.approx(14 * 0.95)
    assert budget_gib("cuda:0", 3.0) == 3.0
    with pytest.raises(BackendUnavailable, match=r"needs 15 GiB, and the budget is 13\.3 GiB"):
        read(Host("cuda:0"), spec_on(Model, memory_gib=15.0))


def test_peak_while_it_works_counts_with_the_weights(cuda: Cuda) -> None:
    host = Host("cuda:0")
    read(host, spec_on(Model))
    assert host.loaded() == {"toy:toy": pytest.approx(10.0)}


def test_models_are_unloaded_by_weights_and_peak_least_recently_used_first(cuda: Cuda) -> None:
    host = Host("cuda:0")
    for name in ("one", "two", "one", "three"):
        read(host, spec_on(Model, name))
    assert list(host.loaded()) == ["one:toy", "three:toy"]
    assert cuda.held["cuda:0"] == 12 * GIB


def test_each_device_has_a_budget_of_its_own(cuda: Cuda) -> None:
    host = Host("two=cuda:1,*=cuda:0", memory_gib=12.0)
    for name in ("one", "two", "three"):
        read(host, spec_on(Model, name))
    assert list(host.loaded()) == ["two:toy", "three:toy"]
    assert (cuda.held["cuda:0"], cuda.held["cuda:1"]) == (6 * GIB, 6 * GIB)


def test_out_of_memory_unloads_idle_models_and_tries_again(cuda: Cuda) -> None:
    host = Host("cuda:0", memory_gib=24.0)
    read(host, spec_on(Model, "idle"))
    cuda.held["cuda:0"] -= 3 * GIB  # 6 + 20 GiB fit only where the idle one is gone
    Greedy.takes = 17.0
    assert read(host, spec_on(Greedy, "greedy")).result.summary
    assert list(host.loaded()) == ["greedy:toy"]
    assert cuda.emptied > 0


def test_out_of_memory_for_good_is_an_error_with_a_code_and_stops_nothing_else(cuda: Cuda) -> None:
    host = Host("cuda:0", memory_gib=24.0)
    Greedy.takes = 20.0
    with pytest.raises(OutOfMemory, match="smaller file"):
        read(host, spec_on(Greedy, "greedy"))
    assert read(host, spec_on(Model)).result.summary


def test_model_too_large_to_load_is_out_of_memory(cuda: Cuda) -> None:
    with pytest.raises(OutOfMemory):
        read(Host("cuda:0"), spec_on(TooLarge, memory_gib=6.0))


def test_batch_too_large_is_read_in_halves(cuda: Cuda) -> None:
    host, spec = Host("cuda:0", memory_gib=24.0), spec_on(Batched)
    Batched.sizes = []
    with host._held(spec, "auto") as kept:
        case = Case({}, ToyRequest(detail=1), lambda share, text: None)
        assert kept.batches is not None
        assert len(kept.batches._function([case] * 8)) == 8
    assert Batched.sizes == [2, 2, 2, 2]


def test_size_that_was_too_large_is_not_tried_again() -> None:
    tried = []

    def model(items: Sequence[int]) -> list[int]:
        tried.append(len(items))
        if len(items) > 3:
            raise MemoryError
        return [item * 2 for item in items]

    assert Fitting(model, 8).run(range(10)) == [item * 2 for item in range(10)]
    assert tried == [8, 4, 2, 2, 2, 2, 2]


def test_single_item_gets_room_before_it_fails() -> None:
    room = []

    def model(items: Sequence[int]) -> Sequence[int]:
        if not room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return items

    assert Fitting(model, 1, lambda: room.append(1)).run([1, 2]) == [1, 2]
    with pytest.raises(OutOfMemory):
        Fitting(lambda items: (_ for _ in ()).throw(MemoryError()), 1).run([1])


def test_encoder_halves_a_batch_that_is_too_large_and_stays_at_it() -> None:
    sizes = []

    def forward(prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        sizes.append(len(prepared))
        if len(prepared) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return prepared * 2

    pictures = [np.full((1,), number, np.uint8) for number in range(8)]
    found = run_batches(lambda part: np.stack(part).astype(np.float32), forward, pictures, 4)
    assert found[:, 0].tolist() == [2.0 * number for number in range(8)]
    assert sizes == [4, 2, 2, 2, 2]


def test_other_failures_of_a_batch_are_raised_as_they_are() -> None:
    with pytest.raises(ZeroDivisionError):
        Fitting(lambda items: [1 // 0], 2).run([1, 2])


def test_processor_without_memory_is_out_of_memory() -> None:
    def model(items: Sequence[int]) -> Sequence[int]:
        torch.empty(2**55, dtype=torch.uint8)
        return items

    with pytest.raises(OutOfMemory):
        Fitting(model, 1).run([1])


def test_model_at_an_endpoint_takes_no_memory_here() -> None:
    kept = hub.folder()
    hub.configure(None, {MEDGEMMA_1_5_4B.id: hub.Endpoint("http://gpu:8001/v1", "medgemma")})
    try:
        backend = BackendSpec("toy", f"{HERE}:Served", memory_gib=40.0, hub=MEDGEMMA_1_5_4B)
        host = Host("cpu", memory_gib=1.0)
        read(host, replace(toy_spec(), backends=(backend,)))
        assert host.loaded() == {"report_toy:toy": 0.0}
    finally:
        hub.configure(kept)


class Served(Toy):
    """Is told where its model is served."""

    def __init__(self, device: str, weights: object) -> None:
        super().__init__(device)
        assert isinstance(weights, hub.Endpoint)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("cuda:1", "cuda:1"),
        ("report_ct=cuda:1,*=cuda:0", "cuda:1"),
        ("other=cuda:1, * = cpu", "cpu"),
        ("report_ct:big=cuda:3,report_ct=cuda:1", "cuda:3"),
    ],
)
def test_placement_takes_the_most_exact_name(text: str, device: str) -> None:
    assert Placement.parse(text).of("report_ct", "big") == device


@pytest.mark.parametrize("text", ["a=", "=cuda:0", "a=b=c", "report_ct=cuda:1,cuda:0"])
def test_placement_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="report_ct=cuda:1"):
        Placement.parse(text)


def test_number_format_follows_from_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dtype_of("cpu") == "float32"
    monkeypatch.setattr(torch.cuda, "device", lambda device: torch.device("cpu"))
    for can, dtypes in ((True, ["bfloat16"] * 2), (False, ["float16", "float32"])):
        supported = partial(lambda can, including_emulation: can, can)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
        assert [dtype_of("cuda:0", overflows=one) for one in (False, True)] == dtypes
