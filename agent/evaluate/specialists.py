"""How good is a specialist on labelled images? Through the same path as every call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.agent import Agent
from agent.evaluate.labels import Labelled, read_cases
from specialists.errors import BackendUnavailable, InvalidInput, WardroundError

__all__ = ["Predictions", "Told", "ask_all", "evaluate_specialist", "measured", "predict", "spread"]

IN_FLIGHT = 4
"""Images on their way at once: while one is computed, the next are read."""
NO_PREDICTION = "no_prediction"

Told = Callable[[str], None]


@dataclass
class Predictions:
    """What a specialist said of the images that it took."""

    classes: tuple[str, ...]
    probabilities: list[list[float]] = field(default_factory=list)
    sets: list[list[bool]] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    """By the error's code, the images."""
    backend: str = ""
    images_per_second: float = 0.0
    """After the first image, at which the model is loaded."""

    def add(self, case: Labelled, said: Mapping[str, Any]) -> None:
        """Take one result, or count it as refused where it has no classes to compare."""
        predicted = _of_classes(said, self.classes)
        if predicted is None:
            self.refuse(case, NO_PREDICTION)
            return
        self.probabilities.append([predicted["probabilities"].get(c, 0.0) for c in self.classes])
        self.sets.append([name in predicted["labels"] for name in self.classes])
        self.truth.append(self.classes.index(case.label))
        self.groups.append(case.group)
        self.backend = said["provenance"]["backend"]

    def refuse(self, case: Labelled, code: str) -> None:
        """Note an image without a prediction."""
        self.refused.setdefault(code, []).append(case.path.name)


async def evaluate_specialist(
    agent: Agent,
    tool: str,
    data: Path,
    progress: Told = lambda _: None,
    *,
    limit: int | None = None,
    plots: Path | None = None,
    backend: str = "auto",
) -> dict[str, Any]:
    """Call a classifying specialist on every image and measure its predictions.

    Args:
        agent: Open.
        tool: The specialist's tool name.
        data: Folder with `images/` and `labels.csv`, or another layout that `labels` knows.
        progress: Told how far it is.
        limit: Take so many images only, spread over the table.
        plots: Folder for the picture of the reliability curve and the ROC.
        backend: Which of its models.

    Returns:
        Specialist, backend, n, how many images were refused and why, images per second, and the
        metrics with 95% intervals from a bootstrap of whole groups.

    Raises:
        InvalidInput: If the specialist has no classes, or the labels don't fit them, or no image
            was accepted.
        BackendUnavailable: If no model of the specialist can run here.
    """
    info = agent.toolbox.info(tool)
    if not info.labels:
        raise InvalidInput(f"{tool} gives no classes that could be compared with labels.")
    cases = spread(read_cases(data, info.labels, info.options.get("properties", {})), limit)
    found = await predict(agent, tool, cases, progress, backend)
    report = measured(tool, found, info.positive)
    if _fitted_to(tool, found.backend, data):
        report["note"] = "the model was calibrated on these very cases: its coverage is flattered"
    if plots is not None:
        from agent.evaluate.plot import draw

        report["plot"] = str(draw(found, info.positive, tool, plots))
    return report


def spread(cases: Sequence[Labelled], limit: int | None) -> list[Labelled]:
    """So many cases, spread over the table; all where there is no limit."""
    if limit is None or limit >= len(cases):
        return list(cases)
    return [cases[len(cases) * number // limit] for number in range(limit)]


def _fitted_to(tool: str, backend: str, data: Path) -> bool:
    """Whether what is measured was calibrated on the same table."""
    from tools.calibrations import fitted_to

    table = data / "labels.csv"
    return table.is_file() and fitted_to(tool, backend, table.read_bytes())


async def predict(
    agent: Agent,
    tool: str,
    cases: Sequence[Labelled],
    progress: Told = lambda _: None,
    backend: str = "auto",
) -> Predictions:
    """Call the specialist on every case, several at a time; the order of the cases is kept.

    Raises:
        BackendUnavailable: If no model of the specialist can run here.
    """
    found = Predictions(tuple(agent.toolbox.info(tool).labels))
    told, found.images_per_second = await ask_all(agent, tool, cases, progress, backend)
    for case, said in zip(cases, told, strict=True):
        if isinstance(said, WardroundError):
            found.refuse(case, said.code)
        else:
            found.add(case, said)
    return found


async def ask_all(
    agent: Agent,
    tool: str,
    cases: Sequence[Labelled],
    progress: Told = lambda _: None,
    backend: str = "auto",
) -> tuple[list[Mapping[str, Any] | WardroundError], float]:
    """Call the specialist on every case, several at a time.

    Returns:
        What it said of each, in the order of the cases, and images a second after the first.

    Raises:
        BackendUnavailable: If no model of the specialist can run here.
    """
    info = agent.toolbox.info(tool)
    told: dict[int, Mapping[str, Any] | WardroundError] = {}
    free = asyncio.Semaphore(IN_FLIGHT)

    async def ask(number: int) -> None:
        async with free:
            case = cases[number]
            options = {**info.label_options.get(case.label, {}), **case.options}
            if backend != "auto":
                options["backend"] = backend
            told[number] = await _asked(agent, tool, case.path, options)
            progress(f"{len(told)}/{len(cases)}")

    await ask(0)
    first = told[0]
    if isinstance(first, BackendUnavailable):
        raise first
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(1, len(cases)):
            group.create_task(ask(number))
    speed = (len(cases) - 1) / max(time.perf_counter() - started, 1e-6)
    return [told[number] for number in range(len(cases))], speed


async def _asked(
    agent: Agent, tool: str, path: Path, options: Mapping[str, Any]
) -> Mapping[str, Any] | WardroundError:
    try:
        outcome = await agent.call_async(tool, [path], **options)
    except WardroundError as error:
        return error
    return outcome.structured or {}


def measured(tool: str, found: Predictions, positive: Sequence[str]) -> dict[str, Any]:
    """Measure predictions: what `evaluate` reports.

    Raises:
        InvalidInput: If there are none.
    """
    import numpy as np

    from specialists.measures import evaluate_predictions

    refused = {code: sorted(names) for code, names in sorted(found.refused.items())}
    if not found.truth:
        reasons = ", ".join(f"{code} {len(names)} times" for code, names in refused.items())
        raise InvalidInput(f"No image of the folder was accepted by the specialist: {reasons}.")
    metrics = evaluate_predictions(
        np.asarray(found.probabilities),
        np.asarray(found.truth),
        np.asarray(found.sets),
        [found.classes.index(name) for name in positive],
        found.groups,
        names=found.classes,
    )
    return {
        "specialist": tool,
        "backend": found.backend,
        "n": len(found.truth),
        "groups": len(set(found.groups)),
        "refused": sum(map(len, refused.values())),
        "refused_images": refused,
        "images_per_second": round(found.images_per_second, 2),
        "metrics": metrics,
    }


def _of_classes(said: Mapping[str, Any], classes: Sequence[str]) -> Mapping[str, Any] | None:
    """The prediction set that is over the specialist's classes; it may give others too."""
    for predicted in said.get("prediction_sets", ()):
        if set(predicted["probabilities"]) <= set(classes):
            one: Mapping[str, Any] = predicted
            return one
    return None
