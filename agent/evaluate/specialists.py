"""How good is a specialist on labelled images? Through the same path as every call."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.agent import Agent
from specialists.errors import InvalidInput

__all__ = ["Labelled", "evaluate_specialist", "read_labels"]

_LABEL_COLUMNS = ("label", "dx", "dr_grade", "grade")


@dataclass(frozen=True)
class Labelled:
    """An image and the class it truly has."""

    path: Path
    label: str


async def evaluate_specialist(
    agent: Agent, tool: str, data: Path, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Call a classifying specialist on every image and measure its predictions.

    Args:
        agent: Open.
        tool: The specialist's tool name.
        data: Folder with `images/` and `labels.csv` (columns `image_id` and `label`).
        progress: Told how far it is.

    Returns:
        Specialist, backend, n, how many images were refused or unreadable, and the metrics with 95%
        intervals.

    Raises:
        InvalidInput: If the specialist has no classes, or the labels don't fit them.
    """
    from specialists.calibration import evaluate_predictions

    info = agent.toolbox.info(tool)
    if not info.labels:
        raise InvalidInput(f"{tool} gives no classes that could be compared with labels.")
    classes = list(info.labels)
    rows = read_labels(data, info.labels)
    probabilities, sets, truth, refused, backend = [], [], [], 0, ""
    for number, row in enumerate(rows, 1):
        progress(f"{number}/{len(rows)}")
        try:
            options: dict[str, Any] = dict(info.label_options.get(row.label, {}))
            outcome = await agent.call_async(tool, [row.path], **options)
        except InvalidInput:
            refused += 1
            continue
        said = outcome.structured or {}
        predicted = said["prediction_sets"][0]
        probabilities.append([predicted["probabilities"].get(name, 0.0) for name in classes])
        sets.append([name in predicted["labels"] for name in classes])
        truth.append(classes.index(row.label))
        backend = said["provenance"]["backend"]
    if not truth:
        raise InvalidInput("No image of the folder was accepted by the specialist.")
    metrics = evaluate_predictions(
        _array(probabilities),
        _array(truth),
        _array(sets),
        [classes.index(name) for name in info.positive],
    )
    return {
        "specialist": tool,
        "backend": backend,
        "n": len(truth),
        "refused": refused,
        "metrics": metrics,
    }


def read_labels(data: Path, labels: Mapping[str, Sequence[str]]) -> list[Labelled]:
    """Read `labels.csv`, with every label translated to the specialist's class.

    Raises:
        InvalidInput: If the folder, a column or an image is missing, or a label is unknown.
    """
    table = data / "labels.csv"
    if not table.is_file():
        raise InvalidInput("The data folder needs images/ and labels.csv.")
    with table.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    column = next((name for name in _LABEL_COLUMNS if rows and name in rows[0]), None)
    if column is None or "image_id" not in rows[0]:
        wanted = " or ".join(_LABEL_COLUMNS)
        raise InvalidInput(f"labels.csv needs the columns image_id and {wanted}.")
    names = {alias.lower(): name for name, known in labels.items() for alias in (name, *known)}
    return [Labelled(_image(data, row["image_id"]), _class(row[column], names)) for row in rows]


def _class(label: str, names: Mapping[str, str]) -> str:
    try:
        return names[label.strip().lower()]
    except KeyError:
        known = ", ".join(sorted(names))
        raise InvalidInput(f"labels.csv has a label that is not one of: {known}.") from None


def _image(data: Path, image_id: str) -> Path:
    path = data / "images" / image_id
    for candidate in (path, path.with_name(path.name + ".jpg")):
        if candidate.is_file() and candidate.resolve().is_relative_to(data.resolve()):
            return candidate
    raise InvalidInput("labels.csv names an image that is not in images/.")


def _array(rows: Sequence[Any]) -> Any:
    import numpy as np

    return np.asarray(rows)
