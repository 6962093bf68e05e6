"""Small specialists that the tests serve: real specs and backends, with nothing to compute."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import Field

from agent.answer import Plan
from agent.gemma import Planner, PlanRequest
from specialists.base import (
    BackendSpec,
    Picture,
    Progress,
    Reading,
    Request,
    Source,
    SpecialistSpec,
)
from specialists.errors import UnusableGeometry
from specialists.schema import Accepts, Finding, Measurement, Provenance, SpecialistResult

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU"
    b"\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82"
)


class ToyRequest(Request):
    """Options of a toy."""

    detail: int = Field(1, ge=1, le=3)
    """How much to say."""


class Toy:
    """Answers at once."""

    def __init__(self, device: str) -> None:
        self.device = device

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        progress(0.5, "looking")
        return Reading(result_of("toy"), [Picture("A toy picture", PNG)])


class SlowToy(Toy):
    """Takes a second, as a remote model might."""

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        time.sleep(1.0)
        return super().read(inputs, request, progress)


class FailingToy(Toy):
    """Fails with an error of the tree."""

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        raise UnusableGeometry("The slices do not form a volume.")


class CrashingToy(Toy):
    """Fails with an error that names a patient."""

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        raise ValueError("could not read /data/Doe^Jane/1.dcm")


class WaitingToy(Toy):
    """Works until it is cancelled, which it notices when it reports progress."""

    begun = threading.Event()
    ended = threading.Event()

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        self.begun.set()
        try:
            for _ in range(600):
                time.sleep(0.05)
                progress(0.1, "working")
        finally:
            self.ended.set()
        return super().read(inputs, request, progress)


def result_of(name: str) -> SpecialistResult:
    """A result with one finding and one measurement."""
    return SpecialistResult(
        summary="Pneumonia or opacity: present (probability 0.93).",
        findings=(
            Finding(
                name="pneumonia or opacity",
                assertion="present",
                probability=0.93,
                text="Pneumonia or opacity is present (calibrated probability 0.93).",
            ),
        ),
        measurements=(
            Measurement(
                name="lung volume",
                value=2400.0,
                unit="cm3",
                laterality="left",
                text="The left lung in view measures 2400 cm3.",
            ),
        ),
        not_assessed=("Anything else.",),
        provenance=Provenance(
            specialist=name,
            backend="toy",
            model="toy",
            version="1",
            evaluated_on="nothing: it is a toy",
        ),
    )


def toy_spec(
    name: str = "report_toy",
    backend: type[Toy] | None = Toy,
    *,
    accepts: tuple[Accepts, ...] | None = None,
    keywords: tuple[str, ...] = (),
    timeout_s: float = 30.0,
) -> SpecialistSpec:
    """A specialist that takes scoring files, the cheapest thing to inspect."""
    roles = accepts or (
        Accepts(role="file", description="a scoring file", kinds=("scoring_file",)),
    )
    spec = SpecialistSpec(
        name=name,
        title=name.replace("_", " "),
        description=f"Looks at scoring files in the manner of {name}.",
        takes="scoring files",
        gives="a toy result",
        accepts=roles,
        request=ToyRequest,
        findings=("pneumonia or opacity",),
        keywords=("pneumonia", *keywords),
        timeout_s=timeout_s,
    )
    if backend is None:
        return spec
    target = f"{backend.__module__}:{backend.__qualname__}"
    return replace(spec, backends=(BackendSpec(name="toy", target=target),))


class ScriptedPlanner(Planner):
    """Plays plans in order, the last again and again; notes what it was told."""

    name = "script"
    can_extend = True

    def __init__(self, *plans: Plan) -> None:
        self.plans = list(plans)
        self.requests: list[PlanRequest] = []

    async def plan(self, request: PlanRequest) -> Plan:
        self.requests.append(request)
        return self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
